// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Internet checksums (RFC 1071, and RFC 1624 for changing one word).
//
// The sum is one's complement, so any order and any width of the words gives the same once folded.
//
// Proved by: packet_test.cpp, against the running kernel's answers.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "skep/base/kernel_errno.hpp"
#include "skep/helpers/adapter.hpp"
#include "skep/helpers/packet/skb_access.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;
using spec::HostSkb;

constexpr std::uint64_t kFieldMask = 0xf;       // bytes of the field that changed: 0, 2 or 4
constexpr std::uint64_t kPseudoHeader = 1 << 4; // the field is part of the pseudo header
constexpr std::uint64_t kMangledZero = 1 << 5;  // a checksum of 0 means none
constexpr std::uint64_t kEnforceMangled = 1 << 6;
constexpr std::uint64_t kIpv6 = 1 << 7;
constexpr std::uint32_t kOffsetMost = 0xffff;

std::uint32_t fold_once(std::uint64_t sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    return static_cast<std::uint32_t>((sum & 0xffffffff) + (sum >> 32));
}

std::uint16_t folded(std::uint32_t sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

// The checksum after `removed` has left the sum and `added` has come in.
std::uint16_t replaced(std::uint16_t checksum, std::uint32_t removed, std::uint32_t added) {
    const std::uint64_t sum = std::uint64_t{static_cast<std::uint16_t>(~checksum)} +
                              static_cast<std::uint32_t>(~removed) + added;
    return static_cast<std::uint16_t>(~folded(fold_once(sum)));
}

// The difference is already known: it is added to the sum.
std::uint16_t replaced_by_difference(std::uint16_t checksum, std::uint32_t difference) {
    const std::uint64_t sum = std::uint64_t{static_cast<std::uint16_t>(~checksum)} + difference;
    return static_cast<std::uint16_t>(~folded(fold_once(sum)));
}

struct Change {
    std::uint64_t from, to;
    std::uint64_t size; // of the field
};

std::int64_t apply(std::uint16_t& checksum, const Change& change) {
    switch (change.size) {
    case 0:
        if (change.from != 0) {
            return -EINVAL;
        }
        checksum = replaced_by_difference(checksum, static_cast<std::uint32_t>(change.to));
        return 0;
    case 2:
        checksum = replaced(checksum, static_cast<std::uint16_t>(change.from),
                            static_cast<std::uint16_t>(change.to));
        return 0;
    case 4:
        checksum = replaced(checksum, static_cast<std::uint32_t>(change.from),
                            static_cast<std::uint32_t>(change.to));
        return 0;
    default:
        return -EINVAL;
    }
}

bool has_checksum_at(const HostSkb& skb, std::uint32_t offset) {
    return offset <= kOffsetMost && offset % 2 == 0 && lies_in_packet(skb, offset, 2);
}

std::int64_t l3_csum_replace(Invocation&, HostSkb& skb, std::uint32_t offset, std::uint64_t from,
                             std::uint64_t to, std::uint64_t flags) {
    if ((flags & ~kFieldMask) != 0) {
        return -EINVAL;
    }
    if (!has_checksum_at(skb, offset)) {
        return -EFAULT;
    }
    std::uint16_t checksum = 0;
    std::memcpy(&checksum, skb_byte(skb.data + offset), 2);
    const std::int64_t wrong = apply(checksum, {from, to, flags & kFieldMask});
    if (wrong == 0) {
        std::memcpy(skb_byte(skb.data + offset), &checksum, 2);
    }
    return wrong;
}

std::int64_t l4_csum_replace(Invocation&, HostSkb& skb, std::uint32_t offset, std::uint64_t from,
                             std::uint64_t to, std::uint64_t flags) {
    constexpr std::uint64_t kKnown =
        kFieldMask | kPseudoHeader | kMangledZero | kEnforceMangled | kIpv6;
    if ((flags & ~kKnown) != 0) {
        return -EINVAL;
    }
    if (!has_checksum_at(skb, offset)) {
        return -EFAULT;
    }
    std::uint16_t checksum = 0;
    std::memcpy(&checksum, skb_byte(skb.data + offset), 2);
    const bool mangled_zero = (flags & kMangledZero) != 0;
    if (mangled_zero && (flags & kEnforceMangled) == 0 && checksum == 0) {
        return 0; // this packet carries no checksum
    }
    const std::int64_t wrong = apply(checksum, {from, to, flags & kFieldMask});
    if (wrong != 0) {
        return wrong;
    }
    if (mangled_zero && checksum == 0) {
        checksum = 0xffff;
    }
    std::memcpy(skb_byte(skb.data + offset), &checksum, 2);
    return 0;
}

// Any number of bytes; a last part of a word counts as filled up with zeroes.
std::uint64_t sum_of(const std::uint8_t* bytes, std::uint32_t size_bytes, bool inverted) {
    std::uint64_t sum = 0;
    for (std::uint32_t at = 0; at < size_bytes; at += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes + at, std::min<std::uint32_t>(4, size_bytes - at));
        sum += inverted ? static_cast<std::uint32_t>(~word) : word;
    }
    return sum;
}

std::int64_t csum_diff(Invocation&, const std::uint8_t* from, std::uint32_t from_bytes,
                       const std::uint8_t* to, std::uint32_t to_bytes, std::uint32_t seed) {
    const std::uint64_t sum = seed + sum_of(from, from_bytes, true) + sum_of(to, to_bytes, false);
    return folded(fold_once(sum));
}

// Nothing here carries a checksum of the whole packet (CHECKSUM_COMPLETE) or one already proved
// good.
std::int64_t csum_update(Invocation&, HostSkb&, std::uint32_t) { return -kNotSupported; }

std::int64_t csum_level(Invocation&, HostSkb&, std::uint64_t level) {
    enum : std::uint64_t { kQuery, kIncrease, kDecrease, kReset };
    return level == kQuery ? -EACCES : level <= kReset ? 0 : -EINVAL;
}

constexpr Row kRows[] = {
    {Helper::l3_csum_replace, kNative<l3_csum_replace>},
    {Helper::l4_csum_replace, kNative<l4_csum_replace>},
    {Helper::csum_diff, kNative<csum_diff>},
    {Helper::csum_update, kNative<csum_update>},
    {Helper::csum_level, kNative<csum_level>},
};

} // namespace

std::span<const Row> checksum_helpers() { return kRows; }

} // namespace skep::helpers
