// SPDX-License-Identifier: Apache-2.0
//
// Which registers may hold an address on the stack, and of whose frame: a forward pass over one
// function, before any path is walked. It feeds liveness.
//
// An address comes from R10 (the own frame) or from an argument (a caller's). Constants and maps
// are followed too, as far as they say how much a helper reads.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "skep/verify/state/subject.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {

// Whose frame: bit 0 the own, bit n what the n-th argument points into.
using Bases = std::uint8_t;
inline constexpr Bases kOwnFrame = 1;
inline constexpr Bases kNoBases = 0;

enum class Holds : std::uint8_t { nothing, number, map, address };
struct Held {
    Holds holds = Holds::nothing; // nothing: neither a known number nor a known address
    Bases bases = kNoBases;       // frames that it may point into
    std::int64_t number = 0;      // number: which; map: index; address: offset in the one base

    bool operator==(const Held&) const = default;
    [[nodiscard]] bool is_address() const { return holds == Holds::address; }
    [[nodiscard]] Held join(const Held& other) const {
        return *this == other ? *this
                              : Held{Holds::nothing, static_cast<Bases>(bases | other.bases), 0};
    }
};
using HeldRegisters = std::array<Held, 11>;

// What a function returns, as far as its callers must know.
struct FrameFlow {
    std::vector<HeldRegisters> before; // by instruction of the function
    Bases returned = kNoBases;         // frames that R0 may point into at an exit
    Bases stored = kNoBases;           // frames whose address was stored in memory
};

// `returned_by` says of each function already looked at what its result may point into, in terms of
// its own arguments.
FrameFlow follow_frame_addresses(const Subject& subject, const Subprogram& subprogram,
                                 const std::vector<Bases>& returned_by);

// The frames that a called function's `bases` mean for its caller, whose registers are `regs`.
Bases bases_of_arguments(const HeldRegisters& regs, Bases bases);
inline constexpr Bases kEveryArgument = 0x3e;

} // namespace skep::verify
