// SPDX-License-Identifier: Apache-2.0
//
// Division by a constant as multiplication.
//
// For a divisor d that is no power of two, with l = floor(log2 d), take M = floor(2^(N+l) / d) + 1,
// which has N bits. If d - (2^(N+l) mod d) <= 2^l then n / d = (n * M) >> (N + l) for every N-bit
// n: the error of M times n stays below one step. Otherwise one bit more is needed: M =
// floor(2^(N+l+1) / d) + 1 has N+1 bits, of which the highest is left out and made good by an
// addition that cannot overflow: t = (n * M') >> N, n / d = (((n - t) >> 1) + t) >> l. (Granlund
// and Montgomery, "Division by Invariant Integers using Multiplication", 1994, section 4.)
//
// Proved by: constant_division_test.cpp (every 16-bit divisor at its edges, random 64-bit ones).
#pragma once

#include <bit>
#include <cstdint>

namespace skep::run::jit {

struct Reciprocal {
    std::uint64_t multiplier = 0; // M, or M' without its highest bit
    std::uint8_t shift = 0;       // l
    bool needs_addition = false;
};

// Precondition: divisor > 2 and no power of two; for 32 bits it fits them.
template <unsigned bits>
constexpr Reciprocal reciprocal_of(std::uint64_t divisor) {
    __extension__ using Whole = unsigned __int128;
    const auto log = static_cast<std::uint8_t>(std::bit_width(divisor) - 1);
    const Whole power = Whole{1} << (bits + log - 1); // half of 2^(N+l), which may not fit
    const Whole quotient = power / divisor;
    const Whole remainder = power % divisor;
    const Whole full_remainder = (2 * remainder) % divisor;
    const Whole full_quotient = 2 * quotient + (2 * remainder >= divisor ? 1 : 0);
    if (divisor - full_remainder <= Whole{1} << log) {
        return {static_cast<std::uint64_t>(full_quotient + 1), log, false};
    }
    const Whole more = 2 * full_quotient + (2 * full_remainder >= divisor ? 1 : 0) + 1;
    return {static_cast<std::uint64_t>(bits == 64 ? more : more & ((Whole{1} << bits) - 1)), log,
            true};
}

} // namespace skep::run::jit
