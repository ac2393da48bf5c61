// SPDX-License-Identifier: Apache-2.0
//
// What the kernel's route socket says and does about XDP and tc: plain rtnetlink, no library.
//
// Replies are read through bounded bytes: a message or attribute that is longer than what arrived
// is an error. When the kernel explains a refusal (extended acknowledgement), its sentence follows
// the errno's text on a line of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/result.hpp"

namespace skep::os {

struct XdpProgram {
    std::uint32_t ifindex = 0;
    std::string device;
    std::string mode; // "driver", "generic", "offload"
    std::uint32_t prog_id = 0;
};

struct TcFilter {
    std::uint32_t ifindex = 0;
    std::string device;
    std::string place; // "clsact/ingress", "clsact/egress", or the queueing discipline's name
    std::string name;
    std::uint32_t prog_id = 0;
};

// Flags of IFLA_XDP_FLAGS.
enum XdpFlag : std::uint32_t {
    kXdpOnlyIfFree = 1U << 0,
    kXdpGeneric = 1U << 1,
    kXdpDriver = 1U << 2,
    kXdpOffload = 1U << 3,
};

Result<std::vector<XdpProgram>> list_xdp(std::optional<std::uint32_t> ifindex);
Result<std::vector<TcFilter>> list_tc(std::optional<std::uint32_t> ifindex);
// Puts the program there; a negative descriptor takes the present one away.
Result<void> set_xdp(std::uint32_t ifindex, int prog_fd, std::uint32_t flags);

} // namespace skep::os
