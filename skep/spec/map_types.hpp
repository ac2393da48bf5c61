// SPDX-License-Identifier: Apache-2.0
//
// Map types: what a map may be, and what may be done with it.
//
// Columns of map_types.def:
//   id    the number of linux/bpf.h
//   name  bpftool's word
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skep::spec {

enum class MapType : std::uint32_t {
#define MAP_TYPE(id, name) name = id,
#include "skep/spec/map_types.def"
};

struct MapTypeRow {
    MapType type;
    std::string_view name;
};

inline constexpr std::array kMapTypes{
#define MAP_TYPE(id, name) MapTypeRow{MapType::name, #name},
#include "skep/spec/map_types.def"
};

// The row, or null for a number that no kernel knows.
constexpr const MapTypeRow* find(MapType type) {
    for (const MapTypeRow& row : kMapTypes) {
        if (row.type == type) {
            return &row;
        }
    }
    return nullptr;
}

// The type by bpftool's word.
constexpr std::optional<MapType> map_type_named(std::string_view name) {
    for (const MapTypeRow& row : kMapTypes) {
        if (row.name == name) {
            return row.type;
        }
    }
    return std::nullopt;
}

} // namespace skep::spec
