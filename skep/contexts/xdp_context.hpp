// SPDX-License-Identifier: Apache-2.0
//
// XdpContext: the frame that an XDP program is handed, and the record that R1 points at.
//
//   0             256         256 + meta               3776 = 4096 - 320
//   | headroom    | metadata  | packet: linear part    | what is beyond (a large packet goes on
//   here)
//
// The numbers are the kernel's. A packet longer than the linear part stays in one piece in memory,
// but only the linear part is seen through data and data_end; helpers reach the rest
// (host_contexts.hpp).
#pragma once

#include <cstdint>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::contexts {

inline constexpr std::uint32_t kXdpHeadroomBytes = 256;
inline constexpr std::uint32_t kXdpTailroomBytes = 320;
inline constexpr std::uint32_t kXdpFrameBytes = 4096;
inline constexpr std::uint32_t kXdpLinearMost =
    kXdpFrameBytes - kXdpHeadroomBytes - kXdpTailroomBytes;

class XdpContext {
  public:
    // `data` is metadata followed by the packet. `visible_bytes` of the packet are linear; the rest
    // is beyond. Preconditions: meta_bytes <= data.size(), visible_bytes <= what follows.
    XdpContext(Bytes data, std::uint32_t meta_bytes, std::uint32_t visible_bytes);

    [[nodiscard]] spec::HostXdp& record() { return record_; }
    [[nodiscard]] std::uint32_t meta_bytes() const {
        return static_cast<std::uint32_t>(record_.data - record_.data_meta);
    }
    [[nodiscard]] std::uint32_t linear_bytes() const {
        return static_cast<std::uint32_t>(record_.data_end - record_.data);
    }
    // Metadata and packet as the program left them.
    [[nodiscard]] Bytes contents() const;
    [[nodiscard]] Bytes memory() const { return memory_; }

  private:
    ByteVector memory_;
    spec::HostXdp record_;
};

} // namespace skep::contexts
