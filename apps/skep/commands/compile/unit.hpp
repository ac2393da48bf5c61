// SPDX-License-Identifier: Apache-2.0
//
// A unit: what skep compile makes of one object file, and the C header that goes with it.
//
// Proved by: unit_test.cpp, tests/ahead/run_compile.
#pragma once

#include <string>
#include <vector>

#include "skep/load/object.hpp"
#include "skep/run/optimised/ahead.hpp"

namespace skep::app {

struct UnitProgram {
    std::string name;   // in the object file
    std::string symbol; // of the entry
    spec::ProgramType type = spec::ProgramType::unspec;
};

// What an entry of a map is to hold from the beginning: a program or a map of the unit, by place.
struct UnitSlot {
    std::uint32_t index = 0;
    std::size_t target = 0;
};

// A global variable of the program: where it lies in the map that holds it.
struct UnitVariable {
    std::string constant; // that says so
    std::uint32_t offset = 0;
};

struct UnitMap {
    std::string name;
    std::string symbol;
    spec::MapSpec spec;
    std::uint64_t stride_bytes = 0; // from value to value, in an array
    bool in_object = false;         // its values lie in the native object
    bool has_handle = false;        // made at run time
    bool is_constant = false;
    ByteVector initial; // the first value's bytes, of a map that is made at run time
    std::vector<UnitSlot> slots;
    std::vector<UnitVariable> variables;

    [[nodiscard]] bool is_array() const { return spec.type == spec::MapType::array; }
};

struct Unit {
    std::string prefix; // of all its symbols: "filter"
    std::string opener; // what is called first: "filter_open"
    std::string source; // the object file it was made of
    std::uint32_t cpus = 1;
    std::vector<UnitProgram> programs;
    std::vector<UnitMap> maps;
    std::vector<run::AheadCall> calls; // what it calls of the runtime library
    [[nodiscard]] bool needs_runtime() const;
};

// Whether programs of this type have a context that the header can describe.
bool can_be_entered(spec::ProgramType type);
// How a packet reaches a program of this type.
enum class Context : std::uint8_t { xdp, frame, packet, memory };
Context context_of(spec::ProgramType type);

// A number with a name; a remark when it is too large for an enumeration.
std::string constant_text(const std::string& name, std::uint64_t value);
std::string variables_text(const UnitMap& map);

std::string header_of(const Unit& unit);
// Its parts about the runtime library: maps and how all is made ready.
std::string runtime_part(const Unit& unit);

} // namespace skep::app
