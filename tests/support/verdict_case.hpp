// SPDX-License-Identifier: Apache-2.0
//
// Verdict cases as programs:
//
//   -- type      bpftool's word for the program type; socket_filter when left out
//   -- attach    the number of the attach type; 0 when left out
//   -- maps      one map a line: type, key size, value size, entries; map_idx[0] is the first. Then
//                may follow: "read_only" or "write_only" (for programs), "lock" (values begin with
//                a spin lock)
//   -- asm       the program
//   -- functions types for labels of the program: LABEL static|global PARAMETERS, none to two of
//                "number", "context" and "memory:BYTES"; all return a number
//   -- finding   of a refusal: the kernel's last line, and below it "insn N"
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skep/btf/btf.hpp"
#include "skep/bytecode/program.hpp"
#include "skep/spec/map_spec.hpp"
#include "tests/support/case_file.hpp"

namespace skep::tests {

struct VerdictCase {
    ProgramSpec program;
    std::vector<spec::MapSpec> maps;
    std::optional<btf::Btf> types; // of functions, and of values with locks
    std::string message;
    std::uint32_t insn = 0;
};

Result<VerdictCase> verdict_case(const CaseFile& file);

} // namespace skep::tests
