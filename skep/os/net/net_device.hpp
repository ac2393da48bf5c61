// SPDX-License-Identifier: Apache-2.0
//
// Network devices as packets come from them: TAP interfaces and packet sockets.
//
// A TAP gives frames without a header of its own. A packet socket sees a copy of every frame that
// arrives on an interface; the kernel takes a VLAN tag out of such a copy, so it is put back here,
// where the program expects it.
//
// Proved by: net_device_test.cpp (in namespaces of its own; skipped where these cannot be made).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// The index of an interface in this process's network namespace; not_found when there is none.
Result<std::uint32_t> interface_index(const std::string& name);
Result<std::string> interface_name(std::uint32_t index);
// Which interfaces there are, for a process that will not be allowed to open anything any more.
class InterfaceTable {
  public:
    static Result<InterfaceTable> open();
    [[nodiscard]] bool has(std::uint32_t index) const;

  private:
    explicit InterfaceTable(Fd socket) : socket_(std::move(socket)) {}
    Fd socket_;
};
// The inode that names a network namespace: this process's.
Result<std::uint64_t> network_namespace();

// Opens (making it when it is not there) the TAP interface `name`, non-blocking, and sets it up.
// Needs CAP_NET_ADMIN in the network namespace, or a TAP that belongs to this user.
Result<Fd> open_tap(const std::string& name);

// A packet socket that sees a copy of what arrives on the interface, non-blocking. Needs
// CAP_NET_RAW.
Result<Fd> open_packet_observer(const std::string& interface);

// A packet socket that sends frames out of the interface. Needs CAP_NET_RAW.
Result<Fd> open_packet_sender(const std::string& interface);
Result<void> send_packet(const Fd& socket, Bytes frame);

// What one receive gave: the frame's size, larger than the buffer when it was cut.
struct Received {
    std::size_t size_bytes = 0;
};

// One frame into `buffer`, or nothing when none waits. A frame above the buffer's size is dropped
// by the device; its true size is told all the same.
Result<std::optional<Received>> receive_tap(const Fd& tap, MutableBytes buffer);
Result<std::optional<Received>> receive_observed(const Fd& socket, MutableBytes buffer);

// Sends one frame into the TAP (to the host); false when the queue is full.
Result<bool> send_tap(const Fd& tap, Bytes frame);

} // namespace skep::os
