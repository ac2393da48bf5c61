// SPDX-License-Identifier: Apache-2.0
//
// Random programs made of what the lowering puts off: copies, sums, shifts, ors, loads and stores
// through sums, and jumps that arrive in between. Dense on purpose: every register is somebody's
// operand soon.
//
// SKEP_DEFERRED_SEED begins elsewhere, SKEP_DEFERRED_PROGRAMS tries another number.
#include <array>
#include <cstdlib>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

// Memory of 64 words; R9 always points at its middle, and the last nine words take the registers.
using Memory = std::array<std::uint64_t, 64>;

class Writer {
  public:
    explicit Writer(std::uint64_t seed) : random_(seed) {}

    std::string program() {
        text_ = "r9 = r1\nr9 += 256\n";
        for (unsigned reg = 0; reg < 9; ++reg) {
            say(fmt::format("r{} = {} ll", reg, random_()));
        }
        for (unsigned i = 0; i < 60; ++i) {
            piece(i);
        }
        for (unsigned reg = 0; reg < 9; ++reg) {
            say(fmt::format("*(u64 *)(r9 + {}) = r{}", 184 + 8 * reg, reg));
        }
        say("exit");
        return text_;
    }

  private:
    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
    void say(const std::string& line) { text_ += line + "\n"; }

    void piece(unsigned number) {
        const unsigned a = below(9);
        const unsigned b = below(9);
        switch (below(15)) {
        case 0:
        case 1:
            return say(fmt::format("r{} = r{}", a, b));
        case 2:
            return say(fmt::format("w{} = w{}", a, b));
        case 3:
            return say(fmt::format("r{} += r{}", a, b));
        case 4:
            return say(fmt::format("r{} += {}", a, static_cast<std::int32_t>(random_())));
        case 5:
            return say(fmt::format("r{} -= {}", a, static_cast<int>(below(100))));
        case 6:
            return say(fmt::format("{} {}= {}", reg(a), below(2) == 0 ? "<<" : ">>", below(32)));
        case 7:
            return say(fmt::format("r{} {}= 32", a,
                                   below(3) == 0   ? "s>>"
                                   : below(2) == 0 ? ">>"
                                                   : "<<"));
        case 8:
            return say(fmt::format("r{} |= r{}", a, b));
        case 9:
            return rotation(a, b);
        case 10:
        case 11:
            return memory(a, b);
        case 13:
            return bytes(a, b);
        case 12:
            return say(fmt::format("if {} > {} goto +{}\nr{} += {}\nr{} = r{}", reg(a), below(1000),
                                   1 + below(2), b, a, a, b));
        default:
            return say(fmt::format("r{} ^= r{}\nif r{} & {} goto l{}\nr{} <<= 7\nl{}:", a, b, b,
                                   1 + below(255), number, a, number));
        }
    }

    std::string reg(unsigned number) {
        return fmt::format("{}{}", below(2) == 0 ? "r" : "w", number);
    }

    // The low bytes of a copy, or of what became of it.
    void bytes(unsigned a, unsigned b) {
        say(fmt::format("{0}{1} = {0}{2}", below(2) == 0 ? "r" : "w", a, b));
        if (below(4) == 0) {
            say(fmt::format("r{} += r{}", below(9), below(9)));
        }
        say(fmt::format("{} &= {}", reg(a), below(2) == 0 ? 0xff : 0xffff));
        if (below(2) == 0) {
            say(fmt::format("{} <<= {}", reg(a), 1 + below(31)));
        }
    }

    void rotation(unsigned a, unsigned b) {
        const bool wide = below(2) == 0;
        const unsigned count = 1 + below(wide ? 63 : 31);
        const char* name = wide ? "r" : "w";
        say(fmt::format("{0}{1} = {0}{2}", name, a, b));
        say(fmt::format("{}{} >>= {}", name, a, (wide ? 64 : 32) - count));
        if (below(3) == 0) {
            say(fmt::format("r{} += r{}", below(9), below(9)));
        }
        say(fmt::format("{}{} <<= {}", name, b, count));
        say(below(2) == 0 ? fmt::format("r{} |= r{}", a, b)
                          : fmt::format("{0}{1} |= {0}{2}", name, b, a));
    }

    void memory(unsigned a, unsigned b) {
        const unsigned c = below(9);
        const bool indexed = below(2) == 0 && a != b;
        if (indexed && below(2) == 0) { // an index that an address can shift
            say(fmt::format("r{} &= 15\nr{} <<= {}", b, b, 1 + below(3)));
        } else if (indexed) {
            say(fmt::format("r{} &= 63", b));
        }
        say(fmt::format("r{} = r9\nr{} += {}", a, a, static_cast<int>(below(128)) - 64));
        if (indexed) {
            say(fmt::format("r{} += r{}", a, b));
        }
        if (below(3) == 0 && c != a) {
            say(fmt::format("r{} = {}", c, below(50)));
        }
        const std::array<const char*, 6> types{"u8", "u16", "u32", "u64", "s8", "s32"};
        switch (below(4)) {
        case 0:
            return say(fmt::format("*({} *)(r{} + {}) = r{}", types[below(4)], a, below(40), c));
        case 1:
            return say(
                fmt::format("*({} *)(r{} - {}) = {}", types[below(4)], a, below(40), below(1000)));
        case 2:
            return say(fmt::format("r{} = *({} *)(r{} + {})", c, types[below(6)], a, below(40)));
        default:
            return say(fmt::format("r{} = *({} *)(r{} + {})", a, types[below(6)], a, below(40)));
        }
    }

    std::mt19937_64 random_;
    std::string text_;
};

std::uint64_t setting(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable); // NOLINT: one thread
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

TEST(Deferred, GivesWhatTheInterpreterGives) {
    const std::uint64_t first = setting("SKEP_DEFERRED_SEED", 1);
    const std::uint64_t count = setting("SKEP_DEFERRED_PROGRAMS", 3000);
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const std::string text = Writer(seed).program();
        const auto assembled = assemble(text);
        ASSERT_TRUE(assembled.ok()) << assembled.error().message << "\n" << text;
        const auto program = unchecked(assembled->insns);
        Memory memory{}; // the same for both: its address is in the registers
        std::array<std::uint64_t, 2> results{};
        std::array<Memory, 2> left{};
        for (std::size_t i = 0; i < 2; ++i) {
            memory = {};
            const Engine& engine = i == 0 ? engines().front() : engines().back();
            const auto result = run_once(engine, program, memory.data());
            ASSERT_TRUE(result.ok()) << result.error().message;
            results[i] = *result;
            left[i] = memory;
        }
        ASSERT_EQ(results[1], results[0]) << "seed " << seed << "\n" << text;
        ASSERT_EQ(left[1], left[0]) << "seed " << seed << "\n" << text;
    }
}

} // namespace
} // namespace skep::tests
