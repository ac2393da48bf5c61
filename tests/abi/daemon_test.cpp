// SPDX-License-Identifier: Apache-2.0
//
// The daemon from outside: started on first use, the same answers as without it, and what is left
// when a client or the daemon's connection breaks. Each test has a pin directory, and so a daemon,
// of its own.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "skep/base/bytes.hpp"
#include "skep/client/bpf.hpp"
#include "skep/client/daemon_control.hpp"
#include "skep/client/transport.hpp"
#include "skep/os/fd.hpp"
#include "skep/os/files.hpp"
#include "skep/os/memory.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/os/storage/private_directory.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/commands.hpp"
#include "skep/spec/map_spec.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/syscall/wire/daemon_place.hpp"
#include "skep/syscall/wire/message.hpp"
#include "skep/workers/profile.hpp"

namespace skep {
namespace {

using spec::Command;

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

class Daemon : public testing::Test {
  protected:
    void SetUp() override {
        directory_ = os::make_temporary_directory("skep-test").value();
        ::setenv("SKEP_BPFFS", (directory_ + "/bpf").c_str(), 1);
        ::setenv("SKEP_DAEMON", SKEP_BINARY_DIR "/bin/skepd", 1);
        auto connected = client::connect_daemon();
        ASSERT_TRUE(connected.ok()) << connected.error().message;
        engine_ = std::move(*connected);
    }
    void TearDown() override {
        engine_.reset();
        EXPECT_TRUE(client::stop_daemon(client::Stop::always).ok());
        for (int i = 0; i < 100 && client::daemon_status().ok() && *client::daemon_status(); ++i) {
            ::nanosleep(&kPause, nullptr);
        }
        os::remove_directory(directory_);
    }

    template <class T>
    static long call(client::Transport& engine, Command command, T& attributes) {
        const std::uint32_t size = spec::find_command(static_cast<std::uint32_t>(command))->bytes;
        ByteVector bytes(std::max<std::size_t>(size, sizeof attributes));
        std::memcpy(bytes.data(), &attributes, sizeof attributes);
        const long result = engine.bpf(static_cast<std::uint32_t>(command), bytes.data(), size);
        std::memcpy(&attributes, bytes.data(), sizeof attributes);
        return result;
    }
    static os::Fd make_map(client::Transport& engine, std::uint32_t value_size = 8) {
        abi::MapCreateAttr attr{};
        attr.map_type = static_cast<std::uint32_t>(spec::MapType::array);
        attr.key_size = 4;
        attr.value_size = value_size;
        attr.max_entries = 2;
        return os::Fd(static_cast<int>(call(engine, Command::map_create, attr)));
    }
    static os::Fd load_42(client::Transport& engine) {
        const std::uint64_t insns[] = {0x0000002a000000b7, 0x0000000000000095}; // r0 = 42; exit
        abi::ProgLoadAttr attr{};
        attr.prog_type = static_cast<std::uint32_t>(spec::ProgramType::sched_cls);
        attr.insn_cnt = 2;
        attr.insns = address_of(insns);
        attr.license = address_of("GPL");
        return os::Fd(static_cast<int>(call(engine, Command::prog_load, attr)));
    }
    static long element(client::Transport& engine, Command command, const os::Fd& map,
                        std::uint32_t key, void* value) {
        abi::MapElementAttr attr{static_cast<std::uint32_t>(map.number()), 0, address_of(&key),
                                 address_of(value), 0};
        return call(engine, command, attr);
    }

    static constexpr timespec kPause{0, 20'000'000};
    std::string directory_;
    std::unique_ptr<client::Transport> engine_;
};

TEST_F(Daemon, IsStartedOnFirstUseAndServesSeveralClientsOneWorld) {
    const os::Fd map = make_map(*engine_);
    std::uint64_t value = 42;
    ASSERT_EQ(element(*engine_, Command::map_update_elem, map, 1, &value), 0)
        << engine_->last_message();
    auto other = client::connect_daemon().value();
    abi::IdAttr next{};
    ASSERT_EQ(call(*other, Command::map_get_next_id, next), 0);
    abi::IdAttr open{next.next_id, 0, 0, 0};
    const os::Fd same(static_cast<int>(call(*other, Command::map_get_fd_by_id, open)));
    value = 0;
    EXPECT_EQ(element(*other, Command::map_lookup_elem, same, 1, &value), 0);
    EXPECT_EQ(value, 42U);
    EXPECT_EQ(client::daemon_status().value()->clients, 2U);
}

TEST_F(Daemon, CarriesValuesThatAreLongerThanAMessage) {
    constexpr std::uint32_t kSize = 1U << 20;
    const os::Fd map = make_map(*engine_, kSize);
    ByteVector value(kSize, 7);
    value[kSize - 1] = 9;
    ASSERT_EQ(element(*engine_, Command::map_update_elem, map, 0, value.data()), 0)
        << engine_->last_message();
    ByteVector back(kSize);
    ASSERT_EQ(element(*engine_, Command::map_lookup_elem, map, 0, back.data()), 0)
        << engine_->last_message();
    EXPECT_EQ(back, value);
}

TEST_F(Daemon, APinOutlivesItsClientAndGoesWithItsFile) {
    const std::string path = "/sys/fs/bpf/kept";
    {
        const os::Fd map = make_map(*engine_);
        abi::ObjAttr attr{address_of(path.c_str()), static_cast<std::uint32_t>(map.number()), 0, 0};
        ASSERT_EQ(call(*engine_, Command::obj_pin, attr), 0) << engine_->last_message();
        EXPECT_EQ(call(*engine_, Command::obj_pin, attr), -EEXIST);
    }
    EXPECT_EQ(client::daemon_status().value()->maps, 1U);
    abi::ObjAttr get{address_of(path.c_str()), 0, 0, 0};
    EXPECT_TRUE(os::Fd(static_cast<int>(call(*engine_, Command::obj_get, get))).is_open());
    std::filesystem::remove(engine_->pin_path(path).value());
    EXPECT_EQ(client::daemon_status().value()->maps, 0U);
}

TEST_F(Daemon, WhyNoPinIsMadeIsSaid) {
    const os::Fd map = make_map(*engine_);
    const auto pin = [&](const std::string& path) {
        abi::ObjAttr attr{address_of(path.c_str()), static_cast<std::uint32_t>(map.number()), 0, 0};
        return call(*engine_, Command::obj_pin, attr);
    };
    EXPECT_EQ(pin("/tmp/skep_no_pin"), -EPERM);
    EXPECT_NE(engine_->last_message().find("not in the pin directory"), std::string::npos);
    EXPECT_EQ(pin("/sys/fs/bpf/a.b"), -EPERM);
    EXPECT_NE(engine_->last_message().find("have no dots"), std::string::npos);
    std::ofstream(engine_->pin_path("/sys/fs/bpf/old").value()) << "skep pin: map id 7\n";
    EXPECT_EQ(pin("/sys/fs/bpf/old"), -EEXIST);
    EXPECT_NE(engine_->last_message().find("stale pin"), std::string::npos);
}

TEST_F(Daemon, ThatHasEndedIsNoticedWithoutAsking) {
    make_map(*engine_);
    EXPECT_TRUE(engine_->check_alive().ok());
    ASSERT_EQ(::kill(static_cast<pid_t>(client::daemon_status().value()->pid), SIGKILL), 0);
    for (int i = 0; i < 250 && engine_->check_alive().ok(); ++i) {
        ::nanosleep(&kPause, nullptr);
    }
    EXPECT_EQ(engine_->check_alive().error().message, "the engine's daemon has ended");
    make_map(*engine_); // of the next one
    EXPECT_TRUE(engine_->check_alive().ok());
}

TEST_F(Daemon, ThatIsKilledWhileItPinsLeavesNoFile) {
    const std::string path = "/sys/fs/bpf/never";
    const std::string real = engine_->pin_path(path).value();
    const os::Fd map = make_map(*engine_);
    const auto pid = static_cast<pid_t>(client::daemon_status().value()->pid);
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    long answer = 0;
    std::thread client([&] {
        abi::ObjAttr attr{address_of(path.c_str()), static_cast<std::uint32_t>(map.number()), 0, 0};
        answer = call(*engine_, Command::obj_pin, attr);
    });
    for (int i = 0; i < 250 && !std::filesystem::exists(real); ++i) {
        ::nanosleep(&kPause, nullptr);
    }
    EXPECT_TRUE(std::filesystem::exists(real));
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    client.join();
    EXPECT_LT(answer, 0);
    EXPECT_FALSE(std::filesystem::exists(real));
    make_map(*engine_); // of the next daemon
}

TEST_F(Daemon, AMapThatAClientHasMappedToWriteIsNotFrozen) {
    abi::MapCreateAttr attr{};
    attr.map_type = static_cast<std::uint32_t>(spec::MapType::array);
    attr.key_size = 4;
    attr.value_size = 8;
    attr.max_entries = 2;
    attr.map_flags = spec::kMapMmapable;
    const os::Fd map(static_cast<int>(call(*engine_, Command::map_create, attr)));
    ASSERT_TRUE(map.is_open()) << engine_->last_message();
    abi::FdAttr freeze{static_cast<std::uint32_t>(map.number())};
    {
        const auto writes = os::Mapping::of(map, os::page_size(), os::Protection::read_write);
        ASSERT_TRUE(writes.ok());
        EXPECT_EQ(call(*engine_, Command::map_freeze, freeze), -EBUSY);
    }
    EXPECT_EQ(call(*engine_, Command::map_freeze, freeze), 0) << engine_->last_message();
}

TEST_F(Daemon, BadAddressesAreTheClientsMistakeAndNobodysCrash) {
    const os::Fd map = make_map(*engine_);
    abi::MapElementAttr attr{static_cast<std::uint32_t>(map.number()), 0, 8, 16, 0};
    EXPECT_EQ(call(*engine_, Command::map_lookup_elem, attr), -EFAULT);
    attr.map_fd = 9999;
    EXPECT_EQ(call(*engine_, Command::map_lookup_elem, attr), -EBADF);
}

TEST_F(Daemon, RunsProgramsInWorkersAndGivesBackWhatTheyAnswer) {
    const os::Fd program = load_42(*engine_);
    ASSERT_TRUE(program.is_open()) << engine_->last_message();
    const std::uint8_t packet[64] = {};
    std::uint8_t out[64] = {1};
    abi::TestRunAttr run{};
    run.prog_fd = static_cast<std::uint32_t>(program.number());
    run.data_in = address_of(packet);
    run.data_size_in = sizeof packet;
    run.data_out = address_of(out);
    run.data_size_out = sizeof out;
    ASSERT_EQ(call(*engine_, Command::prog_test_run, run), 0) << engine_->last_message();
    EXPECT_EQ(run.retval, 42U);
    EXPECT_EQ(run.data_size_out, sizeof packet);
    EXPECT_EQ(out[0], 0);
    EXPECT_EQ(client::daemon_status().value()->workers, 1U);
}

TEST_F(Daemon, ProfilesOfAProgramCountInOneMemoryWhileTheyAreHeld) {
    const os::Fd program = load_42(*engine_);
    ASSERT_TRUE(program.is_open()) << engine_->last_message();
    const auto run = [&](std::uint32_t times) {
        const std::uint8_t packet[64] = {};
        abi::TestRunAttr attr{};
        attr.prog_fd = static_cast<std::uint32_t>(program.number());
        attr.data_in = address_of(packet);
        attr.data_size_in = sizeof packet;
        attr.repeat = times;
        EXPECT_EQ(call(*engine_, Command::prog_test_run, attr), 0) << engine_->last_message();
    };
    const auto runs_in = [](const os::Fd& counts) {
        return workers::ProfileCounts::open(counts, 2, os::Protection::read_only)
            .value()
            .runs()
            .load();
    };
    run(1); // the worker knows the program now
    {
        const os::Fd first = client::profile(*engine_, program.number()).value();
        run(3);
        const os::Fd second = client::profile(*engine_, program.number()).value();
        run(4);
        EXPECT_EQ(runs_in(first), 7U);
        EXPECT_EQ(runs_in(second), 7U);
    }
    for (int i = 0; i < 50; ++i) { // longer than the daemon waits between its looks
        ::nanosleep(&kPause, nullptr);
    }
    EXPECT_TRUE(client::daemon_status().ok()); // after serving this it has looked
    run(5);
    const os::Fd again = client::profile(*engine_, program.number()).value();
    EXPECT_EQ(runs_in(again), 7U) << "it was counted with nobody to look";
    run(2);
    EXPECT_EQ(runs_in(again), 9U);
    EXPECT_EQ(client::daemon_status().value()->workers, 1U);
}

TEST_F(Daemon, AMessageThatMakesNoSenseEndsItsConnectionAlone) {
    const os::Fd stranger = os::connect_for_messages(directory_ + "/bpf/.skepd/socket").value();
    ASSERT_TRUE(os::send_message(stranger, ByteVector(100, 0xff), {}).ok());
    EXPECT_TRUE(os::receive_message(stranger, 5000).value().is_end);
    EXPECT_TRUE(make_map(*engine_).is_open());
}

// What a process of this user meets at the daemon's socket with a request that makes sense.
enum class Met : std::uint8_t { turned_away, answered, no_socket, still_me };
Met knock_as(uid_t user, const std::string& socket_path) {
    const auto knock = [&] {
        if (::setgid(user) != 0 || ::setuid(user) != 0) {
            return Met::still_me;
        }
        auto socket = os::connect_for_messages(socket_path);
        if (!socket.ok()) {
            return Met::no_socket;
        }
        syscall::Request request;
        request.command = static_cast<std::uint32_t>(Command::map_get_next_id);
        request.attributes_address = 4096;
        request.attributes_size = sizeof(abi::IdAttr);
        request.segments = {
            {request.attributes_address, request.attributes_size, ByteVector(sizeof(abi::IdAttr))}};
        // The connection may be closed already; what matters is that nothing is answered.
        static_cast<void>(syscall::send_request(*socket, request, {}));
        const auto answer = os::receive_message(*socket, 5000);
        return answer.ok() && answer->is_end ? Met::turned_away : Met::answered;
    };
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(static_cast<int>(knock()));
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return static_cast<Met>(WEXITSTATUS(status));
}

TEST_F(Daemon, TurnsAwayEveryOtherUserEvenWhereTheyCanReachItsSocket) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "becoming another user takes root";
    }
    constexpr uid_t kNobody = 65534;
    const std::string socket_path = directory_ + "/bpf/.skepd/socket";
    // Directories keep strangers out; the daemon must not depend on it.
    const std::string doors[] = {directory_, directory_ + "/bpf", directory_ + "/bpf/.skepd",
                                 socket_path};
    for (const std::string& door : doors) {
        ASSERT_EQ(::chmod(door.c_str(), 0777), 0) << door;
    }
    EXPECT_EQ(knock_as(kNobody, socket_path), Met::turned_away);
    EXPECT_EQ(knock_as(::getuid(), socket_path), Met::answered);
    for (const std::string& door : doors) {
        ASSERT_EQ(::chmod(door.c_str(), 0700), 0) << door;
    }
    EXPECT_TRUE(make_map(*engine_).is_open()) << "its own user is served as before";
}

// A daemon that ends takes no more calls: it hangs up on whoever is in its queue.
TEST(DaemonControl, OneThatHangsUpIsNoLongerThere) {
    const std::string directory = os::make_temporary_directory("skep-test").value();
    ASSERT_TRUE(os::ensure_private_directory(directory + "/.skepd", os::Parent::must_exist).ok());
    ::setenv("SKEP_BPFFS", directory.c_str(), 1);
    const syscall::DaemonPlace place = syscall::daemon_place(directory);
    for (const bool reads_first : {false, true}) {
        const os::Fd listener = os::listen_for_messages(place.socket).value();
        std::thread ending([&listener, reads_first] {
            std::optional<os::Fd> caller;
            while (!caller.has_value()) {
                caller = os::accept_connection(listener).value();
            }
            if (reads_first) {
                EXPECT_TRUE(os::receive_message(*caller, 5000).ok());
            }
        });
        const auto status = client::daemon_status();
        ending.join();
        ASSERT_TRUE(status.ok()) << status.error().message;
        EXPECT_FALSE(status->has_value());
        std::filesystem::remove(place.socket);
    }
    os::remove_directory(directory);
}

} // namespace
} // namespace skep
