// SPDX-License-Identifier: Apache-2.0
#include "skep/contexts/xdp_context.hpp"

#include <algorithm>
#include <cstring>

namespace skep::contexts {

XdpContext::XdpContext(Bytes data, std::uint32_t meta_bytes, std::uint32_t visible_bytes)
    : memory_(kXdpHeadroomBytes + std::max<std::size_t>(data.size(), kXdpLinearMost) +
              kXdpTailroomBytes) {
    std::ranges::copy(data, memory_.begin() + kXdpHeadroomBytes);
    const auto start = reinterpret_cast<std::uint64_t>(memory_.data());
    record_.data_hard_start = start;
    record_.data_meta = start + kXdpHeadroomBytes;
    record_.data = record_.data_meta + meta_bytes;
    record_.data_end = record_.data + visible_bytes;
    record_.beyond_bytes = static_cast<std::uint32_t>(data.size() - meta_bytes - visible_bytes);
    record_.data_hard_end = std::max(start + kXdpHeadroomBytes + kXdpLinearMost, record_.data_end);
}

Bytes XdpContext::contents() const {
    const std::uint64_t first = record_.data_meta - record_.data_hard_start;
    const std::uint64_t end = record_.data_end + record_.beyond_bytes - record_.data_hard_start;
    return Bytes(memory_).subspan(first, end - first);
}

} // namespace skep::contexts
