// SPDX-License-Identifier: Apache-2.0
//
// Typed contexts: arguments of tracing, lsm, struct_ops and iterator programs. Their slots of eight
// bytes are typed by the BTF of what the program is for; here stands what BTF does not say.
//
// Columns of ITERATOR rows:  the iterator, and what each slot gives (enum SlotYield)
// Columns of NULLABLE rows:  a tracepoint, and the slot whose pointer may be null
// Columns of KEPT rows:      a structure, a member that is a pointer, and what a load of it through
// an
//                            object that is alive gives; other members give a plain object
// Columns of RETYPED rows:   a structure of struct_ops, the type that its functions declare, and
// the
//                            one that they are really handed
// Columns of WRITABLE rows: a structure of struct_ops, and a member of a kernel structure that its
//                            functions may write to
// Columns of MAP_STRUCTURE rows: a type of map, and the kernel's structure behind it, which may be
//                            read through a pointer to the map
// Columns of RCU_FREED rows: a structure whose objects, kept in a map, outlive the RCU section in
//                            which they are looked at
// Source: what Linux 6.18 answers for each.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "skep/spec/map_types.hpp"

namespace skep::spec {

enum class SlotYield : std::uint8_t {
    none,
    number,
    plain, // an object that may go away
    plain_or_null,
    trusted, // an object that is alive while the program runs
    trusted_or_null,
    rcu, // an object that is alive while the RCU section lasts
    rcu_or_null,
    buffer, // memory whose size is looked at when the program is attached; or null
    read_only_buffer,
};

struct IteratorRow {
    std::string_view name;
    std::array<SlotYield, 4> slots;
};
struct NullableRow {
    std::string_view tracepoint;
    std::uint32_t slot;
};
struct KeptRow {
    std::string_view structure;
    std::string_view member;
    SlotYield yields;
};
struct RetypedRow {
    std::string_view structure;
    std::string_view from;
    std::string_view to;
};

struct WritableRow {
    std::string_view interface;
    std::string_view structure;
    std::string_view member;
};

inline constexpr std::array kIterators = [] {
    using enum SlotYield;
    return std::array{
#define ITERATOR(name, slot0, slot1, slot2, slot3) IteratorRow{name, {slot0, slot1, slot2, slot3}},
#include "skep/spec/contexts/typed_contexts.def"
    };
}();
inline constexpr std::array kNullable{
#define NULLABLE(tracepoint, slot) NullableRow{tracepoint, slot},
#include "skep/spec/contexts/typed_contexts.def"
};
inline constexpr std::array kKept = [] {
    using enum SlotYield;
    return std::array{
#define KEPT(structure, member, yields) KeptRow{structure, member, yields},
#include "skep/spec/contexts/typed_contexts.def"
    };
}();
inline constexpr std::array kRetyped{
#define RETYPED(structure, from, to) RetypedRow{structure, from, to},
#include "skep/spec/contexts/typed_contexts.def"
};
struct MapStructureRow {
    MapType type;
    std::string_view structure;
};
inline constexpr std::array kMapStructures{
#define MAP_STRUCTURE(type, structure) MapStructureRow{MapType::type, structure},
#include "skep/spec/contexts/typed_contexts.def"
};
inline constexpr std::array kRcuFreed{
#define RCU_FREED(structure) std::string_view{structure},
#include "skep/spec/contexts/typed_contexts.def"
};
inline constexpr std::array kWritable{
#define WRITABLE(interface, structure, member) WritableRow{interface, structure, member},
#include "skep/spec/contexts/typed_contexts.def"
};

} // namespace skep::spec
