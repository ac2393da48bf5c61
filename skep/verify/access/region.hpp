// SPDX-License-Identifier: Apache-2.0
//
// May this touch that memory? For everything that is a run of plain bytes: stack, packet, map
// values and keys, sized memory. Loads, stores and the memory arguments of helpers all ask here.
//
// Asking changes nothing. Whoever goes on calls transfer/memory (loads and stores) or
// Stack::set_bytes (what a helper filled).
#pragma once

#include <cstdint>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

enum class Direction : std::uint8_t { read, write };
enum class Accessor : std::uint8_t { load_store, atomic, helper };
// What must be true of the bytes that a helper is given.
enum class Before : std::uint8_t { initialised, anything };

struct RegionRequest {
    Reg reg = 0;                  // whose name the messages use
    const Value& value;           // the pointer, with its own offset and number
    std::int32_t offset = 0;      // displacement of the instruction; 0 for helpers
    std::uint32_t size_bytes = 0; // how many at most
    Direction direction = Direction::read;
    Accessor accessor = Accessor::load_store;
    Before before = Before::initialised;
};

// True for the kinds that check_region knows.
bool is_region(const Value& value);

// What was relied on beyond the answer.
struct RegionUse {
    bool offset_mattered =
        false; // the pointer's variable part decided: its register must be precise
};

// Precondition: is_region(request.value).
Ruling<RegionUse> check_region(const Subject& subject, const State& state,
                               const RegionRequest& request);

} // namespace skep::verify
