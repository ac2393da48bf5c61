// SPDX-License-Identifier: Apache-2.0
//
// What compiled code and the runtime library must agree on, as one number: the places of what code
// reads and the sizes of what the header's functions hand over. A unit keeps the number of the skep
// that compiled it, and its open function asks the library for its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "apps/runtime/skep_runtime.h"
#include "skep/helpers/invocation.hpp"
#include "skep/run/jit/routines.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::runtime {

// Raised when the meaning of something changes that has neither place nor size.
inline constexpr std::uint64_t kGeneration = 1;

constexpr std::uint64_t layout_number() {
    constexpr std::uint64_t kPrime = 1099511628211U; // of the FNV hash
    std::uint64_t number = 14695981039346656037U;
    for (const std::uint64_t fact :
         {kGeneration, std::uint64_t{sizeof(helpers::Invocation)},
          std::uint64_t{offsetof(helpers::Invocation, cpu)},
          std::uint64_t{offsetof(helpers::Invocation, loop_budget)},
          std::uint64_t{offsetof(helpers::Invocation, stack)},
          std::uint64_t{sizeof(skep_map_shape)}, std::uint64_t{sizeof(skep_program)},
          std::uint64_t{sizeof(skep_memory)}, std::uint64_t{sizeof(spec::HostXdp)},
          std::uint64_t{sizeof(spec::HostSkb)},
          static_cast<std::uint64_t>(run::jit::Routine::count_)}) {
        number = (number ^ fact) * kPrime;
    }
    return number;
}

} // namespace skep::runtime
