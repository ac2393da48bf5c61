// SPDX-License-Identifier: Apache-2.0
//
// Image: machine code that belongs to no process yet.
//
// It holds no address. Where one must stand (a map, a helper, a routine of the engine) there are
// eight zero bytes and a relocation that says what belongs there; bind() fills them in for this
// process.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/base/bytes.hpp"

namespace skep::run::jit {

// What generated code may refer to.
enum class Referent : std::uint8_t {
    map,             // the Map object; index: of the map
    lookup_function, // Map::lookup_function() of the map; index: of the map
    map_value,       // an address inside its values; addend: the distance from the first value
    helper,          // index: the helper's id
    routine,         // index: a Routine of routines.hpp
};

struct Relocation {
    Referent referent = Referent::map;
    std::uint32_t offset = 0; // of the eight bytes
    std::uint32_t index = 0;
    std::uint64_t addend = 0;
};

struct Image {
    ByteVector code;
    std::vector<Relocation> relocations;
    std::vector<std::uint32_t> insn_offsets;       // by running index, and one past the end
    std::vector<std::uint32_t> subprogram_offsets; // by subprogram
    std::uint32_t entry_offset = 0;                // of the program
    std::uint32_t callback_offset = 0;             // what Invocation::call_back becomes
};

} // namespace skep::run::jit
