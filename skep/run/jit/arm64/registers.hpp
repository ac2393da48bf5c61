// SPDX-License-Identifier: Apache-2.0
//
// Where BPF's registers live on arm64.
//
//   R0   x7    moved to and from x0 at the     R6  x19  ┐
//              borders to C                    R7  x20  │ a C function keeps these,
//   R1   x0    ┐                               R8  x21  │ as R6 to R9 are kept
//   R2   x1    │ the first five arguments      R9  x22  ┘
//   R3   x2    │ of a C function, so a helper  R10 x29  frame pointer
//   R4   x3    │ is called without moving
//   R5   x4    ┘ anything
//   x25  the invocation, from the first instruction of a run to its last (the anchor of code/guard)
//   x5   the invocation again, as sixth argument of a helper; otherwise free
//   x9 to x11, x16, x17  free for one instruction's own use; x30 holds where to return to
//   x18 belongs to the system and is never touched
#pragma once

#include <array>
#include <cstdint>

#include "skep/bytecode/insn.hpp"

namespace skep::run::jit::arm64 {

// As encoded. Number 31 is the stack pointer or a zero, as the place in the instruction has it.
enum class Gpr : std::uint8_t {
    x0,
    x1,
    x2,
    x3,
    x4,
    x5,
    x6,
    x7,
    x8,
    x9,
    x10,
    x11,
    x12,
    x13,
    x14,
    x15,
    x16,
    x17,
    x18,
    x19,
    x20,
    x21,
    x22,
    x23,
    x24,
    x25,
    x26,
    x27,
    x28,
    x29,
    x30,
    x31,
};

constexpr std::uint32_t number_of(Gpr reg) { return static_cast<std::uint32_t>(reg); }

inline constexpr std::array<Gpr, 11> kHomes{Gpr::x7,  Gpr::x0,  Gpr::x1,  Gpr::x2,
                                            Gpr::x3,  Gpr::x4,  Gpr::x19, Gpr::x20,
                                            Gpr::x21, Gpr::x22, Gpr::x29};
constexpr Gpr home_of(Reg reg) { return kHomes[reg]; }

inline constexpr Gpr kZero = Gpr::x31;
inline constexpr Gpr kStack = Gpr::x31;
inline constexpr Gpr kResult = Gpr::x7; // R0
inline constexpr Gpr kFrame = Gpr::x29; // R10
inline constexpr Gpr kReturn = Gpr::x30;
inline constexpr Gpr kInvocation = Gpr::x25;
inline constexpr Gpr kSixthArgument = Gpr::x5;
inline constexpr Gpr kScratch = Gpr::x9;
inline constexpr Gpr kScratch2 = Gpr::x10;
inline constexpr Gpr kScratch3 = Gpr::x11;
inline constexpr Gpr kAddress = Gpr::x16; // of what an access cannot address in one instruction
inline constexpr Gpr kCallee = Gpr::x17;

// [base + index], or [base + displacement] when there is no index.
struct Memory {
    Gpr base = Gpr::x0;
    Gpr index = kZero; // none
    std::int32_t displacement = 0;

    [[nodiscard]] constexpr bool has_index() const { return index != kZero; }
};

} // namespace skep::run::jit::arm64
