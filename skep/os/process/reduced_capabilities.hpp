// SPDX-License-Identifier: Apache-2.0
//
// Capabilities of the calling thread, taken out of effect for a while: what is asked of the system
// meanwhile is asked as somebody with fewer. They stay permitted, and are in effect again when the
// object goes.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "skep/base/result.hpp"
#include "skep/os/kernel/bpf_syscall.hpp"

namespace skep::os {

class ReducedCapabilities {
  public:
    // Of those in effect only these stay.
    static Result<ReducedCapabilities> to(std::initializer_list<Capability> kept);
    ReducedCapabilities(ReducedCapabilities&& other) noexcept;
    ReducedCapabilities& operator=(ReducedCapabilities&&) = delete;
    ~ReducedCapabilities();

  private:
    using Set = std::array<std::uint32_t, 2>;
    explicit ReducedCapabilities(const Set& before) : before_(before) {}
    Set before_;
    bool is_mine_ = true;
};

} // namespace skep::os
