// SPDX-License-Identifier: Apache-2.0
//
// Dynptrs on the stack: two slots, sixteen bytes, that only helpers and kernel functions may fill.
//
//   slot value   kind dynptr; subject what it leads to (DynptrKind); offset the lower slot's, so
//                that a half of one is never taken for a whole; id told apart from all others;
//                reference_id what must be given back (ring buffer records)
//   slices       memory whose `instance` is the id of the dynptr that they were cut from
//
// A store over one ends it, and with it its slices. Clones share the reference and end with it.
#pragma once

#include <optional>

#include "skep/verify/state/state.hpp"

namespace skep::verify {

enum class DynptrKind : std::uint8_t { none, local, ringbuf, packet, xdp, packet_metadata };

inline constexpr unsigned kDynptrBytes = 16;

// The whole dynptr that begins exactly there; null when there is none.
const Value* dynptr_at(const State& state, unsigned frame, std::int64_t offset);

// One in these bytes, or reaching into them, that carries a reference: it may not be overwritten.
bool holds_referenced_dynptr(const State& state, unsigned frame, std::int64_t begin,
                             std::int64_t end);

// All that lie in these bytes or reach into them are none any more; their slices become numbers.
void end_dynptrs(State& state, unsigned frame, std::int64_t begin, std::int64_t end);

// Ends those that carry this reference.
void end_dynptrs_of(State& state, std::uint32_t reference);

// Writes one. Preconditions: the offset is a multiple of eight in [-512, -16]; nothing there that
// holds_referenced_dynptr.
void make_dynptr(State& state, unsigned frame, std::int32_t offset, const Value& identity);

} // namespace skep::verify
