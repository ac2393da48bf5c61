// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Sending a packet elsewhere. A helper only notes where to; whoever ran the program
// reads Invocation::redirect after the verdict that says so.
//
// Proved by: packet_test.cpp.
#include <cerrno>

#include "skep/helpers/adapter.hpp"
#include "skep/maps/map.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;

constexpr std::int64_t kXdpAborted = 0;
constexpr std::int64_t kXdpRedirect = 4;
constexpr std::int64_t kTcShot = 2;
constexpr std::int64_t kTcRedirect = 7;
constexpr std::uint64_t kIngress = 1;
constexpr std::uint64_t kActionMask = 3; // what redirect_map answers for an empty slot
constexpr std::uint64_t kBroadcast = 8;
constexpr std::uint64_t kExcludeIngress = 16;

std::int64_t redirect(Invocation& invocation, std::uint32_t ifindex, std::uint64_t flags) {
    const bool xdp = invocation.program_type == spec::ProgramType::xdp;
    if ((flags & ~(xdp ? 0 : kIngress)) != 0) {
        return xdp ? kXdpAborted : kTcShot;
    }
    invocation.redirect = Redirect{nullptr, ifindex, flags};
    return xdp ? kXdpRedirect : kTcRedirect;
}

std::int64_t redirect_map(Invocation& invocation, maps::Map& map, std::uint64_t key,
                          std::uint64_t flags) {
    const spec::MapType type = map.spec().type;
    const bool devices = type == spec::MapType::devmap || type == spec::MapType::devmap_hash;
    const std::uint64_t known = kActionMask | (devices ? kBroadcast | kExcludeIngress : 0);
    if ((flags & ~known) != 0) {
        return kXdpAborted;
    }
    const auto index = static_cast<std::uint32_t>(key);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&index); // NOLINT: bytes of a local
    if ((flags & kBroadcast) == 0 && map.lookup(bytes, invocation.cpu) == nullptr) {
        return static_cast<std::int64_t>(flags & kActionMask);
    }
    invocation.redirect = Redirect{&map, index, flags};
    return kXdpRedirect;
}

constexpr Row kRows[] = {
    {Helper::redirect, kNative<redirect>},
    {Helper::redirect_map, kNative<redirect_map>},
};

} // namespace

std::span<const Row> redirect_helpers() { return kRows; }

} // namespace skep::helpers
