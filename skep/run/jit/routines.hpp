// SPDX-License-Identifier: Apache-2.0
//
// Data plane. What generated code calls in the engine itself, beside helpers.
//
// A routine takes its arguments as a helper does and answers two numbers: the value for R0, and
// whether the thing happened. Code refers to a routine by its index, through a relocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "skep/helpers/invocation.hpp"

namespace skep::run::jit {

// In two result registers on the machines that we generate code for.
struct RoutineAnswer {
    std::uint64_t value = 0;
    std::uint64_t happened = 0;
};

enum class Routine : std::uint8_t {
    tail_call,    // R2: map, R3: index. Happened: the other program ran, value is its answer
    packet_load,  // R1: the socket buffer, R2: offset, R3: size. Not happened: outside the packet
    guarded_load, // R1: address, R2: size. Value: what is there, or zero when nothing is
    find_helper,  // R1: id. Value: the function; not happened: no such helper
    tail_call_at_the_end, // the same as tail_call where a return ends the program, not a subprogram
    count_,
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Routine::count_)>
    kRoutineNames{"tail_call", "packet_load", "guarded_load", "find_helper",
                  "tail_call_at_the_end"};

std::uintptr_t address_of(Routine routine);

} // namespace skep::run::jit
