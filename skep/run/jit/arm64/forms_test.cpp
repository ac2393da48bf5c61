// SPDX-License-Identifier: Apache-2.0
//
// Every form, with every register in every place and the edges of its numbers, is written by the
// assembler and read back by llvm-mc; what it prints must be what the row says. Skipped where
// llvm-mc is not found.
#include "skep/run/jit/arm64/forms.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/run/jit/arm64/assembler.hpp"
#include "skep/run/jit/arm64/bitmask.hpp"
#include "skep/run/jit/testing/disassembled.hpp"

namespace skep::run::jit::arm64 {
namespace {

struct Sample {
    ByteVector bytes;
    std::string text;
};

// How a register is called: number 31 is a zero or, where an address is meant, the stack pointer.
std::string name(Gpr reg, bool wide) {
    return reg == kZero ? (wide ? "xzr" : "wzr")
                        : fmt::format("{}{}", wide ? 'x' : 'w', number_of(reg));
}
std::string base_name(Gpr reg, bool wide = true) {
    return reg == kStack ? (wide ? "sp" : "wsp") : name(reg, wide);
}

std::string hexadecimal(std::uint64_t number) { return fmt::format("{:#x}", number); }

// One row in one width, with operands.
class Sampler {
  public:
    Sampler(const Form& row, Wide wide)
        : row_(row), wide_(wide),
          is_wide_(row.widening == Widening::fixed64 ||
                   (row.widening != Widening::fixed32 && wide == Wide::yes)) {}

    // `number` is fitted to what the form can hold.
    Sample with(Operands operands) {
        operands.number = fitted(operands.number);
        Assembler assembler(0, 0);
        assembler.say(row_.op, wide_, operands);
        return finish(assembler, text_of(operands));
    }

    Sample with(Gpr reg, Memory memory) {
        if (!Assembler::addresses_directly(row_.op, memory)) {
            return {};
        }
        Assembler assembler(0, 0);
        assembler.memory(row_.op, reg, memory);
        const std::int32_t size = 1 << (row_.bits >> 30);
        const bool is_scaled = memory.displacement >= 0 && memory.displacement % size == 0 &&
                               memory.displacement / size < 4096;
        std::string text(row_.text);
        std::string where = base_name(memory.base);
        if (memory.has_index()) {
            where += ", " + name(memory.index, true);
        } else {
            text.insert(2, is_scaled ? "" : "u"); // ldr and ldur, strb and sturb
            where += memory.displacement != 0 ? fmt::format(", #{}", memory.displacement) : "";
        }
        return finish(assembler, fmt::format("{} {}, [{}]", text, name(reg, is_wide_), where));
    }

  private:
    std::int32_t fitted(std::int32_t number) const {
        const std::int32_t bits = is_wide_ ? 64 : 32;
        switch (row_.pattern) {
        case Pattern::dnm_lsl:
        case Pattern::dn_left:
        case Pattern::dn_right:
        case Pattern::dnn_right:
            return 1 + number % (bits - 1);
        case Pattern::dnm_if:
            return static_cast<std::int32_t>(conditions()[static_cast<std::size_t>(number % 10)]);
        case Pattern::dn_imm12:
            return number % 2 == 0 ? number % 4096 : number % 4095 * 4096 + 4096;
        case Pattern::dn_bitmask:
            return static_cast<std::int32_t>(*bitmask_of(pattern_of(number)));
        case Pattern::d_imm16:
            return (1 + number * 977 % 0xfffe) | number % (is_wide_ ? 4 : 2) << 16;
        case Pattern::t_before:
        case Pattern::t_after:
            return number % 256 * (number % 2 == 0 ? 1 : -1);
        case Pattern::pair:
        case Pattern::pair_before:
        case Pattern::pair_after:
            return number % 64 * 8 * (number % 2 == 0 ? 1 : -1);
        case Pattern::none:
        case Pattern::dn:
        case Pattern::dnm:
        case Pattern::dnm_sxtw:
        case Pattern::dnma:
        case Pattern::dnma_long:
        case Pattern::memory:
        case Pattern::t_base:
        case Pattern::m_t_base:
        case Pattern::n:
        case Pattern::distance:
            return 0;
        }
        return 0;
    }

    static std::uint64_t pattern_of(std::int32_t number) {
        constexpr std::array<std::uint64_t, 5> kPatterns{0x5555555555555555, 0x0ff00ff00ff00ff0,
                                                         0x8000000180000001, 0x7fffffff7fffffff,
                                                         0x1e1e1e1e1e1e1e1e};
        return kPatterns[static_cast<std::size_t>(number) % kPatterns.size()];
    }
    static std::array<Condition, 10> conditions() {
        return {Condition::equal,   Condition::not_equal,  Condition::not_below, Condition::below,
                Condition::above,   Condition::not_above,  Condition::not_less,  Condition::less,
                Condition::greater, Condition::not_greater};
    }
    static std::string condition_name(std::int32_t number) {
        constexpr std::array<std::string_view, 14> kNames{"eq", "ne", "hs", "lo", "mi", "pl", "vs",
                                                          "vc", "hi", "ls", "ge", "lt", "gt", "le"};
        return std::string(kNames[static_cast<std::size_t>(number)]);
    }

    std::string text_of(Operands operands) const {
        const std::string op(row_.text);
        const std::string d = name(operands.d, is_wide_);
        const std::string n = name(operands.n, is_wide_);
        const std::string m = name(operands.m, is_wide_);
        const std::string base = base_name(operands.n);
        const std::int32_t number = operands.number;
        switch (row_.pattern) {
        case Pattern::none:
        case Pattern::memory:
        case Pattern::distance:
            return op;
        case Pattern::dn:
            return fmt::format("{} {}, {}", op, d,
                               op.starts_with("sxt") ? name(operands.n, false) : n);
        case Pattern::dnm:
            return fmt::format("{} {}, {}, {}", op, d, n, m);
        case Pattern::dnm_lsl:
            return fmt::format("{} {}, {}, {}, lsl #{}", op, d, n, m, number);
        case Pattern::dnm_sxtw:
            return fmt::format("{} {}, {}, {}, sxtw", op, base_name(operands.d), base,
                               name(operands.m, false));
        case Pattern::dnma:
            return fmt::format("{} {}, {}, {}, {}", op, d, n, m, name(operands.a, is_wide_));
        case Pattern::dnma_long:
            return fmt::format("{} {}, {}, {}, {}", op, d, name(operands.n, false),
                               name(operands.m, false), name(operands.a, true));
        case Pattern::dnm_if:
            return fmt::format("{} {}, {}, {}, {}", op, d, n, m, condition_name(number));
        case Pattern::dn_imm12:
            return text_of_sum(operands);
        case Pattern::dn_bitmask: {
            const std::uint64_t all = decoded_pattern(number);
            return fmt::format("{} {}, {}, #{}", op,
                               op == "ands" ? d : base_name(operands.d, is_wide_), n,
                               hexadecimal(is_wide_ ? all : all & 0xffffffffU));
        }
        case Pattern::d_imm16:
            return text_of_move(d, number);
        case Pattern::dn_left:
        case Pattern::dn_right:
            return fmt::format("{} {}, {}, #{}", op, d, n, number);
        case Pattern::dnn_right:
            return fmt::format("{} {}, {}, #{}", op, d, n, number);
        case Pattern::t_base:
            return fmt::format("{} {}, [{}]", op, d, base);
        case Pattern::m_t_base: { // the status of an exclusive store is a word
            const bool is_status = op.starts_with("st");
            return fmt::format("{} {}, {}, [{}]", op, is_status ? name(operands.m, false) : m, d,
                               base);
        }
        case Pattern::t_before:
            return fmt::format("{} {}, [{}, #{}]!", op, d, base, number);
        case Pattern::t_after:
            return fmt::format("{} {}, [{}], #{}", op, d, base, number);
        case Pattern::pair:
            return fmt::format("{} {}, {}, [{}{}]", op, d, name(operands.a, true), base,
                               number != 0 ? fmt::format(", #{}", number) : "");
        case Pattern::pair_before:
            return fmt::format("{} {}, {}, [{}, #{}]!", op, d, name(operands.a, true), base,
                               number);
        case Pattern::pair_after:
            return fmt::format("{} {}, {}, [{}], #{}", op, d, name(operands.a, true), base, number);
        case Pattern::n:
            return fmt::format("{} {}", op, n);
        }
        return op;
    }

    // A move that sets the whole register is shown as the number that it leaves there.
    std::string text_of_move(const std::string& d, std::int32_t number) const {
        const std::int32_t place = 16 * (number >> 16);
        const auto part = static_cast<std::uint64_t>(number & 0xffff) << place;
        if (row_.op == Op::movk) {
            return fmt::format("{} {}, #{}{}", row_.text, d, number & 0xffff,
                               place != 0 ? fmt::format(", lsl #{}", place) : "");
        }
        const std::uint64_t value = row_.op == Op::movn ? ~part : part;
        return is_wide_ ? fmt::format("mov {}, #{}", d, static_cast<std::int64_t>(value))
                        : fmt::format("mov {}, #{}", d, static_cast<std::int32_t>(value));
    }

    // With flags set, number 31 is a zero as the result; else it is the stack pointer.
    std::string text_of_sum(Operands operands) const {
        const std::string op(row_.text);
        const std::string d =
            op.ends_with('s') ? name(operands.d, is_wide_) : base_name(operands.d, is_wide_);
        const std::string n = base_name(operands.n, is_wide_);
        return operands.number < 4096
                   ? fmt::format("{} {}, {}, #{}", op, d, n, operands.number)
                   : fmt::format("{} {}, {}, #{}, lsl #12", op, d, n, operands.number / 4096);
    }

    static std::uint64_t decoded_pattern(std::int32_t bits) {
        for (std::int32_t i = 0; i < 5; ++i) {
            if (bitmask_of(pattern_of(i)) == static_cast<std::uint32_t>(bits)) {
                return pattern_of(i);
            }
        }
        return 0;
    }

    Sample finish(Assembler& assembler, const std::string& text) const {
        Image image;
        assembler.finish(image);
        return {image.code, text};
    }

    const Form& row_;
    Wide wide_;
    bool is_wide_;
};

// Registers that an instruction writes or reads twice must differ in some forms, so each place is
// walked while the others stay.
std::vector<Sample> samples_of(const Form& row, Wide wide) {
    std::vector<Sample> samples;
    Sampler sampler(row, wide);
    for (std::uint8_t i = 0; i < 31; ++i) {
        const auto reg = static_cast<Gpr>(i);
        const auto spare = static_cast<Gpr>((i + 7) % 31);
        const auto other = static_cast<Gpr>((i + 13) % 31);
        const auto third = static_cast<Gpr>((i + 20) % 31);
        if (row.pattern == Pattern::memory) {
            const std::int32_t distance = i * 8;
            samples.push_back(sampler.with(reg, Memory{spare, kZero, 0}));
            samples.push_back(sampler.with(reg, Memory{spare, other, 0}));
            samples.push_back(sampler.with(reg, Memory{spare, kZero, distance}));
            samples.push_back(sampler.with(reg, Memory{spare, kZero, -distance - 1}));
            samples.push_back(sampler.with(reg, Memory{kStack, kZero, distance + 1}));
            samples.push_back(sampler.with(kZero, Memory{reg, kZero, 4095 << (row.bits >> 30)}));
        } else if (row.pattern != Pattern::distance) {
            samples.push_back(sampler.with({reg, spare, other, third, i}));
            samples.push_back(sampler.with({spare, reg, third, other, 31 + i}));
            samples.push_back(sampler.with({other, third, reg, spare, 4064 + i}));
        }
    }
    std::erase_if(samples, [](const Sample& sample) { return sample.bytes.empty(); });
    return samples;
}

// Forms with a label: forwards and backwards over some words.
std::vector<Sample> jump_samples() {
    std::vector<Sample> samples;
    const auto add = [&](auto say, const std::string& text) {
        for (const bool forwards : {true, false}) {
            Assembler assembler(0, 1);
            if (!forwards) {
                assembler.bind(0);
            }
            assembler.say(Op::nop, Wide::no);
            say(assembler);
            assembler.say(Op::nop, Wide::no);
            if (forwards) {
                assembler.bind(0);
            }
            Image image;
            assembler.finish(image);
            samples.push_back({ByteVector(image.code.begin() + 4, image.code.begin() + 8),
                               fmt::format("{}#{}", text, forwards ? 8 : -4)});
        }
    };
    add([](Assembler& a) { a.jump(0); }, "b ");
    add([](Assembler& a) { a.call(0); }, "bl ");
    add([](Assembler& a) { a.jump_if(Condition::equal, 0); }, "b.eq ");
    add([](Assembler& a) { a.jump_if(Condition::not_greater, 0); }, "b.le ");
    add([](Assembler& a) { a.jump_if_zero(Op::cbz, Wide::no, Gpr::x3, 0); }, "cbz w3, ");
    add([](Assembler& a) { a.jump_if_zero(Op::cbz, Wide::yes, Gpr::x30, 0); }, "cbz x30, ");
    add([](Assembler& a) { a.jump_if_zero(Op::cbnz, Wide::yes, Gpr::x9, 0); }, "cbnz x9, ");
    add([](Assembler& a) { a.jump_if_bit(Op::tbz, Gpr::x3, 31, 0); }, "tbz w3, #31, ");
    add([](Assembler& a) { a.jump_if_bit(Op::tbz, Gpr::x3, 63, 0); }, "tbz x3, #63, ");
    add([](Assembler& a) { a.jump_if_bit(Op::tbnz, Gpr::x21, 0, 0); }, "tbnz w21, #0, ");
    add([](Assembler& a) { a.jump_if_bit(Op::tbnz, Gpr::x1, 32, 0); }, "tbnz x1, #32, ");
    add([](Assembler& a) { a.address_of(Gpr::x4, 0); }, "adr x4, ");
    return samples;
}

TEST(Arm64Forms, AreWhatTheDisassemblerReads) {
    std::vector<Sample> samples = jump_samples();
    for (const Form& row : kForms) {
        for (const Wide wide : {Wide::no, Wide::yes}) {
            const bool has_choice =
                row.widening != Widening::fixed32 && row.widening != Widening::fixed64;
            if (wide == Wide::yes && !has_choice) {
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
    const auto lines = testing::disassembled(pieces, "--triple=aarch64 -mattr=+lse");
    if (!lines.has_value()) {
        GTEST_SKIP() << "llvm-mc is not installed";
    }
    ASSERT_EQ(lines->size(), samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        EXPECT_EQ((*lines)[i], samples[i].text);
    }
    EXPECT_GT(samples.size(), 8000U);
}

} // namespace
} // namespace skep::run::jit::arm64
