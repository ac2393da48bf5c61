// SPDX-License-Identifier: Apache-2.0
//
// Links and PROG_QUERY: the same answers from skep's engine and the kernel, on the loopback of a
// network namespace of the test's own; and what only the daemon can show: links that end with their
// last holder, and programs exchanged while packets flow.
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/abi/bench.hpp"
#include "tests/abi/daemon_bench.hpp"

#include "skep/os/net/namespaces.hpp"
#include "skep/os/net/net_device.hpp"

namespace skep {
namespace {

using spec::Command;
using spec::ProgramType;
using tests::address_of;
using tests::Bench;

constexpr std::uint32_t kLoopback = 1;
constexpr std::uint32_t kXdp = 37;
constexpr std::uint32_t kReplace = 4;

// Enters a network of its own, once for each process; why not, when that cannot be.
std::string enter_own_network() {
    static const std::string why = [] {
        const auto entered = os::enter_own_network_and_mounts();
        if (!entered.ok()) {
            return entered.error().message;
        }
        return std::system("ip link set lo up") == 0 ? std::string() : "no ip(8) here";
    }();
    return why;
}

int link_at(Bench& bench, int program, std::uint32_t ifindex, std::uint32_t attach_type = kXdp,
            std::uint32_t flags = 0) {
    abi::LinkCreateAttr attr{};
    attr.prog_fd = static_cast<std::uint32_t>(program);
    attr.target_fd = ifindex;
    attr.attach_type = attach_type;
    attr.flags = flags;
    return static_cast<int>(bench.call(Command::link_create, attr));
}

long update(Bench& bench, int link, int program, std::uint32_t flags = 0, int old = 0) {
    return bench.call(Command::link_update,
                      abi::LinkUpdateAttr{static_cast<std::uint32_t>(link),
                                          static_cast<std::uint32_t>(program), flags,
                                          static_cast<std::uint32_t>(old)});
}

long detach(Bench& bench, int link) {
    return bench.call(Command::link_detach, abi::FdAttr{static_cast<std::uint32_t>(link)});
}

abi::LinkInfo info_of(Bench& bench, int link) {
    abi::LinkInfo info{};
    abi::InfoAttr attr{static_cast<std::uint32_t>(link), sizeof info, address_of(&info)};
    EXPECT_EQ(bench.ask(Command::obj_get_info_by_fd, attr), 0);
    return info;
}

void creation(Bench& bench) {
    const int program = bench.program(ProgramType::xdp);
    const int filter = bench.program(ProgramType::socket_filter);
    const int for_map = bench.program(ProgramType::xdp, 2, 33);
    link_at(bench, 9999, kLoopback);
    link_at(bench, program, 9999);
    link_at(bench, program, 0);
    link_at(bench, filter, kLoopback);
    link_at(bench, for_map, kLoopback);
    link_at(bench, program, kLoopback, 999);
    link_at(bench, program, kLoopback, 0);
    link_at(bench, program, kLoopback, 38);
    for (const std::uint32_t flags : {1U, 16U, 32U, 3U, 6U, 1U << 31}) {
        link_at(bench, program, kLoopback, kXdp, flags);
    }
    const os::Fd link(link_at(bench, program, kLoopback, kXdp, 2));
    link_at(bench, program, kLoopback, kXdp, 2);
    bench.see(info_of(bench, link.number()).type);
    bench.see(info_of(bench, link.number()).kind[0]);
    bench.see(static_cast<long>(info_of(bench, link.number()).id != 0));
}

void updates(Bench& bench) {
    const int first = bench.program(ProgramType::xdp);
    const int second = bench.program(ProgramType::xdp, 1);
    const int filter = bench.program(ProgramType::socket_filter);
    const int declared = bench.program(ProgramType::xdp, 2, kXdp);
    const os::Fd holder(link_at(bench, first, kLoopback));
    const int link = holder.number();
    const auto before = info_of(bench, link).prog_id;
    update(bench, link, second, 1);
    update(bench, link, second, 0, first);
    update(bench, link, second, kReplace, second);
    update(bench, link, second, kReplace, 9999);
    update(bench, link, second, kReplace, first);
    bench.see(static_cast<long>(info_of(bench, link).prog_id != before));
    update(bench, link, second);
    update(bench, link, filter);
    update(bench, link, 9999);
    update(bench, 9999, first);
    update(bench, first, first);
    update(bench, link, declared);
    detach(bench, first);
    detach(bench, 9999);
    detach(bench, link);
    detach(bench, link);
    bench.see(info_of(bench, link).kind[0]);
    update(bench, link, first);
    update(bench, link, filter);
    update(bench, link, first, kReplace, second);
    const os::Fd again(link_at(bench, first, kLoopback)); // the place is free
}

void queries(Bench& bench) {
    const os::Fd network(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    const os::Fd mounts(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    const os::Fd folder(::open("/", O_RDONLY | O_CLOEXEC));
    const int map = bench.map(spec::MapType::array);
    const int program = bench.program(ProgramType::xdp);
    std::uint32_t ids[8] = {};
    for (std::uint32_t type = 0; type < 60; ++type) {
        for (const int target : {network.number(), mounts.number(), folder.number(), map, program,
                                 -1, 1, static_cast<int>(kLoopback)}) {
            for (const std::uint32_t flags : {0U, 1U, 2U}) {
                abi::ProgQueryAttr attr{};
                attr.target_fd = static_cast<std::uint32_t>(target);
                attr.attach_type = type;
                attr.query_flags = flags;
                attr.prog_ids = address_of(ids);
                attr.count = 8;
                bench.see(bench.ask(Command::prog_query, attr));
                bench.see(attr.count);
            }
        }
    }
}

class Links : public testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = enter_own_network(); !why.empty()) {
            GTEST_SKIP() << why;
        }
    }
};

TEST_F(Links, AreMadeAndRefusedAsByTheKernel) { tests::compare(creation); }
TEST_F(Links, AreUpdatedAndDetachedAsByTheKernel) { tests::compare(updates); }
TEST_F(Links, PlacesAreAskedAboutAsInTheKernel) { tests::compare(queries); }

class DaemonLinks : public Links {
  protected:
    void SetUp() override {
        Links::SetUp();
        if (!IsSkipped()) {
            daemon_.emplace();
        }
    }
    std::optional<tests::DaemonBench> daemon_;
};

TEST_F(DaemonLinks, EndWithTheirLastHolderAndKeepTheirProgramUntilThen) {
    Bench bench = daemon_->bench();
    os::Fd link;
    {
        const os::Fd program(bench.program(ProgramType::xdp));
        link = os::Fd(link_at(bench, ::dup(program.number()), kLoopback));
    }
    ASSERT_TRUE(link.is_open());
    const std::uint32_t program_id = info_of(bench, link.number()).prog_id;
    daemon_->reconnect(); // whoever made it is gone; the descriptor is what counts
    Bench other = daemon_->bench();
    EXPECT_EQ(daemon_->status().attachments, 1U);
    EXPECT_EQ(info_of(other, link.number()).prog_id, program_id);

    const std::string path = "/sys/fs/bpf/link";
    abi::ObjAttr pin{address_of(path.c_str()), static_cast<std::uint32_t>(link.number()), 0, 0};
    ASSERT_EQ(other.ask(Command::obj_pin, pin), 0);
    link = os::Fd();
    EXPECT_EQ(daemon_->status().attachments, 1U);
    std::filesystem::remove(daemon_->pins() + "/link");
    EXPECT_EQ(daemon_->status().attachments, 0U);
    EXPECT_EQ(daemon_->status().links, 0U);
}

TEST_F(DaemonLinks, AProgramIsExchangedWhilePacketsFlow) {
    Bench bench = daemon_->bench();
    const int pass = bench.program(ProgramType::xdp, 2);
    const int drop = bench.program(ProgramType::xdp, 1);
    const os::Fd link(link_at(bench, pass, kLoopback));
    const os::Fd sender = os::open_packet_sender("lo").value();
    ByteVector frame(60, 0xff);
    frame[12] = 0x88;
    frame[13] = 0xb5;
    constexpr std::uint64_t kPackets = 2000;
    constexpr std::uint64_t kEvery = 100;
    for (std::uint64_t i = 0; i < kPackets; ++i) {
        ASSERT_TRUE(os::send_packet(sender, frame).ok());
        if (i % kEvery == 0) {
            daemon_->verdicts_when(i); // a socket that is full drops: not what is asked here
            ASSERT_EQ(update(bench, link.number(), (i / kEvery) % 2 == 0 ? drop : pass), 0);
        }
    }
    const auto verdicts = daemon_->verdicts_when(kPackets);
    EXPECT_GE(verdicts[1] + verdicts[2], kPackets) << "every packet met one program or the other";
    EXPECT_GT(verdicts[1], 0U);
    EXPECT_GT(verdicts[2], 0U);
    EXPECT_EQ(verdicts[0] + verdicts[3] + verdicts[4], 0U);
}

} // namespace
} // namespace skep
