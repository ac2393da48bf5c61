// SPDX-License-Identifier: Apache-2.0
//
// verify(): from a program as written to a program that is proved safe, or to findings.
//
// A pure function. What depends on the machine is in the Environment: the maps by their shapes, the
// kernel's types as BTF, capabilities, version, limits. The result does not depend on time, memory
// addresses or other programs. Engines accept a VerifiedProgram and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skep/btf/btf.hpp"
#include "skep/bytecode/program.hpp"
#include "skep/spec/map_spec.hpp"
#include "skep/verify/explain/finding.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::verify {

// What the loader of the program may do (spec/verifier.md, section 15).
struct Capabilities {
    bool bpf = true;       // loops, subprograms, precise scalars, a million instructions
    bool perfmon = true;   // pointer leaks, uninitialised stack, no speculation hardening
    bool net_admin = true; // network program types
};

// Bits of log_level in PROG_LOAD.
enum LogLevel : std::uint32_t { kLogNone = 0, kLogPath = 1, kLogAll = 2, kLogStatistics = 4 };

struct Environment {
    std::span<const spec::MapSpec> maps;     // by the index that instructions carry
    const btf::Btf* program_types = nullptr; // BTF that came with the program
    const btf::Btf* kernel_types = nullptr;  // vmlinux BTF; null when there is none
    Capabilities capabilities;
    std::uint32_t cpu_count = 1;
    std::uint32_t kernel_version = (6U << 16) | (18U << 8); // judged as this kernel would
    std::uint32_t log_level = kLogNone;
    std::uint64_t instruction_limit = 1'000'000; // processed instructions
    std::uint64_t memory_limit_bytes = 4ULL << 30;
};

enum class Verdict : std::uint8_t { accept, reject, error };

struct Statistics {
    std::uint64_t insns_processed = 0;
    std::uint64_t max_states_per_insn = 0;
    std::uint64_t total_states = 0;
    std::uint64_t peak_states = 0;
    std::uint64_t memory_bytes = 0; // peak of what the exploration held
};

struct Outcome {
    Verdict verdict = Verdict::error;
    std::optional<VerifiedProgram> program; // exactly when accepted
    int os_errno = 0;                       // positive; what PROG_LOAD answers when refused
    std::string message;                    // the last line in the kernel's wording
    std::vector<Finding> findings;          // exactly when refused: the first decided the verdict
    Statistics statistics;
    std::string log;                        // in the kernel's shape, by log_level
};

Outcome verify(const ProgramSpec& program, const Environment& environment);

} // namespace skep::verify
