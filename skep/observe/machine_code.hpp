// SPDX-License-Identifier: Apache-2.0
//
// Machine code as people read it: disassembled, with C lines and bytecode where they begin and
// names where jumps and calls go. From the records of bpf(2) alone.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/observe/listing.hpp"

namespace skep::observe {

// The bytecode that machine code was made of.
struct BytecodeMark {
    std::uint64_t address = 0; // where its code begins
    InsnIndex index;
    std::string text; // "(b7) r0 = 2"
};

// A part of a program's machine code: one subprogram.
struct MachineFunction {
    std::string name;
    std::string prototype;     // empty without BTF
    std::uint64_t address = 0; // where it lies when it runs, 0 when not told
    Bytes code;
    // Source lines by the address where their code begins, rising.
    std::vector<std::pair<std::uint64_t, SourceLine>> lines;
    // Bytecode likewise; empty when it is not to be shown.
    std::vector<BytecodeMark> bytecode;
};

struct MachineInsn {
    std::uint64_t offset = 0; // from the function's beginning
    Bytes bytes;
    std::string operation;               // "mov"
    std::vector<std::string> operands;   // "%rsp", "%rbp"
    std::string remark;                  // where it goes: "<bpf_prog_hello+0x1c>"
    std::optional<std::uint64_t> target; // the address that it goes to
};

enum class Machine : std::uint8_t { x86_64, arm64 };
Machine this_machine();

// What lies at an address outside the function: another one of the program, a helper of the kernel.
// Empty: unknown.
using AddressNames = std::function<std::string(std::uint64_t)>;

// Bytes that are no instruction become ".byte".
Result<std::vector<MachineInsn>> disassemble_machine_code(const MachineFunction& function,
                                                          Machine machine);

Result<void> print_machine_code_text(Output& output, std::span<const MachineFunction> functions,
                                     const ListingStyle& style, const AddressNames& names = {});
Result<void> print_machine_code_json(JsonWriter& json, std::span<const MachineFunction> functions,
                                     const ListingStyle& style, const AddressNames& names = {});

} // namespace skep::observe
