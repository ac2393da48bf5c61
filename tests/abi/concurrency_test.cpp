// SPDX-License-Identifier: Apache-2.0
//
// Several clients at once: each loads, fills program arrays, attaches, exchanges programs while
// packets flow, runs and looks at what the others made, and lets everything go in another way each
// time. Afterwards nothing may be left, and every answer on the way must have been one that a
// client alone would have got.
#include <atomic>
#include <cerrno>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/abi/bench.hpp"
#include "tests/abi/daemon_bench.hpp"

#include "skep/client/bpf.hpp"
#include "skep/os/files.hpp"
#include "skep/os/net/capture_file.hpp"
#include "skep/os/storage/pin_file.hpp"

namespace skep {
namespace {

using spec::Command;
using tests::address_of;
using tests::Bench;

constexpr int kClients = 4;
constexpr int kRounds = 12;
constexpr std::uint64_t kPackets = 20'000;

void write_capture(const std::string& path) {
    auto writer =
        os::CaptureWriter::create(os::create_to_write(path).value(), os::CaptureFormat::pcap)
            .value();
    const ByteVector frame(60, 0xee);
    for (std::uint64_t i = 0; i < kPackets; ++i) {
        ASSERT_TRUE(writer.write({frame, 60, i}).ok());
    }
}

class Client {
  public:
    Client(int number, std::string folder)
        : number_(number), port_("pcap:" + folder + "/" + std::to_string(number) + ".pcap"),
          pin_("/sys/fs/bpf/link" + std::to_string(number)),
          engine_(client::connect_daemon().value()) {}

    void work() {
        for (int round = 0; round < kRounds; ++round) {
            one_round(round);
        }
    }
    std::vector<std::string> complaints;

  private:
    void expect(const char* what, long answer) {
        if (answer < 0) {
            complaints.push_back("client " + std::to_string(number_) + ", " + what + ": " +
                                 std::to_string(answer) + " " + engine_->last_message());
        }
    }

    void one_round(int round) {
        Bench bench([this](std::uint32_t command, void* attributes, std::uint32_t size) {
            return engine_->bpf(command, attributes, size);
        });
        const int pass = bench.program(spec::ProgramType::xdp, 2);
        const int drop = bench.program(spec::ProgramType::xdp, 1);
        expect("loading", std::min(pass, drop));
        fill_program_array(bench, pass, drop);
        auto link = engine_->xdp_link(port_, pass, client::XdpMode::any);
        if (!link.ok()) {
            complaints.push_back("client " + std::to_string(number_) +
                                 ", attaching: " + link.error().message);
            return;
        }
        for (int i = 0; i < 6; ++i) {
            abi::LinkUpdateAttr update{static_cast<std::uint32_t>(link->number()),
                                       static_cast<std::uint32_t>(i % 2 == 0 ? drop : pass), 0, 0};
            expect("exchanging", bench.ask(Command::link_update, update));
            look_around();
        }
        run(bench, pass);
        let_go(bench, *link, round);
    }

    void fill_program_array(Bench& bench, int first, int second) {
        abi::MapCreateAttr attr{};
        attr.map_type = static_cast<std::uint32_t>(spec::MapType::prog_array);
        attr.key_size = 4;
        attr.value_size = 4;
        attr.max_entries = 2;
        const os::Fd map(static_cast<int>(bench.ask(Command::map_create, attr)));
        expect("making a map", map.number());
        for (int program : {first, second, first}) {
            std::uint32_t key = 0;
            abi::MapElementAttr element{static_cast<std::uint32_t>(map.number()), 0,
                                        address_of(&key), address_of(&program), 0};
            expect("filling", bench.ask(Command::map_update_elem, element));
        }
    }

    // What others made comes and goes; it must never be anything but there or not there.
    void look_around() {
        // Programs only: whoever opened another's link would hold the other's port with it.
        const auto ids = client::all_ids(*engine_, client::ObjectKind::program);
        for (const std::uint32_t id : ids.ok() ? *ids : std::vector<std::uint32_t>()) {
            const auto opened = client::open_id(*engine_, client::ObjectKind::program, id);
            if (!opened.ok() && opened.error().code != Code::not_found) {
                complaints.push_back("opening by id: " + opened.error().message);
            }
        }
        if (!client::all_ids(*engine_, client::ObjectKind::link).ok()) {
            complaints.push_back("links are not listed");
        }
        const auto attached = engine_->xdp_list(port_);
        if (!attached.ok() || attached->size() != 1) {
            complaints.push_back("its own port is not listed once");
        }
    }

    void run(Bench& bench, int program) {
        const std::uint8_t packet[64] = {};
        abi::TestRunAttr attr{};
        attr.prog_fd = static_cast<std::uint32_t>(program);
        attr.data_in = address_of(packet);
        attr.data_size_in = sizeof packet;
        attr.repeat = 100;
        expect("running", bench.ask(Command::prog_test_run, attr));
    }

    void let_go(Bench& bench, os::Fd& link, int round) {
        if (round % 3 == 0) {
            abi::FdAttr attr{static_cast<std::uint32_t>(link.number())};
            expect("detaching", bench.ask(Command::link_detach, attr));
        } else if (round % 3 == 1) {
            abi::ObjAttr pin{address_of(pin_.c_str()), static_cast<std::uint32_t>(link.number()), 0,
                             0};
            expect("pinning", bench.ask(Command::obj_pin, pin));
            link = os::Fd();
            os::remove_file(engine_->pin_path(pin_).value());
        } else {
            link = os::Fd();
            engine_ = client::connect_daemon().value(); // it went without a word
        }
    }

    int number_;
    std::string port_;
    std::string pin_;
    std::unique_ptr<client::Transport> engine_;
};

TEST(Concurrency, SeveralClientsAtOnceLeaveNothingBehind) {
    tests::DaemonBench daemon;
    const std::string folder = os::make_temporary_directory("skep-test").value();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < kClients; ++i) {
        write_capture(folder + "/" + std::to_string(i) + ".pcap");
        clients.push_back(std::make_unique<Client>(i, folder));
    }
    std::vector<std::thread> threads;
    threads.reserve(clients.size());
    for (const auto& client : clients) {
        threads.emplace_back([&client] { client->work(); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const auto& client : clients) {
        for (const std::string& complaint : client->complaints) {
            ADD_FAILURE() << complaint;
        }
    }
    clients.clear();
    EXPECT_TRUE(tests::DaemonBench::wait_until([] {
        const client::DaemonStatus now = tests::DaemonBench::status();
        return now.programs + now.maps + now.links + now.pins + now.attachments == 0;
    })) << "programs "
        << daemon.status().programs << ", maps " << daemon.status().maps << ", links "
        << daemon.status().links << ", pins " << daemon.status().pins << ", attachments "
        << daemon.status().attachments;
    EXPECT_TRUE(tests::DaemonBench::wait_until([] {
        return tests::DaemonBench::status().workers == 0;
    })) << "idle workers are let go";
    os::remove_directory(folder);
}

} // namespace
} // namespace skep
