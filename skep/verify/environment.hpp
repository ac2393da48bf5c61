// SPDX-License-Identifier: Apache-2.0
//
// Environment: all that verify() may know beyond the program: the maps by their shapes, types as
// BTF, capabilities, version, limits. It makes verify() a pure function.
#pragma once

#include <cstdint>
#include <span>

#include "skep/btf/types_on_demand.hpp"
#include "skep/spec/limits.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep::verify {

// What the loader of the program may do (spec/verifier.md, section 15).
struct Capabilities {
    bool bpf = true;       // loops, subprograms, precise scalars, a million instructions
    bool perfmon = true;   // pointer leaks, uninitialised stack, no speculation hardening
    bool net_admin = true; // network program types

    // The capabilities of anyone at all.
    static constexpr Capabilities none() { return {false, false, false}; }
};

// Bits of log_level in PROG_LOAD.
enum LogLevel : std::uint32_t { kLogNone = 0, kLogPath = 1, kLogAll = 2, kLogStatistics = 4 };

struct Environment {
    std::span<const spec::MapSpec> maps;     // by the index that instructions carry
    const btf::Btf* program_types = nullptr; // BTF that came with the program
    btf::TypesOnDemand kernel_types;         // vmlinux BTF; null when there is none
    Capabilities capabilities;
    bool kernel_variables = false; // the kernel tells the addresses of its variables
    std::uint32_t cpu_count = 1;
    std::uint32_t kernel_version = (6U << 16) | (18U << 8); // judged as this kernel would
    std::uint32_t log_level = kLogNone;
    std::uint64_t instruction_limit = spec::limits::processed_insns;
    std::uint64_t memory_limit_bytes = 4ULL << 30;
    // The types that ids of an instance are of: 0 the kernel's, else the program's own.
    [[nodiscard]] const btf::Btf* types_of(std::uint32_t instance) const {
        return instance == 0 ? static_cast<const btf::Btf*>(kernel_types) : program_types;
    }
    // More than the verdict: every independent finding, how each came about, and what the program
    // needs of a kernel. Costs nothing for a program that is accepted but the list of needs.
    bool diagnose = false;
};

} // namespace skep::verify
