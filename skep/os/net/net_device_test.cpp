// SPDX-License-Identifier: Apache-2.0
//
// A TAP in a namespace of the test's own: what the host sends into it is received here, and what is
// sent here arrives at a packet socket on the host's side.
#include "skep/os/net/net_device.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skep::os {
namespace {

constexpr int kSkipped = 77;

// Runs in a child with a user and network namespace of its own; the result is the child's status.
template <class Body>
int in_own_namespace(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
            ::_exit(kSkipped);
        }
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::optional<Received> receive_within(const Fd& socket, MutableBytes buffer,
                                       Result<std::optional<Received>> (*receive)(const Fd&,
                                                                                  MutableBytes)) {
    pollfd waiting{socket.number(), POLLIN, 0};
    ::poll(&waiting, 1, 2000);
    return receive(socket, buffer).value();
}

int send_and_observe() {
    Result<Fd> tap = open_tap("t0");
    if (!tap.ok()) {
        return kSkipped;
    }
    Result<Fd> observer = open_packet_observer("t0");
    if (!observer.ok() || interface_name(interface_index("t0").value()).value() != "t0") {
        return 1;
    }
    std::array<std::uint8_t, 60> frame{};
    frame.fill(0xff);
    frame[12] = 0x88;
    frame[13] = 0xb5; // an experimental EtherType: the host's stack leaves it alone
    if (!send_tap(tap.value(), frame).value()) {
        return 2;
    }
    std::array<std::uint8_t, 2048> buffer{};
    for (int attempt = 0; attempt < 20; ++attempt) {
        const auto received = receive_within(observer.value(), buffer, receive_observed);
        if (received && received->size_bytes == frame.size() &&
            std::memcmp(buffer.data(), frame.data(), frame.size()) == 0) {
            return 0;
        }
    }
    return 3;
}

TEST(NetDevice, FramesGoThroughATap) {
    const int outcome = in_own_namespace(send_and_observe);
    if (outcome == kSkipped) {
        GTEST_SKIP() << "no user namespaces, or no /dev/net/tun, on this machine";
    }
    EXPECT_EQ(outcome, 0);
}

TEST(NetDevice, NamesThatAreNoInterfacesAreErrors) {
    EXPECT_EQ(interface_index("nodev9").error().os_errno, ENODEV);
    EXPECT_FALSE(open_packet_observer("nodev9").ok());
    EXPECT_FALSE(open_tap("a-name-that-is-too-long").ok());
}

} // namespace
} // namespace skep::os
