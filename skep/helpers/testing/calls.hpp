// SPDX-License-Identifier: Apache-2.0
//
// For tests: a helper called as an engine calls it, and maps to give it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"

namespace skep::helpers::testing {

// Helpers take addresses as programs have them: as numbers.
inline std::uint64_t at(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

inline std::int64_t call(std::uint32_t helper, std::array<std::uint64_t, 5> regs,
                         Invocation& invocation) {
    return static_cast<std::int64_t>(
        find_helper(helper)(regs[0], regs[1], regs[2], regs[3], regs[4], invocation));
}

inline std::unique_ptr<maps::Map> made(spec::MapType type, std::uint32_t key, std::uint32_t value,
                                       std::uint32_t entries) {
    spec::MapSpec spec;
    spec.name = "m";
    spec.type = type;
    spec.key_size_bytes = key;
    spec.value_size_bytes = value;
    spec.max_entries = entries;
    return std::move(maps::make_map(spec, 2)).value();
}

} // namespace skep::helpers::testing
