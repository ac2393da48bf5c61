// SPDX-License-Identifier: Apache-2.0
//
// Draft: an ObjectSpec while it is being made, with what the passes hand each other (internal to
// load/). Each pass reads what earlier ones wrote and adds its own; load.cpp lists them in order.
//
// Code stays by section until the last pass, as offsets in the file count from there. What an
// instruction refers to beyond itself is kept beside it: a call or function address by the place it
// leads to (section and index), so that the last pass can lay subprograms out anew for each
// program.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "skep/bytecode/unresolved.hpp"
#include "skep/load/elf/elf_file.hpp"
#include "skep/load/object.hpp"

namespace skep::load {

// A place in the code of the file.
struct CodePlace {
    std::uint32_t section = 0;
    std::uint32_t insn = 0;
    auto operator<=>(const CodePlace&) const = default;
};

// A function of the file.
struct Function {
    std::string name;
    CodePlace begin;
    std::uint32_t insn_count = 0;
    Binding binding = Binding::global;
    bool is_typed = true; // the symbol says that it is a function
    std::uint32_t symbol = 0;
};

// The code of one section, with the relocations applied that touch single instructions.
struct CodeSection {
    std::vector<RawInsn> insns;
    std::map<std::uint32_t, CodePlace> targets; // of calls and function addresses, by index
    std::set<std::uint32_t> relocated_calls;    // calls to what is not in this file
    std::vector<FunctionInfo> functions;        // of .BTF.ext, rising
    std::vector<LineInfo> lines;
};

// One record of .BTF.ext's core_relo.
struct CoreRelocation {
    CodePlace at;
    std::uint32_t type_id = 0;
    std::uint32_t access_offset = 0; // of a string: "0:1:2"
    std::uint32_t kind = 0;
};

// An extern symbol and what became of it.
struct Extern {
    std::uint32_t symbol = 0;
    btf::TypeId type = 0; // VAR or FUNC in the object's BTF; 0 when none
    bool is_weak = false;
    bool is_function = false;
    bool is_found = false;       // ksym: in the target BTF
    std::uint32_t target_id = 0; // ksym: type id in the target BTF; 0 for an address
    std::uint64_t address = 0;   // ksym without a type
    std::uint32_t kconfig_offset = 0;
    bool is_kconfig = false;
};

struct Draft {
    const Options& options;
    ElfFile elf;
    ObjectSpec spec;
    std::vector<Function> functions;                    // rising by begin
    std::map<std::uint32_t, CodeSection> code;          // by section number
    std::map<std::uint32_t, std::uint32_t> data_maps;   // section number -> place in spec.maps
    std::map<std::uint32_t, std::uint32_t> map_symbols; // symbol number -> place in spec.maps
    std::vector<CoreRelocation> core_relocations;
    std::map<std::uint32_t, Extern> externs;      // by symbol number
    std::uint32_t kconfig_map = kNone;            // place in spec.maps
    std::vector<std::uint32_t> program_functions; // places in functions, in step with spec.programs
    std::map<CodePlace, std::uint32_t> program_at; // where each program of the spec begins

    // What is wrong with single instructions; told to the programs that reach them.
    std::map<CodePlace, Error> faults;

    static constexpr std::uint32_t kNone = 0xffffffff;

    static Result<Draft> begin(Bytes file, const Options& options);
    // The function that contains a place, or null.
    [[nodiscard]] const Function* function_at(CodePlace place) const;
    [[nodiscard]] std::string describe(CodePlace place) const; // "section 'xdp' offset 0x18"
    void warn(std::string sentence);
    // Notes the error at the place and poisons the instruction there.
    void add_fault(CodePlace place, Error error);
};

// Opcode 0x85 with source 1: a call of a subprogram (RFC 9669, "Program-local functions").
inline bool is_subprogram_call(const RawInsn& insn) {
    return insn.opcode == 0x85 && insn.src() == 1;
}
// Opcode 0x18, the first half of a wide immediate.
inline bool is_wide_immediate(const RawInsn& insn) { return insn.opcode == 0x18; }

// The passes.
Result<void> read_types(Draft& draft);             // .BTF, .BTF.ext
Result<void> read_functions(Draft& draft);         // code and function symbols; license, version
Result<void> read_programs(Draft& draft);          // which functions are programs, of what type
Result<void> read_legacy_maps(Draft& draft);       // maps
Result<void> read_btf_maps(Draft& draft);          // .maps
Result<void> read_data_maps(Draft& draft);         // .bss .data* .rodata*
Result<void> read_externs(Draft& draft);           // .kconfig, .ksyms
Result<void> read_struct_ops(Draft& draft);        // .struct_ops*
Result<void> resolve_attach_targets(Draft& draft); // BTF ids of what programs are typed by
Result<void> fill_initial_slots(Draft& draft);     // map in map, program arrays
Result<void> apply_code_relocations(Draft& draft);
Result<void> apply_core_relocations(Draft& draft);
Result<void> link_programs(Draft& draft); // programs with the subprograms they reach
Result<void> finish_types(Draft& draft);  // BTF as BTF_LOAD takes it

// Bytes with a section's relocations applied to its words, as .BTF and .BTF.ext need.
Result<ByteVector> relocated_contents(const ElfFile& elf, const Section& section);

} // namespace skep::load
