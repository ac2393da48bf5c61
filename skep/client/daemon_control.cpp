// SPDX-License-Identifier: Apache-2.0
#include "skep/client/daemon_control.hpp"

#include <cerrno>

#include "skep/client/marshal.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/spec/private/private_commands.hpp"
#include "skep/syscall/pins/pin_directory.hpp"
#include "skep/syscall/wire/daemon_place.hpp"

namespace skep::client {
namespace {

constexpr int kPatienceMs = 5000;

// Whether this says that the other side has gone.
bool is_gone(const Error& error) { return error.os_errno == EPIPE || error.os_errno == ECONNRESET; }

// One private command without descriptors or maps; false when nobody listens. A daemon that ends
// lets go of whoever knocked meanwhile: then nobody listens any more.
template <class T>
Result<bool> ask_daemon(spec::PrivateCommand command, T& attributes) {
    const syscall::DaemonPlace place = syscall::daemon_place(syscall::pin_directory_path());
    auto socket = os::connect_for_messages(place.socket);
    if (!socket.ok() && socket.error().code == Code::not_found) {
        return false;
    }
    const os::Fd connection = TRY(std::move(socket));
    if (TRY(os::peer_of(connection)).uid != os::user_id()) {
        return fail(Code::access_denied, "another user's daemon listens at " + place.socket);
    }
    const ShapeOf no_maps = [](int) -> Result<MapShape> {
        return fail(Code::invalid_input, "no map");
    };
    Marshaller marshaller(static_cast<std::uint32_t>(command), &attributes, sizeof attributes,
                          no_maps);
    const Marshalled call = TRY(marshaller.marshal());
    auto sent = syscall::send_request(connection, call.request, call.files);
    if (!sent.ok() && is_gone(sent.error())) {
        return false;
    }
    TRY(std::move(sent));
    auto message = TRY(os::receive_message(connection, kPatienceMs));
    if (message.is_end) {
        return false;
    }
    const auto received = TRY(syscall::open_answer(std::move(message)));
    if (received.answer.result < 0) {
        return Error{Code::system, static_cast<int>(-received.answer.result),
                     received.answer.message};
    }
    TRY(apply_writes(call.request, received.answer.writes));
    return true;
}

} // namespace

Result<std::optional<DaemonStatus>> daemon_status() {
    abi::DaemonStatusAttr attr{};
    if (!TRY(ask_daemon(spec::PrivateCommand::daemon_status, attr))) {
        return std::optional<DaemonStatus>();
    }
    DaemonStatus status;
    status.pid = attr.pid;
    status.up_seconds = (os::boot_time_ns() - attr.started_ns) / 1'000'000'000;
    status.clients = attr.clients - 1; // not ourselves
    status.workers = attr.workers;
    status.programs = attr.programs;
    status.maps = attr.maps;
    status.types = attr.types;
    status.links = attr.links;
    status.pins = attr.pins;
    status.attachments = attr.attachments;
    return std::optional<DaemonStatus>(status);
}

Result<bool> stop_daemon(Stop how) {
    abi::DaemonStopAttr attr{how == Stop::always ? 1U : 0U};
    return ask_daemon(spec::PrivateCommand::daemon_stop, attr);
}

std::string daemon_log_path() { return syscall::daemon_place(syscall::pin_directory_path()).log; }

} // namespace skep::client
