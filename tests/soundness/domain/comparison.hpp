// SPDX-License-Identifier: Apache-2.0
//
// Abstract operations on every pair of elements of four bits, beside what the instruction table
// says of every pair of their members.
#pragma once

#include <string>
#include <vector>

#include "tests/soundness/domain/nibble.hpp"

namespace skep::tests::soundness {

// The whole number, or its low half.
enum class Form : std::uint8_t { whole, low };

struct Measured {
    std::string name;
    std::string lost =
        {}; // the first result that a member has and the answer has not; empty: sound
    std::uint64_t answers = 0;
    std::uint64_t exact = 0;        // as close as a description can be
    std::uint64_t members = 0;      // in the answers, together
    std::uint64_t best_members = 0; // in the best ones
};

// Rows of the table, by place in spec::kAluRows and spec::kJumpRows. Byte order means nothing at
// four bits: such rows are not for measure_operation().
bool has_bytes_in_order(std::size_t row);
Measured measure_operation(std::size_t row, Form form);
// Of the pairs one in `step` is tried.
Measured measure_jump(std::size_t row, Form form, bool taken, unsigned step = 1);
// Sign extension of the low half, which the table has for wider words only.
Measured measure_sign_extension();
Measured measure_join();

// Every contradictory or loose choice of the five parts, of which one in `step` is tried.
Measured measure_synchronise(unsigned step);
// Low bits kept, the upper half cleared, of all those.
Measured measure_narrowing(unsigned step);

} // namespace skep::tests::soundness
