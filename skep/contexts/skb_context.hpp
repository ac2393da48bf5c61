// SPDX-License-Identifier: Apache-2.0
//
// SkbContext: a socket buffer as BPF_PROG_TEST_RUN makes it from a frame.
//
//   | 8 KiB headroom | link layer | packet ... | room up to the loopback device's longest packet |
//
// Programs of the link layer (tc) see the frame from its Ethernet header on; for all others the
// header is pulled: their packet begins behind it. What a frame tells (type of packet, protocol) is
// read from it as for the loopback device, whose address is all zeroes.
#pragma once

#include <cstdint>

#include "skep/base/bytes.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::contexts {

inline constexpr std::uint32_t kEthernetBytes = 14;

enum class FirstLayer : std::uint8_t { link, network };

class SkbContext {
  public:
    // Precondition: the frame has at least 14 bytes and at most 65,550.
    SkbContext(Bytes frame, FirstLayer first);

    [[nodiscard]] spec::HostSkb& record() { return record_; }
    // The whole frame as the program left it. Where the link-layer header was pulled, zeroes stand
    // in its place, as the kernel gives it back.
    [[nodiscard]] Bytes frame();
    [[nodiscard]] Bytes memory() const { return memory_; }

  private:
    ByteVector memory_;
    FirstLayer first_;
    spec::HostSkb record_;
};

} // namespace skep::contexts
