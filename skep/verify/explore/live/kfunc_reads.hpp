// SPDX-License-Identifier: Apache-2.0
//
// What a kernel function may read of the memory that its arguments point at, by its type: for
// liveness, before anything is known of the arguments.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "skep/verify/state/subject.hpp"

namespace skep::verify {

inline constexpr unsigned kMostArguments = 5;

struct KfuncReads {
    enum class Extent : std::uint8_t { nothing, fixed, by_next, anything };
    struct Argument {
        Extent extent = Extent::nothing;
        std::uint32_t bytes = 0; // when fixed; by_next: the next argument says
    };
    std::array<Argument, kMostArguments> arguments; // R1..R5
};

// None: anything may be read, also what is found behind stored addresses.
std::optional<KfuncReads> kfunc_reads(const Subject& subject, InsnIndex at);

// How many of R1 to R5 it is given; all, when that is not known.
unsigned kfunc_registers(const Subject& subject, InsnIndex at);

} // namespace skep::verify
