// SPDX-License-Identifier: Apache-2.0
//
// Ahead of time: programs of one object file as a native object file that an application links.
//
// The object holds an entry for each program, `SYMBOL(context, run)`, and the values of array maps
// that nothing but the programs' own look-ups and loads refers to: such a map is memory with a
// name, and an application reads and writes it as such. Of other maps it holds two variables, which
// a runtime library fills in before anything runs: SYMBOL_handle, the map as helpers want it, and
// SYMBOL, the address of its first value. Functions are left undefined under these names:
//
//   skep_helper_NAME         bpf_NAME, (r1 .. r5, run)
//   skep_routine_NAME        tail_call, packet_load, guarded_load, find_helper
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
};

struct AheadJob {
    std::span<const AheadProgram> programs;
    std::span<const AheadMap> maps;
    jit::MapShapes shapes;   // by map
    std::string triple;      // "aarch64-linux-gnu"
    std::string cpu;         // as LLVM names it; empty: any of its kind
    bool calls_back = false; // keeps SYMBOL_call_back: what a helper calls a program's function by
};

struct AheadObject {
    ByteVector bytes;                 // ELF, relocatable
    std::vector<std::string> missing; // functions that are left undefined, sorted
    std::vector<std::size_t> handled; // maps that are wanted by their handle
};

} // namespace skep::run
