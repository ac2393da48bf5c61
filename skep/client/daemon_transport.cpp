// SPDX-License-Identifier: Apache-2.0
//
// The daemon's transport: each call is a message, each answer another. The daemon is started when
// it does not run; a lock file sees to it that only one of several clients does so.
#include <cerrno>
#include <map>

#include "skep/client/bpf_call.hpp"
#include "skep/client/marshal.hpp"
#include "skep/client/user_transport.hpp"
#include "skep/os/command.hpp"
#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/process/handle.hpp"
#include "skep/os/process/lock_file.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/os/process/service_process.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/os/storage/private_directory.hpp"
#include "skep/spec/map_types.hpp"
#include "skep/spec/private/private_commands.hpp"
#include "skep/syscall/wire/daemon_place.hpp"

namespace skep::client {
namespace {

constexpr int kStartPatienceMs = 10'000;
constexpr int kStartPauseMs = 5;

bool is_per_cpu(spec::MapType type) {
    return type == spec::MapType::percpu_hash || type == spec::MapType::percpu_array ||
           type == spec::MapType::lru_percpu_hash || type == spec::MapType::percpu_cgroup_storage;
}

// Beside the program that runs, unless the environment names another.
Result<std::string> daemon_program() {
    const std::string chosen = os::environment_variable("SKEP_DAEMON");
    if (!chosen.empty()) {
        return chosen;
    }
    const std::string own = TRY(os::own_program());
    return own.substr(0, own.rfind('/')) + "/skepd";
}

Result<os::Fd> start_daemon(const std::string& pin_directory) {
    const syscall::DaemonPlace place = syscall::daemon_place(pin_directory);
    const os::Fd lock = TRY(os::open_private_file(place.lock));
    TRY(os::lock_file(lock));
    auto connected = os::connect_for_messages(place.socket);
    if (connected.ok() || connected.error().code != Code::not_found) {
        return connected; // somebody else was quicker
    }
    const std::string program = TRY(daemon_program());
    if (!os::is_program(program)) {
        return fail(Code::not_found, "the engine's daemon is not at " + program +
                                         "; SKEP_DAEMON names another place");
    }
    TRY(os::start_detached({program, "--pin-directory", pin_directory}, place.log));
    for (int waited_ms = 0; waited_ms < kStartPatienceMs; waited_ms += kStartPauseMs) {
        connected = os::connect_for_messages(place.socket);
        if (connected.ok() || connected.error().code != Code::not_found) {
            return connected;
        }
        TRY(os::wait_readable({}, kStartPauseMs));
    }
    return fail(Code::again, "the engine's daemon did not start; its log is " + place.log);
}

class DaemonTransport final : public UserTransport {
  public:
    explicit DaemonTransport(std::string pin_directory) : UserTransport(std::move(pin_directory)) {}

    Result<void> connect() {
        TRY(pins().ensure());
        const syscall::DaemonPlace place = syscall::daemon_place(pins().path());
        TRY(os::ensure_private_directory(place.folder, os::Parent::must_exist));
        auto connected = os::connect_for_messages(place.socket);
        if (!connected.ok() && connected.error().code == Code::not_found) {
            connected = start_daemon(pins().path());
        }
        socket_ = TRY(std::move(connected));
        if (TRY(os::peer_of(socket_)).uid != os::user_id()) {
            return fail(Code::access_denied, "another user's daemon listens at " + place.socket);
        }
        return {};
    }

    [[nodiscard]] Result<void> check_alive() const override {
        const int socket = socket_.number();
        // Between calls the daemon says nothing: what can be read is the end.
        const bool is_alive = socket_.is_open() && TRY(os::wait_readable({&socket, 1}, 0)).empty();
        return is_alive ? Result<void>() : fail(Code::again, "the engine's daemon has ended");
    }

  private:
    Answer carry(std::uint32_t command, void* attributes, std::uint32_t size) override {
        auto answered = exchange(command, attributes, size);
        if (!answered.ok()) {
            return {-errno_of(answered.error()), answered.error().message};
        }
        return std::move(*answered);
    }

    Result<Answer> exchange(std::uint32_t command, void* attributes, std::uint32_t size) {
        const ShapeOf shape_of = [this](int fd) { return shape(fd); };
        Marshalled call = TRY(Marshaller(command, attributes, size, shape_of).marshal());
        PinFile pin = take_pin(command, call);
        TRY_WHILE("the engine's daemon", send(call));
        auto message = TRY_WHILE("the engine's daemon", os::receive_message(socket_));
        if (message.is_end) {
            socket_ = os::Fd();
            return fail(Code::again, "the engine's daemon ended during the call");
        }
        auto received = TRY(syscall::open_answer(std::move(message)));
        Answer answer{static_cast<long>(received.answer.result),
                      std::move(received.answer.message)};
        pin.stays = answer.result >= 0;
        if (answer.result < 0 && !pin.refusal.empty()) {
            answer.message = pin.refusal;
        }
        TRY(apply_writes(call.request, received.answer.writes));
        if (received.answer.gives_descriptor && !received.files.empty()) {
            answer.result = received.files.front().release();
        }
        return answer;
    }

    // Sends; when the daemon has gone meanwhile, once more to a new one.
    Result<void> send(const Marshalled& call) {
        if (!socket_.is_open()) {
            TRY(connect());
        }
        auto sent = syscall::send_request(socket_, call.request, call.files);
        if (sent.ok() || sent.error().code == Code::too_big) {
            return sent;
        }
        TRY(connect());
        return syscall::send_request(socket_, call.request, call.files);
    }

    // A file that was made for a pin goes again unless the engine says that it is one.
    struct PinFile {
        PinFile() = default;
        PinFile(PinFile&&) = default;
        PinFile& operator=(PinFile&&) = delete;
        PinFile(const PinFile&) = delete;
        PinFile& operator=(const PinFile&) = delete;
        ~PinFile() {
            if (made_in != nullptr && file.is_open() && !stays) {
                made_in->remove(path);
            }
        }

        std::string path;
        const syscall::PinDirectory* made_in = nullptr;
        bool stays = false;
        std::string refusal; // why none was made, when words say more than a number
        os::Fd file;
    };

    // Pin files are made and opened here, where the path means what the caller means.
    PinFile take_pin(std::uint32_t command, Marshalled& call) {
        PinFile pin;
        const bool makes = command == static_cast<std::uint32_t>(spec::Command::obj_pin);
        const bool opens = command == static_cast<std::uint32_t>(spec::Command::obj_get);
        if (!makes && !opens) {
            return pin;
        }
        for (const syscall::Segment& segment : call.request.segments) {
            if (segment.address != call.request.attributes_address) {
                pin.path.assign(segment.content.begin(), segment.content.end());
                pin.path.resize(pin.path.find('\0') == std::string::npos ? pin.path.size()
                                                                         : pin.path.find('\0'));
            }
        }
        auto file = makes ? pins().create(pin.path) : pins().open(pin.path);
        if (file.ok()) {
            pin.made_in = makes ? &pins() : nullptr;
        } else {
            call.request.pin_errno = errno_of(file.error());
            const auto fits = makes ? pins().check_place(pin.path) : Result<void>();
            pin.refusal = fits.ok() ? "" : fits.error().message;
            // What is there instead the engine may know.
            file = pins().open(pin.path);
            if (!makes || !file.ok()) {
                return pin;
            }
        }
        pin.file = std::move(*file);
        call.request.has_pin = true;
        call.files.push_back(pin.file.number());
        return pin;
    }

    Result<MapShape> shape(int fd) {
        const os::FileIdentity identity = TRY(os::identity_of(fd));
        if (const auto known = shapes_.find(identity); known != shapes_.end()) {
            return known->second;
        }
        abi::MapInfo info{};
        abi::InfoAttr attr{static_cast<std::uint32_t>(fd), sizeof info, address_of(&info)};
        TRY(ask(static_cast<std::uint32_t>(spec::Command::obj_get_info_by_fd), attr));
        if (attr.info_len < sizeof info) {
            return fail(Code::invalid_input, "the descriptor is no map");
        }
        MapShape shape{info.type, info.key_size, info.value_size};
        if (is_per_cpu(static_cast<spec::MapType>(info.type))) {
            shape.value_bytes = (info.value_size + 7) / 8 * 8 * TRY(cpu_count());
        }
        // A frozen or closed map keeps its shape; the number of its file may come round again.
        constexpr std::size_t kMostShapes = 1024;
        if (shapes_.size() >= kMostShapes) {
            shapes_.clear();
        }
        shapes_[identity] = shape;
        return shape;
    }

    Result<std::uint32_t> cpu_count() {
        if (cpu_count_ == 0) {
            abi::EngineFactsAttr attr{};
            TRY(ask(static_cast<std::uint32_t>(spec::PrivateCommand::engine_facts), attr));
            cpu_count_ = attr.cpu_count;
        }
        return cpu_count_;
    }

    os::Fd socket_;
    std::map<os::FileIdentity, MapShape> shapes_;
    std::uint32_t cpu_count_ = 0;
};

} // namespace

Result<std::unique_ptr<Transport>> connect_daemon() {
    auto transport = std::make_unique<DaemonTransport>(syscall::pin_directory_path());
    TRY(transport->connect());
    return std::unique_ptr<Transport>(std::move(transport));
}

} // namespace skep::client
