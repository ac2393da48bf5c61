// SPDX-License-Identifier: Apache-2.0
//
// Callers of the running kernel with fewer capabilities than ours.
//
// A caller with CAP_BPF may load programs of some types anywhere. One without needs
// kernel.unprivileged_bpf_disabled to be 0, which root may make it as long as it is 2: a
// PermissionForAll does, and a guardian process puts the 2 back when the holder ends, however it
// ends. One process at a time holds it. Value 1 cannot be changed and is never written.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "skep/client/transport.hpp"
#include "skep/verify/environment.hpp"

namespace skep::tests {

enum class Caller : std::uint8_t { all, bpf_only, nobody };
std::string_view name_of(Caller caller);
std::optional<Caller> caller_named(std::string_view name);
verify::Capabilities capabilities_of(Caller caller);

class PermissionForAll {
  public:
    // Nothing where it cannot be had: not root, no such switch, or the switch is fixed.
    static std::unique_ptr<PermissionForAll> ask();
    PermissionForAll(const PermissionForAll&) = delete;
    PermissionForAll& operator=(const PermissionForAll&) = delete;
    ~PermissionForAll();

  private:
    PermissionForAll() = default;
    os::Fd turn_;   // held with the guardian
    os::Fd living_; // held by this process alone
    int guardian_ = -1;
};

// The running kernel, which programs are loaded into as that caller. Maps are made as that caller
// when it may, for the kernel notes whose they are; all else is done as ourselves.
Result<std::unique_ptr<client::Transport>> connect_kernel_as(Caller caller);

} // namespace skep::tests
