// SPDX-License-Identifier: Apache-2.0
//
// Every row of the instruction table, on every engine, in every width and source, with every pair
// of registers: the result is the row's meaning, and no other register changes. This is what finds
// a scratch register that was somebody's home.
#include <array>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

constexpr Reg kContext = 9; // holds the context until all other registers are stored

RawInsn raw(const Insn& insn) { return encode(insn)[0]; }

Insn store(Reg base, std::int16_t offset, Reg src) {
    Insn insn;
    insn.kind = InsnKind::store_reg;
    insn.size_bytes = 8;
    insn.dst = base;
    insn.src = src;
    insn.offset = offset;
    return insn;
}

Insn load_number(Reg dst, std::uint64_t number) {
    Insn insn;
    insn.kind = InsnKind::load_wide;
    insn.dst = dst;
    insn.imm = static_cast<std::int32_t>(number);
    insn.imm_high = static_cast<std::uint32_t>(number >> 32);
    return insn;
}

Insn move(Reg dst, Reg src) {
    Insn insn;
    insn.kind = InsnKind::alu;
    insn.alu_op = AluOp::mov;
    insn.source = Source::reg;
    insn.dst = dst;
    insn.src = src;
    return insn;
}

constexpr std::size_t kRegisters = 9; // R0 to R8 are watched; R9 points at where they are stored
using Registers = std::array<std::uint64_t, kRegisters>;

// Fills the registers, runs the instruction, stores the registers into the context.
std::vector<RawInsn> program_around(const Insn& insn, const Registers& before) {
    std::vector<RawInsn> program;
    append(program, move(kContext, 1));
    for (Reg reg = 0; reg < kRegisters; ++reg) {
        append(program, load_number(reg, before[reg]));
    }
    append(program, insn);
    for (Reg reg = 0; reg < kRegisters; ++reg) {
        append(program, store(kContext, static_cast<std::int16_t>(reg * 8), reg));
    }
    append(program, Insn{});
    return program;
}

std::uint64_t interesting(std::mt19937_64& random) {
    constexpr std::array<std::uint64_t, 12> kEdges{0,
                                                   1,
                                                   2,
                                                   ~0ULL,
                                                   0x80000000ULL,
                                                   0x8000000000000000ULL,
                                                   0x7fffffffULL,
                                                   0xffffffffULL,
                                                   0xffffffff80000000ULL,
                                                   63,
                                                   31,
                                                   0x7fffffffffffffffULL};
    return random() % 2 == 0 ? kEdges[random() % kEdges.size()] : random() >> (random() % 64);
}

Registers wanted_after(const Insn& insn, const Registers& before) {
    Registers after = before;
    const std::uint64_t dst = before[insn.dst];
    const std::uint64_t src = insn.source == Source::reg
                                  ? before[insn.src]
                                  : static_cast<std::uint64_t>(std::int64_t{insn.imm});
    after[insn.dst] = insn.width == Width::w64
                          ? spec::apply(insn.alu_op, dst, src)
                          : spec::apply(insn.alu_op, static_cast<std::uint32_t>(dst),
                                        static_cast<std::uint32_t>(src));
    return after;
}

void expect_row(const Insn& insn, std::mt19937_64& random) {
    Registers before{};
    for (std::uint64_t& number : before) {
        number = interesting(random);
    }
    const std::vector<RawInsn> program = program_around(insn, before);
    const Registers wanted = wanted_after(insn, before);
    for (const Engine& engine : engines(random())) {
        Registers after{};
        const auto result = run_once(engine, unchecked(program), after.data());
        ASSERT_TRUE(result.ok()) << result.error().message;
        ASSERT_EQ(after, wanted) << engine.name << ": " << spec::row(insn.alu_op).text << " dst r"
                                 << int{insn.dst} << " = " << before[insn.dst] << ", src r"
                                 << int{insn.src} << " = " << before[insn.src] << ", imm "
                                 << insn.imm
                                 << (insn.width == Width::w64 ? ", 64 bits" : ", 32 bits");
    }
}

bool takes_register(const spec::AluRow& row) {
    return row.operand == spec::Operand::binary || row.operand == spec::Operand::register_ ||
           row.operand == spec::Operand::register64;
}
bool takes_number(const spec::AluRow& row) {
    return row.operand != spec::Operand::register_ && row.operand != spec::Operand::register64;
}

class AluRowTest : public testing::TestWithParam<spec::AluRow> {};

TEST_P(AluRowTest, ComputesItsMeaningInEveryRegisterAndChangesNoOther) {
    const spec::AluRow& row = GetParam();
    std::mt19937_64 random(42);
    for (const Width width : {Width::w32, Width::w64}) {
        const bool only_wide =
            row.operand >= spec::Operand::order_le || row.operand == spec::Operand::register64;
        if (width == Width::w32 && only_wide) {
            continue;
        }
        for (int pair = 0; pair < int{kRegisters} * int{kRegisters} * 2; ++pair) {
            Insn insn;
            insn.kind = InsnKind::alu;
            insn.alu_op = row.op;
            insn.width = width;
            insn.dst = static_cast<Reg>(pair % int{kRegisters});
            if (takes_register(row)) {
                insn.source = Source::reg;
                insn.src = static_cast<Reg>(pair / int{kRegisters} % int{kRegisters});
                ASSERT_NO_FATAL_FAILURE(expect_row(insn, random));
            }
            if (takes_number(row)) {
                insn.source = Source::imm;
                insn.src = 0;
                insn.imm = row.operand == spec::Operand::binary
                               ? static_cast<std::int32_t>(interesting(random))
                               : 0;
                ASSERT_NO_FATAL_FAILURE(expect_row(insn, random));
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Table, AluRowTest, testing::ValuesIn(spec::kAluRows),
                         [](const auto& row) { return std::string(row.param.text); });

// Atomics: memory and registers afterwards, with every pair of value and address register.
class AtomicRowTest : public testing::TestWithParam<spec::AtomicRow> {};

using AtomicMemory = std::array<std::uint64_t, 16>; // the registers, and at 12 what is worked on

Insn atomic_insn(AtomicOp op, std::uint8_t size_bytes, Reg value, Reg base) {
    Insn insn;
    insn.kind = InsnKind::atomic;
    insn.atomic_op = op;
    insn.size_bytes = size_bytes;
    insn.dst = op == AtomicOp::load_acq ? value : base;
    insn.src = op == AtomicOp::load_acq ? base : value;
    insn.offset = 96;
    return insn;
}

TEST_P(AtomicRowTest, LeavesWhatItsMeaningSaysInMemoryAndRegisters) {
    const spec::AtomicRow& row = GetParam();
    std::mt19937_64 random(43);
    for (int round = 0; round < 4 * int{kRegisters * kRegisters}; ++round) {
        const std::uint8_t size = round % 2 == 0 ? 8 : 4;
        const auto value = static_cast<Reg>(round / 2 % int{kRegisters});
        const auto base = static_cast<Reg>(round / 2 / int{kRegisters} % int{kRegisters});
        Registers before{};
        for (std::uint64_t& number : before) {
            number = interesting(random);
        }
        const std::uint64_t memory =
            round % 3 == 0 ? before[0] : interesting(random); // exchanges that succeed, too
        std::vector<RawInsn> program =
            program_around(atomic_insn(row.op, size, value, base), before);
        const auto last =
            static_cast<std::ptrdiff_t>(1 + 2 * kRegisters); // before the instruction itself
        program.insert(program.begin() + last, raw(move(base, kContext)));
        AtomicMemory bytes{};
        std::vector<AtomicMemory> left;
        for (const Engine& engine : engines(random())) {
            bytes = {};
            bytes[12] = memory;
            const auto result = run_once(engine, unchecked(program), bytes.data());
            ASSERT_TRUE(result.ok()) << result.error().message;
            left.push_back(bytes);
            ASSERT_EQ(left.back(), left.front()) << row.text << " r" << int{value} << " at r"
                                                 << int{base} << ", " << int{size} << " bytes";
        }
        if (value != base && base != 0 && row.op != AtomicOp::load_acq) {
            const auto low = [](std::uint64_t number) {
                return static_cast<std::uint32_t>(number);
            };
            const std::uint64_t stored =
                size == 8
                    ? spec::stored(row.op, memory, before[value], before[0])
                    : (memory & ~0xffffffffULL) |
                          spec::stored(row.op, low(memory), low(before[value]), low(before[0]));
            ASSERT_EQ(left.back()[12], stored) << row.text;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Table, AtomicRowTest, testing::ValuesIn(spec::kAtomicRows),
                         [](const auto& row) { return std::string(row.param.text); });

class JumpRowTest : public testing::TestWithParam<spec::JumpRow> {};

TEST_P(JumpRowTest, JumpsWhenItsMeaningSays) {
    const spec::JumpRow& row = GetParam();
    std::mt19937_64 random(44);
    for (int round = 0; round < 400; ++round) {
        Insn insn;
        insn.kind = InsnKind::jump;
        insn.jump_op = row.op;
        insn.width = round % 2 == 0 ? Width::w64 : Width::w32;
        insn.source = round % 4 < 2 ? Source::reg : Source::imm;
        insn.dst = static_cast<Reg>(random() % 9);
        insn.src = insn.source == Source::reg ? static_cast<Reg>(random() % 9) : Reg{0};
        insn.imm = insn.source == Source::imm ? static_cast<std::int32_t>(interesting(random)) : 0;
        insn.jump_slots = 2;
        Registers before{};
        for (std::uint64_t& number : before) {
            number = interesting(random);
        }
        std::vector<RawInsn> program;
        for (Reg reg = 0; reg < 9; ++reg) {
            append(program, load_number(reg, before[reg]));
        }
        append(program, insn);
        Insn zero;
        zero.kind = InsnKind::alu;
        zero.alu_op = AluOp::mov;
        append(program, zero);
        append(program, Insn{});
        zero.imm = 1;
        append(program, zero);
        append(program, Insn{});
        const std::uint64_t src = insn.source == Source::reg
                                      ? before[insn.src]
                                      : static_cast<std::uint64_t>(std::int64_t{insn.imm});
        const bool wanted = insn.width == Width::w64
                                ? spec::taken(row.op, before[insn.dst], src)
                                : spec::taken(row.op, static_cast<std::uint32_t>(before[insn.dst]),
                                              static_cast<std::uint32_t>(src));
        for (const Engine& engine : engines(random())) {
            const auto result = run_once(engine, unchecked(program), nullptr);
            ASSERT_TRUE(result.ok()) << result.error().message;
            ASSERT_EQ(*result, wanted ? 1U : 0U) << engine.name << " " << row.text;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Table, JumpRowTest, testing::ValuesIn(spec::kJumpRows),
                         [](const auto& row) { return std::string(row.param.text); });

} // namespace
} // namespace skep::tests
