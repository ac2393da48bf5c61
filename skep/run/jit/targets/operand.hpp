// SPDX-License-Identifier: Apache-2.0
//
// Operands as both targets speak of them.
//
// Proved by: tests/jit/rows_test.cpp.
#pragma once

#include <cstdint>

#include "skep/bytecode/insn.hpp"

namespace skep::run::jit {

enum class Wide : bool { no, yes }; // 32 or 64 bits

constexpr Wide wide_of(Width width) { return width == Width::w64 ? Wide::yes : Wide::no; }

// An immediate as the operand that it stands for.
constexpr std::uint64_t as_operand(Wide wide, std::int32_t number) {
    return wide == Wide::yes ? static_cast<std::uint64_t>(std::int64_t{number})
                             : static_cast<std::uint32_t>(number);
}

constexpr bool is_shift(AluOp op) {
    return op == AluOp::lsh || op == AluOp::rsh || op == AluOp::arsh;
}

// Which division, and which of its results.
enum class Sign : bool { unsigned_, signed_ };
enum class Part : bool { quotient, remainder };
struct Division {
    Sign sign = Sign::unsigned_;
    Part part = Part::quotient;
};

} // namespace skep::run::jit
