// SPDX-License-Identifier: Apache-2.0
//
// Ahead of time: programs of one object file as a native object file that an application links.
//
// The object holds an entry for each program, `SYMBOL(context, run)`, and the values of array maps
// that nothing but the programs' own look-ups and loads refers to: such a map is memory with a
// name, and an application reads and writes it as such. What else programs refer to is reached
// through variables, which somebody fills in before anything runs:
//
//   SYMBOL_handle            of a map: the map as helpers want it; an array's SYMBOL is then a
//                            variable too, with the address of the first value
//   PREFIX_helper_NAME       the function bpf_NAME, (r1 .. r5, run)
//   PREFIX_routine_NAME      what jit/routines.hpp names
//
// Control plane. Proved by: tests/ahead/run_compile.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/run/jit/plan.hpp"

namespace skep::run {

struct AheadProgram {
    const verify::VerifiedProgram* program = nullptr;
    std::string symbol; // of its entry
};

// A map of the object file, by the index that instructions carry.
struct AheadMap {
    std::string symbol;      // of its values
    std::uint64_t bytes = 0; // of its values; 0: they do not lie in the object (a map at run time)
    ByteVector content;      // their beginning; the rest is zero
    bool is_constant = false;
    bool is_array = false; // at run time: its values have an address
    bool is_kept = false;  // at run time: it has its variables, whatever the code refers to
};

struct AheadJob {
    std::string prefix;
    std::span<const AheadProgram> programs;
    std::span<const AheadMap> maps;
    jit::MapShapes shapes;   // by map
    std::string triple;      // "aarch64-linux-gnu"
    std::string cpu;         // as LLVM names it; empty: any of its kind
    bool calls_back = false; // keeps SYMBOL_call_back: what a helper calls a program's function by
};

// A function that is reached through a variable of the object.
struct AheadCall {
    std::string symbol; // of the variable
    jit::Referent referent = jit::Referent::helper;
    std::uint32_t number = 0; // the helper's id, the routine's
};

struct AheadObject {
    ByteVector bytes; // ELF, relocatable
    std::vector<AheadCall> calls;
    std::vector<std::size_t> handled; // maps that are wanted at run time
};

} // namespace skep::run
