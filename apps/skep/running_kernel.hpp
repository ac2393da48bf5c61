// SPDX-License-Identifier: Apache-2.0
//
// RunningKernel: what a loader may have to know of the kernel that runs here: its types, its
// version, its configuration, its addresses. Each is found out when an object first needs it and is
// kept for the other programs of the command.
//
// What is not to be had (no BTF, no configuration) is absent, and the loader says so where it
// matters. Proved by: running_kernel_test.cpp.
#pragma once

#include <chrono>
#include <optional>

#include "apps/skep/kernel_symbols.hpp"

#include "skep/btf/types_on_demand.hpp"
#include "skep/load/object.hpp"

namespace skep::app {

class RunningKernel {
  public:
    // For loaders and environments that do not outlive this.
    [[nodiscard]] btf::TypesOnDemand types();
    // How long reading them took: what is no verifier's time. 0 before.
    [[nodiscard]] std::chrono::steady_clock::duration reading_time() const { return reading_time_; }
    // Completes what the options leave open.
    void tell(load::Options& options);

  private:
    const btf::Btf* read_types();

    std::optional<btf::Btf> types_;
    bool types_were_read_ = false;
    std::chrono::steady_clock::duration reading_time_{};
    std::optional<KernelSymbols> symbols_;
};

// "6.18.44-generic" as LINUX_KERNEL_VERSION counts: 0x06122c; 0 when it is no such text.
std::uint32_t version_number(std::string_view release);
// The lines NAME=VALUE of a kernel's configuration.
load::KernelConfiguration configuration_in(std::string_view text);

} // namespace skep::app
