// SPDX-License-Identifier: Apache-2.0
#include "apps/skepd/server.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "skep/os/command.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/process/lock_file.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/os/process/process_limits.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/os/storage/pin_file.hpp"
#include "skep/os/storage/private_directory.hpp"
#include "skep/spec/private/private_commands.hpp"
#include "skep/syscall/dispatcher.hpp"
#include "skep/syscall/hosts/kernel_types.hpp"
#include "skep/syscall/hosts/worker_host.hpp"
#include "skep/syscall/pins/pin_directory.hpp"
#include "skep/syscall/wire/daemon_place.hpp"
#include "skep/syscall/wire/message_caller.hpp"

namespace skep::daemon {
namespace {

using registry::ObjectKind;
using syscall::Call;
using syscall::MessageCaller;

constexpr int kTickMs = 500;
constexpr std::uint64_t kGraceNs = 10'000'000'000; // idle and empty for so long, and it ends
constexpr std::size_t kMostClients = 1000;

// A client's connection. While a call of it is under way it must not send another.
struct Session {
    os::Fd socket;
    os::Peer peer;
    std::shared_ptr<MessageCaller> under_way;
};

class Server {
  public:
    Server(syscall::DaemonPlace place, os::Fd listener, std::unique_ptr<registry::Registry> objects,
           std::unique_ptr<syscall::WorkerHost> host, const std::string& pin_directory)
        : place_(std::move(place)), listener_(std::move(listener)), host_(std::move(host)),
          objects_(std::move(objects)),
          dispatcher_(syscall::Engine{*objects_, *host_, os::possible_cpus(), pin_directory,
                                      [this](Call& call) { return control(call); }}) {
        host_->on_worker_end(
            [](const std::string& what) { std::fprintf(stderr, "skepd: %s\n", what.c_str()); });
        objects_->on_removal([this](const registry::Object& object) { host_->forget(object); });
    }

    Result<void> run() {
        while (!stopping_) {
            TRY(serve_once());
            tick();
        }
        for (const auto& each : host_->attachments()) {
            host_->detach(each.id);
        }
        return {};
    }

  private:
    Result<void> serve_once() {
        host_->settle();
        std::vector<int> fds{listener_.number()};
        for (const auto& session : sessions_) {
            fds.push_back(session->socket.number());
        }
        const std::size_t first_worker = fds.size();
        const std::vector<int> workers = host_->sockets();
        fds.insert(fds.end(), workers.begin(), workers.end());
        const auto sessions = sessions_; // may change while we serve
        for (const std::size_t index : TRY(os::wait_readable(fds, kTickMs))) {
            if (index == 0) {
                accept();
            } else if (index < first_worker) {
                serve(sessions[index - 1]);
            } else {
                host_->listen_to(workers[index - first_worker]);
            }
        }
        return {};
    }

    void accept() {
        auto connection = os::accept_connection(listener_);
        if (!connection.ok() || !connection->has_value() || sessions_.size() >= kMostClients) {
            return;
        }
        const auto peer = os::peer_of(**connection);
        if (!peer.ok() || peer->uid != os::user_id()) {
            return; // nobody else's
        }
        sessions_.push_back(
            std::make_shared<Session>(Session{std::move(**connection), *peer, nullptr}));
    }

    void close(const std::shared_ptr<Session>& session) {
        if (session->under_way != nullptr) {
            session->under_way->set_gone();
        }
        std::erase(sessions_, session);
        objects_->collect();
    }

    void serve(const std::shared_ptr<Session>& session) {
        // Anything readable during a call is the end of the connection, or a client that breaks the
        // rules.
        auto message = os::receive_message(session->socket, 0);
        if (!message.ok() || message->is_end || session->under_way != nullptr) {
            close(session);
            return;
        }
        auto request = syscall::open_request(std::move(*message));
        if (!request.ok()) {
            std::fprintf(stderr, "skepd: process %u: %s\n", session->peer.pid,
                         request.error().message.c_str());
            close(session);
            return;
        }
        const auto caller = std::make_shared<MessageCaller>(std::move(*request), session->peer.uid);
        session->under_way = caller;
        const syscall::Request& asked = caller->request();
        dispatcher_.call(caller, asked.command, asked.attributes_address, asked.attributes_size,
                         [this, session, caller](long result, const std::string& why) {
                             session->under_way = nullptr;
                             if (!caller->is_gone() &&
                                 !caller->send_answer_to(session->socket, result, why).ok()) {
                                 close(session);
                             }
                         });
    }

    Result<long> control(Call& call) {
        if (call.command == static_cast<std::uint32_t>(spec::PrivateCommand::daemon_status)) {
            return status(call);
        }
        if (call.command == static_cast<std::uint32_t>(spec::PrivateCommand::daemon_stop)) {
            return stop(call);
        }
        return syscall::answer(EINVAL, "no such command");
    }

    [[nodiscard]] std::uint32_t count(ObjectKind kind) const {
        return static_cast<std::uint32_t>(objects_->all(kind).size());
    }

    Result<long> status(Call& call) {
        objects_->collect();
        auto attr = call.attr<abi::DaemonStatusAttr>();
        if (attr.size > place_.log.size()) {
            ByteVector path(place_.log.begin(), place_.log.end());
            path.push_back(0);
            TRY(call.caller->write(attr.log_path, path));
        }
        attr.pid = os::process_id();
        attr.started_ns = started_ns_;
        attr.clients = static_cast<std::uint32_t>(sessions_.size());
        attr.workers = static_cast<std::uint32_t>(host_->worker_count());
        attr.programs = count(ObjectKind::program);
        attr.maps = count(ObjectKind::map);
        attr.types = count(ObjectKind::btf);
        attr.links = count(ObjectKind::link);
        attr.pins = static_cast<std::uint32_t>(objects_->pin_count());
        attr.attachments = static_cast<std::uint32_t>(host_->attachments().size());
        TRY(call.put(0, attr));
        return 0L;
    }

    Result<long> stop(Call& call) {
        objects_->collect();
        const bool serves = !objects_->is_empty() || !host_->is_idle();
        if (serves && call.attr<abi::DaemonStopAttr>().force == 0) {
            return syscall::answer(EBUSY, "programs, maps or attachments would be lost");
        }
        stopping_ = true;
        return 0L;
    }

    void tick() {
        const std::uint64_t now_ns = os::steady_time_ns();
        if (now_ns - last_tick_ns_ < std::uint64_t{kTickMs} * 1'000'000) {
            return;
        }
        last_tick_ns_ = now_ns;
        host_->tick();
        objects_->collect();
        if (!sessions_.empty() || !objects_->is_empty() || !host_->is_idle()) {
            busy_ns_ = now_ns;
        }
        stopping_ = stopping_ || now_ns - busy_ns_ > kGraceNs;
    }

    syscall::DaemonPlace place_;
    os::Fd listener_;
    std::unique_ptr<syscall::WorkerHost> host_;
    std::unique_ptr<registry::Registry> objects_;
    syscall::Dispatcher dispatcher_;
    std::vector<std::shared_ptr<Session>> sessions_;
    std::uint64_t started_ns_ = os::boot_time_ns();
    std::uint64_t busy_ns_ = os::steady_time_ns();
    std::uint64_t last_tick_ns_ = 0;
    bool stopping_ = false;
};

} // namespace

Result<void> serve(const std::string& pin_directory) {
    TRY(syscall::PinDirectory(pin_directory).ensure());
    syscall::DaemonPlace place = syscall::daemon_place(pin_directory);
    TRY(os::ensure_private_directory(place.folder, os::Parent::must_exist));
    const os::Fd running = TRY(os::open_private_file(place.running));
    if (!os::try_to_lock_file(running)) {
        return fail(Code::busy, "a daemon serves " + pin_directory + " already");
    }
    os::raise_descriptor_limit();
    auto objects = TRY(registry::Registry::create(place.ids));
    TRY(syscall::add_kernel_types(*objects));
    const std::string own = TRY(os::own_program());
    auto host = TRY(syscall::WorkerHost::create(os::possible_cpus(), {own, "--worker"}));
    os::Fd listener = TRY(os::listen_for_messages(place.socket));
    Server server(place, std::move(listener), std::move(objects), std::move(host), pin_directory);
    Result<void> served = server.run();
    os::remove_file(place.socket);
    return served;
}

} // namespace skep::daemon
