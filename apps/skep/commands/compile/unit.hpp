// SPDX-License-Identifier: Apache-2.0
//
// A unit: what skep compile makes of one object file, and the C header that goes with it.
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

struct UnitMap {
    std::string name;
    std::string symbol;
    spec::MapSpec spec;
    std::uint64_t stride_bytes = 0; // from value to value, in an array
    bool in_object = false;         // its values lie in the native object
    bool has_handle = false;        // made at run time
    bool is_constant = false;
    ByteVector initial; // the first value's bytes, of a map that is made at run time
};

struct Unit {
    std::string prefix; // of all its symbols: "filter"
    std::string source; // the object file it was made of
    std::uint32_t cpus = 1;
    std::vector<UnitProgram> programs;
    std::vector<UnitMap> maps;
    std::vector<run::AheadCall> calls; // what it calls of the runtime library
    [[nodiscard]] bool needs_runtime() const;
};

// A name as a part of a C identifier.
std::string as_identifier(std::string_view name);

// Whether programs of this type have a context that the header can describe.
bool can_be_entered(spec::ProgramType type);

std::string header_of(const Unit& unit);

} // namespace skep::app
