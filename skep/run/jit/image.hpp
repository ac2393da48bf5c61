// SPDX-License-Identifier: Apache-2.0
//
// Image: machine code that belongs to no process yet.
//
// It holds no address. Where one must stand (a map, a helper, a routine of the engine) there is
// room for it and a relocation that says what belongs there; bind() fills it in for this process.
// The room is eight zero bytes, but for arm64's instructions: there it is four moves of sixteen
// bits each, the lowest first, whose numbers are zero.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/base/bytes.hpp"

namespace skep::run::jit {

// The machines that code is generated for.
enum class Machine : std::uint8_t { none, x64, arm64 };
#if defined(__x86_64__)
inline constexpr Machine kThisMachine = Machine::x64;
#elif defined(__aarch64__)
inline constexpr Machine kThisMachine = Machine::arm64;
#else
inline constexpr Machine kThisMachine = Machine::none;
#endif

// What generated code may refer to.
enum class Referent : std::uint8_t {
    map,             // the Map object; index: of the map
    lookup_function, // Map::lookup_function_for() of the map; index: of the map; addend: KeyPieces
    home_lane,       // of Map::home_lanes(); index: of the map; addend: HomeLanePart
    map_value,       // an address inside its values; addend: the distance from the first value
    helper,          // index: the helper's id
    routine,         // index: a Routine of routines.hpp
};

struct Relocation {
    Referent referent = Referent::map;
    std::uint32_t offset = 0; // of the room
    std::uint32_t index = 0;
    std::uint64_t addend = 0;
};

// From this offset on, up to the next mark's, code is of this running instruction.
struct CodeMark {
    std::uint32_t offset = 0;
    std::uint32_t insn = 0;
};

struct Image {
    Machine machine = kThisMachine; // for which the code is
    ByteVector code;
    std::uint32_t text_bytes = 0; // of them instructions, from the start; 0: all
    std::vector<Relocation> relocations;
    std::vector<std::uint32_t> insn_offsets;       // by running index, and one past the end
    std::vector<std::uint32_t> subprogram_offsets; // by subprogram
    std::vector<CodeMark> marks;    // rising; of code that is in no order, in place of insn_offsets
    std::uint32_t entry_offset = 0; // of the program
};

} // namespace skep::run::jit
