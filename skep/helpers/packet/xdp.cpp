// SPDX-License-Identifier: Apache-2.0
//
// Data plane. XDP: moving the edges of a packet, and bytes by offset.
//
//   data_hard_start      data_meta    data               data_end        data_hard_end
//   | 40 kept | headroom | metadata   | packet ..........|  (beyond) ... |
//
// The limits are the kernel's: 40 bytes at the front of the frame are its own (struct xdp_frame), a
// packet keeps at least 14 bytes, metadata is a multiple of 4 up to what the headroom leaves, and
// growth is zeroed. Bytes beyond data_end stand for the kernel's fragments
// (spec/contexts/host_contexts.hpp).
//
// Proved by: packet_test.cpp, against the kernel's answers.
#include <cerrno>
#include <cstring>

#include "skep/helpers/adapter.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;
using spec::HostXdp;

constexpr std::uint64_t kFrameHead = 40;
constexpr std::uint64_t kLeastPacket = 14;
constexpr std::uint64_t kMetaMost = 255;

std::uint8_t* bytes_at(std::uint64_t address) {
    return reinterpret_cast<std::uint8_t*>(address); // NOLINT: the frame's memory
}

std::int64_t xdp_adjust_head(Invocation&, HostXdp& xdp, std::int32_t offset) {
    const std::uint64_t meta_bytes = xdp.data - xdp.data_meta;
    const auto moved = static_cast<std::int64_t>(xdp.data) + offset;
    const auto lowest = static_cast<std::int64_t>(xdp.data_hard_start + kFrameHead + meta_bytes);
    const auto highest =
        static_cast<std::int64_t>(xdp.data_end) - static_cast<std::int64_t>(kLeastPacket);
    if (moved < lowest || moved > highest) {
        return -EINVAL;
    }
    const auto data = static_cast<std::uint64_t>(moved);
    std::memmove(bytes_at(data - meta_bytes), bytes_at(xdp.data_meta), meta_bytes);
    xdp.data = data;
    xdp.data_meta = data - meta_bytes;
    return 0;
}

std::int64_t xdp_adjust_meta(Invocation&, HostXdp& xdp, std::int32_t offset) {
    const auto moved =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(xdp.data_meta) + offset);
    if (moved < xdp.data_hard_start + kFrameHead || moved > xdp.data) {
        return -EINVAL;
    }
    const std::uint64_t meta_bytes = xdp.data - moved;
    if (meta_bytes % 4 != 0 || meta_bytes > kMetaMost) {
        return -EACCES;
    }
    xdp.data_meta = moved;
    return 0;
}

// Only the last bytes of all may go or come: those beyond first, then the linear ones.
std::int64_t xdp_adjust_tail(Invocation&, HostXdp& xdp, std::int32_t offset) {
    const auto wanted = std::int64_t{offset};
    if (xdp.beyond_bytes != 0) {
        const std::int64_t beyond = std::int64_t{xdp.beyond_bytes} + wanted;
        if (wanted > 0 || static_cast<std::int64_t>(xdp.data_end) + beyond <
                              static_cast<std::int64_t>(xdp.data + kLeastPacket)) {
            return -EINVAL;
        }
        xdp.beyond_bytes = beyond > 0 ? static_cast<std::uint32_t>(beyond) : 0;
        xdp.data_end -= beyond < 0 ? static_cast<std::uint64_t>(-beyond) : 0;
        return 0;
    }
    const auto end = static_cast<std::uint64_t>(static_cast<std::int64_t>(xdp.data_end) + wanted);
    if (end > xdp.data_hard_end || end < xdp.data + kLeastPacket) {
        return -EINVAL;
    }
    if (end > xdp.data_end) {
        std::memset(bytes_at(xdp.data_end), 0, end - xdp.data_end);
    }
    xdp.data_end = end;
    return 0;
}

std::uint64_t length_of(const HostXdp& xdp) { return xdp.data_end - xdp.data + xdp.beyond_bytes; }

std::uint64_t xdp_get_buff_len(Invocation&, const HostXdp& xdp) { return length_of(xdp); }

std::int64_t check_slice(const HostXdp& xdp, std::uint32_t offset, std::uint32_t length) {
    constexpr std::uint32_t kMost = 0xffff;
    if (offset > kMost || length > kMost) {
        return -EFAULT;
    }
    return std::uint64_t{offset} + length > length_of(xdp) ? -EINVAL : 0;
}

std::int64_t xdp_load_bytes(Invocation&, const HostXdp& xdp, std::uint32_t offset, std::uint8_t* to,
                            std::uint32_t length) {
    const std::int64_t wrong = check_slice(xdp, offset, length);
    if (wrong == 0) {
        std::memmove(to, bytes_at(xdp.data + offset), length);
    }
    return wrong;
}

std::int64_t xdp_store_bytes(Invocation&, const HostXdp& xdp, std::uint32_t offset,
                             const std::uint8_t* from, std::uint32_t length) {
    const std::int64_t wrong = check_slice(xdp, offset, length);
    if (wrong == 0) {
        std::memmove(bytes_at(xdp.data + offset), from, length);
    }
    return wrong;
}

constexpr Row kRows[] = {
    {Helper::xdp_adjust_head, kNative<xdp_adjust_head>},
    {Helper::xdp_adjust_meta, kNative<xdp_adjust_meta>},
    {Helper::xdp_adjust_tail, kNative<xdp_adjust_tail>},
    {Helper::xdp_get_buff_len, kNative<xdp_get_buff_len>},
    {Helper::xdp_load_bytes, kNative<xdp_load_bytes>},
    {Helper::xdp_store_bytes, kNative<xdp_store_bytes>},
};

} // namespace

std::span<const Row> xdp_helpers() { return kRows; }

} // namespace skep::helpers
