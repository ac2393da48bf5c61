// SPDX-License-Identifier: Apache-2.0
#include "skep/bytecode/assemble.hpp"

#include <random>

#include <gmock/gmock.h>

#include "skep/bytecode/disassemble.hpp"

namespace skep {
namespace {

using ::testing::HasSubstr;

std::string listing_of(std::string_view text, const Symbols& symbols = {}) {
    const Result<Assembled> assembled = assemble(text, symbols);
    return assembled.ok() ? disassemble_program(assembled->insns) : assembled.error().message;
}

TEST(Assemble, ReadsTheKernelsNotation) {
    EXPECT_EQ(listing_of("r0 = 2; w1 s/= -7; exit;"),
              "   0: (b7) r0 = 2\n   1: (34) w1 s/= -7\n   2: (95) exit\n");
    EXPECT_EQ(listing_of("r2 = *(s16 *)(r10 - 8)"), "   0: (89) r2 = *(s16 *)(r10 -8)\n");
    EXPECT_EQ(listing_of("r2=-r2"), "   0: (87) r2 = -r2\n");
    EXPECT_EQ(listing_of("r2 = -2"), "   0: (b7) r2 = -2\n");
}

TEST(Assemble, ReadsTheConformanceNotation) {
    EXPECT_EQ(listing_of("mov32 %r0, 1\nmovsx832 %r2, %r1\nswap16 %r0"),
              "   0: (b4) w0 = 1\n   1: (bc) w2 = (s8)w1\n   2: (d7) r0 = bswap16 r0\n");
    EXPECT_EQ(listing_of("lock fetch add32 [%r10-4], %r1"),
              "   0: (c3) r1 = atomic_fetch_add((u32 *)(r10 -4), r1)\n");
    EXPECT_EQ(listing_of("stdw [%r1+2], 0x44332211 # remark"),
              "   0: (7a) *(u64 *)(r1 +2) = 1144201745\n");
}

TEST(Assemble, FindsLabelsInBothDirections) {
    EXPECT_EQ(listing_of("1: if r1 == 0 goto 1f\nr1 -= 1\ngoto 1b\n1: exit"),
              "   0: (15) if r1 == 0x0 goto pc+2\n   1: (17) r1 -= 1\n   2: (05) goto pc-3\n   3: "
              "(95) exit\n");
    EXPECT_EQ(listing_of("jne %r0, %r1, exit\nexit\nlddw %r0, 5\nexit"),
              "   0: (5d) if r0 != r1 goto pc+3\n   1: (95) exit\n   2: (18) r0 = 0x5\n   4: (95) "
              "exit\n");
}

TEST(Assemble, CallsSubprogramsByLabelAndHelpersByName) {
    Symbols symbols;
    symbols.helper = [](std::string_view name) {
        return name == "bpf_ktime_get_ns" ? std::optional(5) : std::nullopt;
    };
    EXPECT_EQ(listing_of("call f\ncall bpf_ktime_get_ns\nexit\nf: r2 = func[f]\nexit", symbols),
              "   0: (85) call pc+2\n   1: (85) call unknown#5\n   2: (95) exit\n"
              "   3: (18) r2 = func[-1]\n   5: (95) exit\n");
    EXPECT_EQ(listing_of("call nobody", symbols), "line 1, column 6: nothing is named 'nobody'");
}

TEST(Assemble, ReadsListingsWithNumbersOpcodesAndRemarks) {
    EXPECT_EQ(
        listing_of("; return 1; @ a.c:3\n   7: (18) r1 = 0x5        ; R1=5\n   9: (95) exit\n"),
        "   0: (18) r1 = 0x5\n   2: (95) exit\n");
}

TEST(Assemble, NamesLineAndColumnOfAnError) {
    EXPECT_EQ(listing_of("r0 = 1\n  r1 = *(u24 *)(r2 +0)"),
              "line 2, column 10: a type is missing: u8, u16, u32, u64, s8, s16, s32");
    EXPECT_THAT(listing_of("r1 += 0x1ffffffff"),
                HasSubstr("line 1, column 7: the number does not fit"));
    EXPECT_THAT(listing_of("r1 += w2"), HasSubstr("both registers"));
    EXPECT_THAT(listing_of("goto nowhere"), HasSubstr("nothing is named 'nowhere'"));
    EXPECT_THAT(listing_of("goto +40000"), HasSubstr("use gotol"));
    EXPECT_THAT(listing_of("a:\na:"), HasSubstr("stands twice"));
    EXPECT_THAT(listing_of("r1 = 5 6"), HasSubstr("should end here"));
    EXPECT_THAT(listing_of("frobnicate %r1, 2"), HasSubstr("no instruction is named 'frobnicate'"));
}

// Every encodable instruction of every row, with operands that are not zero, in the kernel's
// dialect.
std::vector<Insn> every_instruction() {
    std::vector<Insn> insns;
    std::mt19937 random(1);
    for (int opcode = 0; opcode < 256; ++opcode) {
        for (int trial = 0; trial < 4000; ++trial) {
            static constexpr std::int32_t kImms[] = {
                0,    1,    -1,   5,    16,   32,   64,   0x10001, 0x7fffffff, 0x40,
                0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100,   0x110};
            static constexpr std::int16_t kOffsets[] = {0, 1, 8, 16, 32, -8, 0x7fff, -0x8000};
            const std::array<RawInsn, 2> raw{
                RawInsn{static_cast<std::uint8_t>(opcode),
                        static_cast<std::uint8_t>((random() % 11) | ((random() % 11) << 4)),
                        kOffsets[random() % std::size(kOffsets)],
                        kImms[random() % std::size(kImms)]},
                RawInsn{0, 0, 0, kImms[random() % std::size(kImms)]}};
            const auto decoded = decode(raw, InsnIndex{0});
            const Insn* insn = std::get_if<Insn>(&decoded);
            if (insn != nullptr && !(insn->kind == InsnKind::exit && insn->offset != 0)) {
                insns.push_back(*insn);
            }
        }
    }
    return insns;
}

TEST(Assemble, UndoesTheDisassemblyOfEveryInstruction) {
    const std::vector<Insn> insns = every_instruction();
    EXPECT_GT(insns.size(), 10000U);
    for (const Insn& insn : insns) {
        const auto raw = encode(insn);
        const std::string kernel = disassemble_with_opcode(insn, InsnIndex{0});
        const Result<Assembled> again = assemble(kernel);
        ASSERT_TRUE(again.ok()) << kernel << ": " << again.error().message;
        ASSERT_EQ(again->insns.size(), insn.slots()) << kernel;
        EXPECT_EQ(again->insns[0], raw[0]) << kernel;
        if (insn.slots() == 2) {
            EXPECT_EQ(again->insns[1], raw[1]) << kernel;
        }
        if (insn.kind == InsnKind::call_subprogram || insn.kind == InsnKind::call_kfunc ||
            insn.kind == InsnKind::call_helper) {
            continue; // llvm's text does not tell them apart
        }
        const std::string llvm = disassemble(insn, InsnIndex{0}, Dialect::llvm);
        const Result<Assembled> from_llvm = assemble(llvm);
        ASSERT_TRUE(from_llvm.ok()) << llvm << ": " << from_llvm.error().message;
        EXPECT_EQ(from_llvm->insns, again->insns) << llvm;
    }
}

TEST(Assemble, EveryRowOfTheTableHasAMnemonic) {
    for (const spec::AluRow& row : spec::kAluRows) {
        const bool one =
            row.operand == spec::Operand::unary || row.operand >= spec::Operand::order_le;
        const Result<Assembled> assembled =
            assemble(std::string(row.text) + (one ? " %r3" : " %r3, %r4"));
        ASSERT_TRUE(assembled.ok()) << row.text << ": " << assembled.error().message;
        EXPECT_EQ(std::get<Insn>(decode(assembled->insns, InsnIndex{0})).alu_op, row.op)
            << row.text;
    }
    for (const spec::JumpRow& row : spec::kJumpRows) {
        const Result<Assembled> assembled = assemble(std::string(row.text) + "32 %r3, %r4, +1");
        ASSERT_TRUE(assembled.ok()) << row.text;
        EXPECT_EQ(std::get<Insn>(decode(assembled->insns, InsnIndex{0})).jump_op, row.op)
            << row.text;
    }
}

} // namespace
} // namespace skep
