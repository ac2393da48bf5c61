// SPDX-License-Identifier: Apache-2.0
//
// decode() against the running kernel: what we refuse it refuses, in the same words, and what we
// take it does not call malformed.
#include <random>

#include <gtest/gtest.h>

#include "skep/bytecode/disassemble.hpp"
#include "tests/support/kernel_program.hpp"

namespace skep::tests {
namespace {

// Registers hold numbers, so that the kernel's walk reaches the instruction; a slot of zeros
// follows for wide immediates; every jump by a distance up to one lands inside.
std::vector<RawInsn> around(const RawInsn& raw) {
    std::vector<RawInsn> program;
    for (std::uint8_t reg = 0; reg < 10; ++reg) {
        program.push_back({0xb7, reg, 0, reg + 1});
    }
    program.push_back({0x7b, 0x0a, -8, 0});
    program.push_back(raw);
    if (raw.opcode == 0x18) {
        program.push_back({});
    }
    program.push_back({0xb7, 0, 0, 0});
    program.push_back({0xb7, 0, 0, 0});
    program.push_back({0x95, 0, 0, 0});
    return program;
}

RawInsn random_insn(std::mt19937_64& random) {
    static constexpr std::int16_t kOffsets[] = {0, 0, 0, 1, 8, 16, 32, -8, 2};
    static constexpr std::int32_t kImms[] = {0,  0,    1,    5,    16,   32,    64,
                                             -1, 0x40, 0x51, 0xe1, 0xf1, 0x100, 0x110};
    const auto reg = [&] {
        return random() % 8 == 0   ? random() % 16
               : random() % 3 == 0 ? 10
               : random() % 4 == 0 ? 0
                                   : random() % 11;
    };
    return {static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(reg() | (reg() << 4)),
            kOffsets[random() % std::size(kOffsets)], kImms[random() % std::size(kImms)]};
}

// The words that Linux has for malformed instructions, as opposed to unsafe ones.
bool calls_it_malformed(std::string_view log) {
    for (const std::string_view words :
         {"unknown opcode", "uses reserved fields", "uses invalid atomic opcode",
          "unrecognized bpf_ld_imm64", "invalid atomic operand size"}) {
        if (log.find(words) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

TEST(Decode, RefusesWhatTheKernelRefusesAndInItsWords) {
    if (!kernel_is_available()) {
        GTEST_SKIP() << "bpf(2) does not load programs for this user";
    }
    std::mt19937_64 random(11);
    int refused = 0;
    for (int trial = 0; trial < 6000; ++trial) {
        const RawInsn raw = random_insn(random);
        const std::vector<RawInsn> program = around(raw);
        const auto decoded = decode(program, InsnIndex{11});
        const auto kernel = KernelProgram::load(program, spec::ProgramType::socket_filter);
        const std::string log = kernel.ok() ? "" : kernel.error().message;
        const std::string shown = opcode_bytes(std::span(&raw, 1));
        if (const auto* error = std::get_if<DecodeError>(&decoded)) {
            ++refused;
            EXPECT_FALSE(kernel.ok()) << shown << ": we say " << error->message;
            // Other checks of the kernel may come first when ours is only made when the walk gets
            // there.
            const bool other = log.find("jump out of range") != std::string::npos;
            EXPECT_TRUE(other || error->when_reached
                            ? !log.empty()
                            : log.find(error->message) != std::string::npos)
                << shown << ": we say " << error->message << ", it says " << log;
        } else if (std::get<Insn>(decoded).kind !=
                   InsnKind::call_register) { // which it does not know
            EXPECT_FALSE(calls_it_malformed(log)) << shown << ": it says " << log;
        }
    }
    EXPECT_GT(refused, 1000);
}

} // namespace
} // namespace skep::tests
