// SPDX-License-Identifier: Apache-2.0
//
// Data plane. bpf_tail_call, which is an act of the engine and not a function like other helpers:
// when the other program ran, its answer ends the subprogram that called.
#pragma once

#include <cstdint>

#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"
#include "skep/spec/limits.hpp"

namespace skep::helpers {

inline constexpr std::uint32_t kMaxTailCalls = spec::limits::tail_calls;

// Runs the program at an index of a program array: true, and its answer, when it ran. False when
// there is none, or too many were called already: the calling program goes on.
inline bool tail_call(maps::Map& programs, std::uint32_t index, Invocation& invocation,
                      std::uint64_t& result) {
    const Services* services = invocation.services;
    if (index >= programs.spec().max_entries || invocation.tail_calls >= kMaxTailCalls ||
        services == nullptr || services->run_program == nullptr) {
        return false;
    }
    // A key is the bytes of a number here; a slot is one aligned number, which whoever fills the
    // array stores whole.
    const auto* slot =
        programs.lookup(reinterpret_cast<const std::uint8_t*>(&index), invocation.cpu);
    const std::uint32_t id =
        slot == nullptr
            ? 0
            : __atomic_load_n(reinterpret_cast<const std::uint32_t*>(slot), __ATOMIC_ACQUIRE);
    if (id == 0) {
        return false;
    }
    ++invocation.tail_calls;
    if (!services->run_program(services->owner, id, invocation, &result)) {
        --invocation.tail_calls;
        return false;
    }
    return true;
}

} // namespace skep::helpers
