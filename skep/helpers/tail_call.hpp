// SPDX-License-Identifier: Apache-2.0
//
// Data plane. bpf_tail_call, which is an act of the engine and not a function like other helpers:
// when the other program ran, its answer ends the subprogram that called. A program's own call (not
// a subprogram's) need not wait for that: it ends, and whoever ran it runs the other one then.
#pragma once

#include <cstdint>

#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"
#include "skep/spec/limits.hpp"

namespace skep::helpers {

inline constexpr std::uint32_t kMaxTailCalls = spec::limits::tail_calls;

// The id of the program that a call goes to; 0 when there is none, or too many were called already.
inline std::uint32_t tail_called(maps::Map& programs, std::uint32_t index,
                                 const Invocation& invocation) {
    if (index >= programs.spec().max_entries || invocation.tail_calls >= kMaxTailCalls ||
        invocation.services == nullptr || invocation.services->run_program == nullptr) {
        return 0;
    }
    const auto* const slots = programs.slots();
    return slots == nullptr
               ? 0
               : static_cast<std::uint32_t>(slots[index].load(std::memory_order_acquire));
}

// Runs the program at an index of a program array: true, and its answer, when it ran. When it did
// not, the calling program goes on.
inline bool tail_call(maps::Map& programs, std::uint32_t index, Invocation& invocation,
                      std::uint64_t& result) {
    const std::uint32_t id = tail_called(programs, index, invocation);
    if (id == 0) {
        return false;
    }
    const Services* services = invocation.services;
    ++invocation.tail_calls;
    if (!services->run_program(services->owner, id, invocation, &result)) {
        --invocation.tail_calls;
        return false;
    }
    return true;
}

// The same where the calling program ends at once when this says true. It may only have been told
// then what to run next, and its own answer counts for nothing.
inline bool tail_call_at_the_end(maps::Map& programs, std::uint32_t index, Invocation& invocation,
                                 std::uint64_t& result) {
    const Services* services = invocation.services;
    if (services == nullptr || services->program_by_id == nullptr) {
        return tail_call(programs, index, invocation, result);
    }
    const std::uint32_t id = tail_called(programs, index, invocation);
    void* const next = id == 0 ? nullptr : services->program_by_id(services->owner, id);
    if (next == nullptr) {
        return false;
    }
    ++invocation.tail_calls;
    invocation.next_program = next;
    return true;
}

} // namespace skep::helpers
