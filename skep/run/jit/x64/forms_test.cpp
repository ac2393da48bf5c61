// SPDX-License-Identifier: Apache-2.0
//
// Every form, with every register and every kind of memory operand, is written by the assembler and
// read back by llvm-mc; what it prints must be what the row says. Skipped where llvm-mc is not
// found.
#include "skep/run/jit/x64/forms.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/run/jit/testing/disassembled.hpp"
#include "skep/run/jit/x64/assembler.hpp"

namespace skep::run::jit::x64 {
namespace {

constexpr std::array<std::array<std::string_view, 16>, 4> kNames{{
    {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b",
     "r13b", "r14b", "r15b"},
    {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w",
     "r14w", "r15w"},
    {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d",
     "r13d", "r14d", "r15d"},
    {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
     "r14", "r15"},
}};

enum : std::size_t { kByte, kWord, kDword, kQword };

std::size_t width_of(const Form& row, Wide wide) {
    switch (row.rm) {
    case Size::byte_:
        return kByte;
    case Size::word_:
        return kWord;
    case Size::dword_:
        return kDword;
    case Size::native:
        return kQword;
    case Size::none:
    case Size::full:
    case Size::no_size:
        return wide == Wide::yes ? kQword : kDword;
    }
    return kQword;
}

std::string name(Gpr reg, std::size_t width) { return std::string(kNames[width][number_of(reg)]); }

std::string text_of(const Form& row, Wide wide, Memory memory) {
    constexpr std::array<std::string_view, 4> kSizes{"byte ptr ", "word ptr ", "dword ptr ",
                                                     "qword ptr "};
    std::string text = row.rm == Size::no_size ? "" : std::string(kSizes[width_of(row, wide)]);
    text += "[" + name(memory.base, kQword);
    if (memory.has_index()) {
        text += " + " + name(memory.index, kQword);
    }
    if (memory.displacement != 0) {
        text += memory.displacement < 0 ? fmt::format(" - {}", -memory.displacement)
                                        : fmt::format(" + {}", memory.displacement);
    }
    return text + "]";
}

struct Sample {
    ByteVector bytes;
    std::string text;
};

// One instruction: the row, its width, a register, and either a second register or memory.
class Sampler {
  public:
    Sampler(const Form& row, Wide wide) : row_(row), wide_(wide) {}

    // An empty sample when the form takes memory only.
    Sample with(Gpr reg, Gpr rm) {
        if (row_.rm == Size::no_size || row_.prefix == 0xf0) {
            return {};
        }
        Assembler assembler(0, 0);
        const std::string first = name(reg, register_width());
        const std::string second = name(rm, width_of(row_, wide_));
        std::string operands;
        switch (row_.pattern) {
        case Pattern::none:
            assembler.plain(row_.op, wide_);
            return finish(assembler, "");
        case Pattern::rm_reg:
            assembler.registers(row_.op, wide_, reg, rm);
            // An exchange of registers has no direction; the tool names them the other way round.
            operands = row_.op == Op::xchg ? fmt::format("{}, {}", first, second)
                                           : fmt::format("{}, {}", second, first);
            break;
        case Pattern::reg_rm:
            assembler.registers(row_.op, wide_, reg, rm);
            operands = fmt::format("{}, {}", first, second);
            break;
        case Pattern::rm:
            assembler.one_register(row_.op, wide_, rm);
            operands = second;
            break;
        case Pattern::rm_cl:
            assembler.one_register(row_.op, wide_, rm);
            operands = second + ", cl";
            break;
        case Pattern::rm_imm8:
        case Pattern::rm_imm16:
        case Pattern::rm_imm32:
            assembler.register_imm(row_.op, wide_, rm, number());
            operands = fmt::format("{}, {}", second, number());
            break;
        case Pattern::reg_rm_imm8:
        case Pattern::reg_rm_imm32:
            assembler.registers_imm(row_.op, wide_, reg, rm, number());
            operands = fmt::format("{}, {}, {}", first, second, number());
            break;
        case Pattern::plus:
            assembler.plus(row_.op, wide_, rm);
            operands = second;
            break;
        case Pattern::plus_imm32:
            assembler.number(rm, 0x12345678);
            operands = fmt::format("{}, {}", second, 0x12345678);
            break;
        case Pattern::plus_imm64:
            assembler.number(rm, 0x123456789abcdefULL);
            operands = fmt::format("{}, {}", name(rm, kQword), 0x123456789abcdefULL);
            break;
        case Pattern::reg_rm_vvvv:
            assembler.three_registers(row_.op, wide_, reg, rm, kThird);
            operands = fmt::format("{}, {}, {}", first, second, name(kThird, register_width()));
            break;
        case Pattern::reg_vvvv_rm:
            assembler.three_registers(row_.op, wide_, reg, rm, kThird);
            operands = fmt::format("{}, {}, {}", first, name(kThird, register_width()), second);
            break;
        }
        return finish(assembler, operands);
    }

    // An empty sample when the form takes no memory.
    Sample with(Gpr reg, Memory memory) {
        Assembler assembler(0, 0);
        const std::string first = name(reg, register_width());
        const std::string second = text_of(row_, wide_, memory);
        std::string operands;
        switch (row_.pattern) {
        case Pattern::rm_reg:
        case Pattern::reg_rm:
            assembler.memory(row_.op, wide_, reg, memory);
            operands = row_.pattern == Pattern::rm_reg ? fmt::format("{}, {}", second, first)
                                                       : fmt::format("{}, {}", first, second);
            break;
        case Pattern::rm:
            assembler.one_memory(row_.op, wide_, memory);
            operands = second;
            break;
        case Pattern::rm_imm8:
        case Pattern::rm_imm16:
        case Pattern::rm_imm32:
            assembler.memory_imm(row_.op, wide_, memory, number());
            operands = fmt::format("{}, {}", second, number());
            break;
        case Pattern::none:
        case Pattern::rm_cl:
        case Pattern::reg_rm_imm8:
        case Pattern::reg_rm_imm32:
        case Pattern::plus:
        case Pattern::plus_imm32:
        case Pattern::plus_imm64:
        case Pattern::reg_rm_vvvv:
        case Pattern::reg_vvvv_rm:
            return {};
        }
        return finish(assembler, operands);
    }

  private:
    static constexpr Gpr kThird = Gpr::r9;

    // Where the two operands are not of one width, the register is as wide as the instruction.
    std::size_t register_width() const {
        return row_.pattern == Pattern::rm_reg ? width_of(row_, wide_)
               : wide_ == Wide::yes            ? kQword
                                               : kDword;
    }
    std::int32_t number() const {
        return row_.pattern == Pattern::rm_imm8 || row_.pattern == Pattern::reg_rm_imm8 ? 0x21
               : row_.pattern == Pattern::rm_imm16                                      ? 0x1234
                                                   : 0x12345678;
    }
    Sample finish(Assembler& assembler, const std::string& operands) const {
        Image image;
        assembler.finish(image);
        std::string text =
            row_.op == Op::cdq && wide_ == Wide::yes ? "cqo" : std::string(row_.text);
        return {image.code, operands.empty() ? text : text + " " + operands};
    }

    const Form& row_;
    Wide wide_;
};

// Forms of one width are sampled once.
bool exists(const Form& row, Wide wide) {
    const bool only_wide = row.op == Op::mov_plus_i64 || row.rm == Size::native;
    const bool only_narrow = row.op == Op::mov_plus_i32 || row.op == Op::mov8 ||
                             row.op == Op::mov16 || row.op == Op::mov8_i8 ||
                             row.op == Op::mov16_i16 || row.op == Op::rol16_i8;
    return wide == Wide::yes ? !only_narrow : !only_wide;
}

std::vector<Sample> samples_of(const Form& row, Wide wide) {
    constexpr std::array<Memory, 8> kMemories{
        Memory{Gpr::rax, Gpr::rsp, 0},      Memory{Gpr::rbp, Gpr::rsp, 0},
        Memory{Gpr::r13, Gpr::rsp, -8},     Memory{Gpr::rsp, Gpr::rsp, 16},
        Memory{Gpr::r12, Gpr::rsp, 0x1000}, Memory{Gpr::rdi, Gpr::rsi, 0},
        Memory{Gpr::r13, Gpr::r15, 4},      Memory{Gpr::rbp, Gpr::r10, -0x8000},
    };
    std::vector<Sample> samples;
    Sampler sampler(row, wide);
    for (std::uint8_t i = 0; i < 16; ++i) {
        samples.push_back(sampler.with(static_cast<Gpr>(i), Gpr::rsi));
        samples.push_back(sampler.with(Gpr::rdx, static_cast<Gpr>(i)));
        samples.push_back(sampler.with(static_cast<Gpr>(i), kMemories[i % kMemories.size()]));
        samples.push_back(sampler.with(Gpr::rbx, Memory{static_cast<Gpr>(i), Gpr::rsp, 5}));
    }
    std::erase_if(samples, [](const Sample& sample) { return sample.bytes.empty(); });
    return samples;
}

TEST(Forms, AreWhatTheDisassemblerReads) {
    std::vector<Sample> samples;
    for (const Form& row : kForms) {
        for (const Wide wide : {Wide::no, Wide::yes}) {
            if (!exists(row, wide)) {
                continue;
            }
            const std::vector<Sample> more = samples_of(row, wide);
            samples.insert(samples.end(), more.begin(), more.end());
        }
    }
    std::vector<ByteVector> pieces;
    pieces.reserve(samples.size());
    for (const Sample& sample : samples) {
        pieces.push_back(sample.bytes);
    }
    const auto lines =
        testing::disassembled(pieces, "--triple=x86_64 -mattr=+bmi2 --output-asm-variant=1");
    if (!lines.has_value()) {
        GTEST_SKIP() << "llvm-mc is not installed";
    }
    ASSERT_EQ(lines->size(), samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        EXPECT_EQ((*lines)[i], samples[i].text);
    }
    EXPECT_GT(samples.size(), 2000U);
}

} // namespace
} // namespace skep::run::jit::x64
