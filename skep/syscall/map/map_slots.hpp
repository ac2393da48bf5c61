// SPDX-License-Identifier: Apache-2.0
//
// Slots that hold objects: maps of maps, program arrays, entries of device and CPU maps.
//
// A caller writes a descriptor and reads an id; the slot itself holds the id, because a store that
// processes share cannot hold an address. Before an id is published, everybody who runs programs
// must know the object behind it (Host::publish), so that no run meets an id it cannot resolve.
#pragma once

#include "skep/syscall/call.hpp"

namespace skep::syscall {

bool holds_objects(const spec::MapSpec& map);

// `value` is what the caller wrote: a descriptor in four bytes; in device and CPU maps a number,
// then a descriptor that may be missing (0 or less).
Result<void> put_into_slot(const Call& call, registry::MapObject& map, const ByteVector& key,
                           const ByteVector& value, std::uint64_t flags);

// Whether programs like this one may be in the array; the first one decides for all that follow.
Result<void> join_program_array(registry::MapObject& array,
                                const registry::ProgramArrayOwner& owner);
registry::ProgramArrayOwner owner_facts(const ProgramSpec& program);

} // namespace skep::syscall
