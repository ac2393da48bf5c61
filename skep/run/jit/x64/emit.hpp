// SPDX-License-Identifier: Apache-2.0
//
// EmitX64: for each row of the instruction table, the machine code that does it.
//
// The primary templates are declared and never defined, so a row without a specialisation does not
// compile (the tables in target.cpp walk all rows). The specialisations are in alu.hpp and
// atomics.hpp; each is tested against the row's meaning by tests/jit/rows_test.cpp.
#pragma once

#include <cstdint>

#include "skep/run/jit/target.hpp"
#include "skep/run/jit/x64/assembler.hpp"

namespace skep::run::jit::x64 {

// What the processor offers beyond the common ground.
struct Features {
    bool bmi2 = false;
};

struct AluContext {
    Wide wide = Wide::yes;
    bool divisor_nonzero = false;
    Features features;
};

struct AtomicContext {
    std::uint8_t size_bytes = 8;
    Memory memory;
    Gpr value = Gpr::rax; // the source, and where a fetch puts what was there

    [[nodiscard]] Wide wide() const { return size_bytes == 8 ? Wide::yes : Wide::no; }
};

// by_register(assembler, context, dst, src) and by_number(assembler, context, dst, number), as the
// operands of the row allow; an operation without a second operand is by_number and ignores it.
template <AluOp op>
struct EmitX64Alu;
// static void emit(assembler, context)
template <AtomicOp op>
struct EmitX64Atomic;
// static constexpr Condition value: after a comparison, or after a test for jset
template <JumpOp op>
struct X64Condition;

// Division has more to say than the other operations.
void divide(Assembler& assembler, const AluContext& context, Division division, Gpr dst, Gpr src);
void divide_by(Assembler& assembler, const AluContext& context, Division division, Gpr dst,
               std::int32_t number);

// Loads and stores of each size.
void load(Assembler& assembler, const MemoryAccess& access, Gpr dst, const Memory& from);
void store(Assembler& assembler, std::uint8_t size_bytes, const Memory& to, Gpr src);
void store_number(Assembler& assembler, std::uint8_t size_bytes, const Memory& to,
                  std::int32_t number);

} // namespace skep::run::jit::x64
