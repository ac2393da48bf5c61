// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/reduced_capabilities.hpp"

#include <cerrno>
#include <utility>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skep::os {
namespace {

using Sets = std::array<__user_cap_data_struct, 2>;

Result<Sets> own_sets() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Sets sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) {
        return error_from_errno(errno, "capget");
    }
    return sets;
}

Result<void> put_in_effect(std::uint32_t low, std::uint32_t high) {
    Sets sets = TRY(own_sets());
    sets[0].effective = low;
    sets[1].effective = high;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    if (::syscall(SYS_capset, &header, sets.data()) != 0) {
        return error_from_errno(errno, "capset");
    }
    return {};
}

} // namespace

Result<ReducedCapabilities> ReducedCapabilities::to(std::initializer_list<Capability> kept) {
    const Sets sets = TRY(own_sets());
    Set wanted{};
    for (const Capability one : kept) {
        const auto number = static_cast<unsigned>(one);
        wanted[number / 32] |= std::uint32_t{1} << (number % 32);
    }
    TRY(put_in_effect(sets[0].effective & wanted[0], sets[1].effective & wanted[1]));
    return ReducedCapabilities({sets[0].effective, sets[1].effective});
}

ReducedCapabilities::ReducedCapabilities(ReducedCapabilities&& other) noexcept
    : before_(other.before_), is_mine_(std::exchange(other.is_mine_, false)) {}

ReducedCapabilities::~ReducedCapabilities() {
    if (is_mine_) {
        (void)put_in_effect(before_[0], before_[1]);
    }
}

} // namespace skep::os
