// SPDX-License-Identifier: Apache-2.0
//
// EmitArm64: for each row of the instruction table, the machine code that does it.
//
// The primary templates are declared and never defined, so a row without a specialisation does not
// compile (the tables in target.cpp walk all rows). The specialisations are in alu.hpp and
// atomics.hpp; each is tested against the row's meaning by tests/jit/rows_test.cpp.
#pragma once

#include <cstdint>

#include "skep/run/jit/arm64/assembler.hpp"
#include "skep/run/jit/target.hpp"

namespace skep::run::jit::arm64 {

// What the processor offers beyond the common ground.
struct Features {
    bool large_atomics = false; // one instruction for what else is a loop (LSE)
};

struct AtomicContext {
    std::uint8_t size_bytes = 8;
    Gpr address = Gpr::x0; // nothing is added to it
    Gpr value = Gpr::x0;   // the source, and where a fetch puts what was there
    Features features;

    [[nodiscard]] Wide wide() const { return size_bytes == 8 ? Wide::yes : Wide::no; }
};

// by_register(assembler, wide, dst, src) and by_number(assembler, wide, dst, number), as the
// operands of the row allow; an operation without a second operand is by_number and ignores it.
template <AluOp op>
struct EmitArm64Alu;
// static void emit(assembler, context)
template <AtomicOp op>
struct EmitArm64Atomic;
// static constexpr Condition value: after a comparison, or after a test for jset
template <JumpOp op>
struct Arm64Condition;

// Division has more to say than the other operations.
void divide(Assembler& assembler, Wide wide, Division division, Gpr dst, Gpr src);
void divide_by(Assembler& assembler, Wide wide, Division division, Gpr dst, std::int32_t number);

inline void move(Assembler& assembler, Wide wide, Gpr dst, Gpr src) {
    if (dst != src || wide == Wide::no) { // a 32-bit move to itself clears the upper half
        assembler.say(Op::orr, wide, {.d = dst, .n = kZero, .m = src});
    }
}

// dst = src + number. May change kScratch.
void add_number(Assembler& assembler, Wide wide, Gpr dst, Gpr src, std::int32_t number);

// Loads and stores of each size. What cannot be addressed in one instruction goes through kAddress.
void load(Assembler& assembler, MemoryAccess access, Gpr dst, Address from);
void store(Assembler& assembler, std::uint8_t size_bytes, Address to, Gpr src);
// dst = the address. May change kScratch.
void address_of(Assembler& assembler, Gpr dst, Address address);

} // namespace skep::run::jit::arm64
