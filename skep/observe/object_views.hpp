// SPDX-License-Identifier: Apache-2.0
//
// What is shown of programs, maps and links: the records of bpf(2), with what stands beside them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skep/observe/view.hpp"
#include "skep/spec/abi.hpp"

namespace skep::observe {

// Pins are shown when they were asked for.
using Pins = std::optional<std::vector<std::string>>;

struct ProgramShown {
    const abi::ProgInfo& info;
    std::vector<std::uint32_t> map_ids;
    std::uint64_t memlock_bytes = 0;
    std::int64_t loaded_at_s = 0; // seconds of the calendar
    Pins pins;
};
View program_view(const ProgramShown& program);

struct MapShown {
    const abi::MapInfo& info;
    std::uint64_t memlock_bytes = 0;
    bool is_frozen = false;
    // Of a program array, once a program went in.
    std::optional<std::uint32_t> owner_program_type;
    bool owner_is_jited = false;
    Pins pins;
};
View map_view(const MapShown& map);

struct LinkShown {
    const abi::LinkInfo& info;
    std::string target; // name of a raw tracepoint's or iterator's target
    Pins pins;
};
View link_view(const LinkShown& link);

// The names of types, or "type N" for a number that no table has.
std::string name_of_program_type(std::uint32_t type);
std::string name_of_map_type(std::uint32_t type);
std::string name_of_attach_type(std::uint32_t type);

} // namespace skep::observe
