// SPDX-License-Identifier: Apache-2.0
//
// What the values of a map stand for, where they are more than bytes: who writes one names a
// program, a map, a device; what a program finds is that thing.
//
// Columns of MAP_CONTENTS rows: a map type, and what its values stand for (enum MapContents). A
// type without a row holds bytes. Two rows of one type do not compile.
//
// Proved by: map_contents_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "skep/spec/map_types.hpp"

namespace skep::spec {

enum class MapContents : std::uint8_t {
    bytes,
    programs,
    maps,
    devices,
    cpus,
    xdp_sockets, // of AF_XDP
    sockets,
};

constexpr MapContents contents_of(MapType type) {
    switch (static_cast<std::uint32_t>(type)) {
#define MAP_CONTENTS(type, contents)                                                               \
    case static_cast<std::uint32_t>(MapType::type):                                                \
        return MapContents::contents;
#include "skep/spec/maps/map_contents.def"
    default:
        return MapContents::bytes;
    }
}

constexpr std::string_view name_of(MapContents contents) {
    constexpr std::array<std::string_view, 7> kNames{"bytes", "programs",       "maps",   "devices",
                                                     "CPUs",  "AF_XDP sockets", "sockets"};
    return kNames.at(static_cast<std::size_t>(contents));
}

constexpr bool holds_maps(MapType type) { return contents_of(type) == MapContents::maps; }
constexpr bool holds_sockets(MapType type) { return contents_of(type) == MapContents::sockets; }

// What packets are sent on to; such a value may name a program to run there, too.
constexpr bool holds_targets(MapType type) {
    return contents_of(type) == MapContents::devices || contents_of(type) == MapContents::cpus;
}

} // namespace skep::spec
