// SPDX-License-Identifier: Apache-2.0
//
// May this touch that field of a typed object: sockets, BTF objects, flow keys, map structures?
#pragma once

#include "skep/verify/access/region.hpp"

namespace skep::verify {

struct TypedAccess {
    Reg reg = 0;
    Value value;             // the pointer
    std::int32_t offset = 0; // displacement of the instruction
    std::uint32_t size_bytes = 0;
    Direction direction = Direction::read;
    Accessor accessor = Accessor::load_store;
    bool sign_extended = false;
    bool behind_map = false; // the value stands for the kernel's structure of a map
};

// An unknown number of that many bytes, as a load gives it.
Value loaded_number(std::uint32_t size_bytes, bool sign_extended);

// Memory of which nothing is known: any of it may be read, and what cannot be read is zero.
Value untrusted_memory();

// What a load yields (id 0 where one is needed: the walk gives it); for a store: uninitialised.
Ruling<Value> check_typed_access(const Subject& subject, const State& state,
                                 const TypedAccess& access);

} // namespace skep::verify
