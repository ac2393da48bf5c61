// SPDX-License-Identifier: Apache-2.0
//
// Effects: which registers an instruction reads and which it writes, as sets.
//
// Saying read of a register that is not costs an instruction, the reverse would cost the answer, so
// whatever is in doubt is read. It is asked for every instruction of a program, so most come
// without a branch: by tables, as masks of what the kind does with the registers that are named.
//
// Proved by: tests/jit/plan_test.cpp; tests/engines.
#pragma once

#include <array>
#include <cstdint>

#include "skep/bytecode/insn.hpp"

namespace skep::run::jit {

using RegSet = std::uint16_t; // bit n: Rn

constexpr RegSet set_of(Reg reg) { return static_cast<RegSet>(1U << reg); }
inline constexpr RegSet kAllRegs = 0x7ff;
inline constexpr RegSet kCallerSaved = 0x3f; // R0 to R5, which a call may change
inline constexpr RegSet kArguments = 0x3e;   // R1 to R5

struct Effects {
    RegSet reads = 0;
    RegSet writes = 0;
};

// What a kind of instruction does with the registers that it names, and with others.
struct alignas(16) KindEffects {
    std::uint32_t dst = 0; // the lower half: reads it, the upper: writes it; all or nothing
    std::uint32_t src = 0; // the same
    std::uint32_t others = 0;
};
// By kind, and by whether the second operand is a register. An atomic operation has more to say.
extern const std::array<std::array<KindEffects, 2>, 32> kKindEffects;
// By operation, a mask for `dst`: without the lower half when it does not read what dst held.
extern const std::array<std::uint32_t, spec::kAluRows.size()> kUsesOfDst;

Effects effects_of_atomic(const Insn& insn);

inline Effects effects_of(const Insn& insn) {
    if (insn.kind == InsnKind::atomic) {
        return effects_of_atomic(insn);
    }
    const KindEffects& kind =
        kKindEffects[static_cast<std::size_t>(insn.kind)][static_cast<std::size_t>(insn.source)];
    constexpr std::uint32_t kBoth = 0x10001;
    const std::uint32_t dst =
        (kBoth << insn.dst) & kind.dst & kUsesOfDst[static_cast<std::size_t>(insn.alu_op)];
    const std::uint32_t all = dst | ((kBoth << insn.src) & kind.src) | kind.others;
    return {static_cast<RegSet>(all), static_cast<RegSet>(all >> 16)};
}

} // namespace skep::run::jit
