// SPDX-License-Identifier: Apache-2.0
//
// One program as it was written: what load/ reads from an object file, what bpf(2) hands over, and
// what verify() judges. A plain record; nothing here is proved yet.
//
// Maps are referred to by index: a wide immediate with source map_index or map_value_index names a
// place in the list of MapSpecs that travels beside the program (ObjectSpec::maps, or the list that
// syscall/ builds from descriptors). So a ProgramSpec holds no descriptor and no address.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/bytecode/insn.hpp"
#include "skep/spec/program_types.hpp"

namespace skep {

// Where a subprogram begins and the BTF id of its FUNC (bpf_func_info of linux/bpf.h).
struct FunctionInfo {
    InsnIndex insn;
    std::uint32_t btf_type_id = 0;
};

// Which source line an instruction came from (bpf_line_info): offsets into BTF strings.
struct LineInfo {
    InsnIndex insn;
    std::uint32_t file_name_offset = 0;
    std::uint32_t line_offset = 0;
    std::uint32_t line_column = 0; // line << 10 | column

    [[nodiscard]] std::uint32_t line() const { return line_column >> 10; }
    [[nodiscard]] std::uint32_t column() const { return line_column & 0x3ff; }
};

struct ProgramSpec {
    std::string name;    // the C function, untruncated
    std::string section; // ELF section, empty when it came by bpf(2)
    spec::ProgramType type = spec::ProgramType::unspec;
    std::uint32_t expected_attach_type = 0;
    std::uint32_t flags = 0; // BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS, ... of PROG_LOAD
    std::string license;
    std::uint32_t kernel_version = 0;
    std::string attach_target;           // from the section name: "veth0", "sys_enter", ...
    std::uint32_t attach_btf_id = 0;     // for programs that are typed by a kernel function
    std::uint32_t attach_program_id = 0; // the same inside another program

    std::vector<RawInsn> insns;          // main first, then the subprograms it reaches
    std::vector<FunctionInfo> functions; // rising by insn; may be empty (no BTF)
    std::vector<LineInfo> lines;         // rising by insn; may be empty
};

} // namespace skep
