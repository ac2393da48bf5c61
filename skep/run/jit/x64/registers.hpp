// SPDX-License-Identifier: Apache-2.0
//
// Where BPF's registers live on x86-64.
//
//   R0   rax   result of a C function, too           R6  rbx  ┐
//   R1   rdi   ┐                                     R7  r13  │ a C function keeps these,
//   R2   rsi   │ the first five arguments of a       R8  r14  │ as R6 to R9 are kept
//   R3   rdx   │ C function, so a helper is called   R9  r15  ┘
//   R4   rcx   │ without moving anything             R10 rbp  frame pointer
//   R5   r8    ┘
//   r12  the invocation, from the first instruction of a run to its last (the anchor of code/guard)
//   r9   the invocation again, as sixth argument of a helper; otherwise free
//   r10, r11  free for one instruction's own use
#pragma once

#include <array>
#include <cstdint>

#include "skep/bytecode/insn.hpp"

namespace skep::run::jit::x64 {

enum class Gpr : std::uint8_t {
    rax,
    rcx,
    rdx,
    rbx,
    rsp,
    rbp,
    rsi,
    rdi,
    r8,
    r9,
    r10,
    r11,
    r12,
    r13,
    r14,
    r15, // as encoded
};

constexpr std::uint8_t number_of(Gpr reg) { return static_cast<std::uint8_t>(reg); }

inline constexpr std::array<Gpr, 11> kHomes{Gpr::rax, Gpr::rdi, Gpr::rsi, Gpr::rdx,
                                            Gpr::rcx, Gpr::r8,  Gpr::rbx, Gpr::r13,
                                            Gpr::r14, Gpr::r15, Gpr::rbp};
constexpr Gpr home_of(Reg reg) { return kHomes[reg]; }

inline constexpr Gpr kInvocation = Gpr::r12;
inline constexpr Gpr kScratch = Gpr::r11;
inline constexpr Gpr kScratch2 = Gpr::r10;
inline constexpr Gpr kScratch3 = Gpr::r9;

// [base + (index << scale) + displacement]
struct Memory {
    Gpr base = Gpr::rax;
    Gpr index = Gpr::rsp; // rsp cannot be an index: none
    std::int32_t displacement = 0;
    std::uint8_t scale = 0;

    [[nodiscard]] constexpr bool has_index() const { return index != Gpr::rsp; }
    [[nodiscard]] constexpr bool mentions(Gpr reg) const {
        return base == reg || (has_index() && index == reg);
    }
};

} // namespace skep::run::jit::x64
