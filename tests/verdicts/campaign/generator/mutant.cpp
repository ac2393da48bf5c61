// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/generator/mutant.hpp"

#include <utility>

namespace skep::tests::campaign {
namespace {

constexpr std::uint8_t kWideLoad = 0x18;
constexpr RawInsn kNothing{0x05, 0, 0, 0}; // goto +0

class Mutator {
  public:
    Mutator(std::vector<RawInsn>& program, std::mt19937_64& random)
        : program_(program), random_(random) {}

    std::uint32_t mutate() {
        const std::uint32_t at = pick();
        RawInsn& insn = program_[at];
        const RawInsn before = insn;
        for (unsigned tries = 0; tries < 8 && insn == before; ++tries) {
            change(at);
        }
        return at;
    }

  private:
    std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>(random_() % bound);
    }

    // The first slot of an instruction.
    std::uint32_t pick() {
        std::vector<std::uint32_t> firsts;
        for (std::uint32_t at = 0; at < program_.size(); ++at) {
            firsts.push_back(at);
            at += program_[at].opcode == kWideLoad ? 1 : 0;
        }
        return firsts[below(static_cast<std::uint32_t>(firsts.size()))];
    }

    void change(std::uint32_t at) {
        RawInsn& insn = program_[at];
        if (insn.opcode == kWideLoad) { // what it names stays: the judges number maps alike
            change_wide(insn);
            return;
        }
        switch (below(12)) {
        case 0:
        case 1:
            set_dst(insn);
            break;
        case 2:
        case 3:
            set_src(insn);
            break;
        case 4:
        case 5:
            insn.offset = static_cast<std::int16_t>(near(insn.offset));
            break;
        case 6:
        case 7:
            insn.imm = near(insn.imm);
            break;
        case 8:
        case 9:
            change_opcode(insn);
            break;
        case 10:
            insn = kNothing;
            break;
        default:
            if (at + 1 < program_.size() && program_[at + 1].opcode != kWideLoad) {
                std::swap(insn, program_[at + 1]);
            }
        }
    }

    void change_wide(RawInsn& insn) {
        const bool is_number = insn.src() == 0;
        if (is_number && below(2) == 0) {
            insn.imm = near(insn.imm);
        } else {
            set_dst(insn);
        }
    }

    void set_dst(RawInsn& insn) {
        insn.registers = static_cast<std::uint8_t>((insn.registers & 0xf0) | below(11));
    }
    void set_src(RawInsn& insn) {
        insn.registers = static_cast<std::uint8_t>((insn.registers & 0x0f) | (below(11) << 4));
    }

    std::int32_t near(std::int32_t number) {
        static constexpr std::int32_t kSteps[] = {1, -1, 2, -2, 4, -4, 8, -8, 16, 256};
        static constexpr std::int32_t kEdges[] = {
            0, 1, -1, 7, 8, 31, 32, 63, 64, 255, 256, 0x7fff, 0xffff, 0x7fffffff, -0x7fffffff - 1};
        switch (below(4)) {
        case 0:
            return kEdges[below(std::size(kEdges))];
        case 1:
            return static_cast<std::int32_t>(-static_cast<std::int64_t>(number));
        default:
            return static_cast<std::int32_t>(
                static_cast<std::uint32_t>(number) +
                static_cast<std::uint32_t>(kSteps[below(std::size(kSteps))]));
        }
    }

    static bool computes(const RawInsn& insn) { return (insn.opcode & 4) != 0; } // or jumps
    static void flip(RawInsn& insn, unsigned bits) {
        insn.opcode = static_cast<std::uint8_t>(insn.opcode ^ bits);
    }

    void change_opcode(RawInsn& insn) {
        switch (below(4)) {
        case 0: // another operation, or mode and size, of the class
            insn.opcode = static_cast<std::uint8_t>((insn.opcode & 0x0f) | (below(16) << 4));
            break;
        case 1: // the other width: the classes of 32 and 64 bits; 1 or 2 bytes, 4 or 8
            flip(insn, computes(insn) ? 0x03 : 0x18);
            break;
        case 2: // register or immediate; another size
            flip(insn, computes(insn) || below(2) == 0 ? 0x08 : 0x10);
            break;
        default: // any bit
            flip(insn, 1U << below(8));
        }
        if (insn.opcode == kWideLoad) { // half of one: both refuse it, and nothing is learnt
            insn = kNothing;
        }
    }

    std::vector<RawInsn>& program_;
    std::mt19937_64& random_;
};

} // namespace

std::uint32_t mutate(std::vector<RawInsn>& program, std::mt19937_64& random) {
    return Mutator(program, random).mutate();
}

} // namespace skep::tests::campaign
