// SPDX-License-Identifier: Apache-2.0
//
// Writes arm64 instructions by their rows in forms.hpp, with labels, and settles jumps at the end.
//
// Every instruction is one word. A jump that has a condition reaches a megabyte, one that tests a
// bit 32 KiB; each is first written as one word. finish() finds those whose target lies too far
// (targets/places.hpp) and makes them two: the opposite condition over a jump that reaches 128 MiB.
//
// Limit: code of 128 MiB and more does not hold together (kMostBytes); who finishes must ask.
//
// Proved by: forms_test.cpp (encodings), assembler_test.cpp (labels and sizes).
#pragma once

#include <cstdint>
#include <vector>

#include "skep/run/jit/arm64/forms.hpp"
#include "skep/run/jit/arm64/registers.hpp"
#include "skep/run/jit/image.hpp"
#include "skep/run/jit/targets/operand.hpp"
#include "skep/run/jit/targets/places.hpp"

namespace skep::run::jit::arm64 {

inline constexpr std::size_t kMostBytes = std::size_t{127} << 20;

// As the pattern of the form has them.
struct Operands {
    Gpr d = kZero; // also the register that is loaded or stored
    Gpr n = kZero; // also a base
    Gpr m = kZero;
    Gpr a = kZero;
    std::int32_t number = 0;
};

constexpr bool fits_imm12(std::int64_t number) {
    return (number >= 0 && number < 4096) ||
           (number > 0 && number < (1 << 24) && number % 4096 == 0);
}

class Assembler {
  public:
    using Label = std::uint32_t;

    Assembler(std::size_t expected_words, std::size_t label_count,
              std::pmr::memory_resource* memory = std::pmr::get_default_resource());

    Label new_label() { return places_.new_label(); }
    void bind(Label label) { places_.bind(label, size()); }
    void bind_as(Label label, Label other) { places_.bind_as(label, other); }

    // Any form but those of memory and those with a label.
    void say(Op op, Wide wide, Operands operands = {});
    // Precondition: addresses_directly(op, memory).
    void memory(Op op, Gpr reg, Memory memory);
    [[nodiscard]] static bool addresses_directly(Op op, Memory memory);

    void number(Gpr reg, std::uint64_t number); // in as few words as it finds
    void reference(Gpr reg, Relocation what);   // four words, to be filled in
    void jump(Label target);
    void jump_if(Condition condition, Label target);
    void jump_if_zero(Op op, Wide wide, Gpr reg, Label target);       // cbz, cbnz
    void jump_if_bit(Op op, Gpr reg, std::uint8_t bit, Label target); // tbz, tbnz
    void call(Label target);
    void address_of(Gpr reg, Label target); // may change kScratch
    void align();                           // what follows begins at a multiple of kAlignment

    [[nodiscard]] Mark here() const { return places_.mark(size()); } // of the next instruction

    // Settles everything; all labels that are jumped to must be bound. The code and its relocations
    // go into the image; `settled` tells afterwards at which byte a mark came to lie.
    void finish(Image& image);
    [[nodiscard]] std::uint32_t settled(Mark mark) const {
        return kWordBytes * places_.settled(mark);
    }
    [[nodiscard]] std::uint32_t settled(Label label) const {
        return kWordBytes * places_.settled(label);
    }

  private:
    static constexpr std::uint32_t kWordBytes = 4;
    static constexpr std::uint32_t kAlignment = 8; // words; that of images is a multiple
    enum class JumpKind : std::uint8_t {
        always,      // 26 bits of distance, and so does a call
        conditional, // 19 bits
        bit_test,    // 14 bits
        address,     // 21 bits, of bytes
        padding      // no jump: words that do nothing
    };

    struct Jump : PlacedJump {
        std::uint32_t bits = 0; // the instruction without its distance
        JumpKind kind = JumpKind::always;

        static constexpr std::uint8_t kMostGrowth = 3;
        [[nodiscard]] bool pads() const { return kind == JumpKind::padding; }
        [[nodiscard]] bool reaches(std::int64_t distance) const;
        [[nodiscard]] std::uint8_t long_growth() const {
            return kind == JumpKind::address ? kMostGrowth : 1;
        }
    };
    struct PendingRelocation {
        Relocation relocation;
        Mark mark;
    };

    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(words_.size()); }
    void word(std::uint32_t bits) { words_.push_back(bits); }
    void add_jump(JumpKind kind, std::uint32_t bits, Label target);
    void move_wide(Op op, Gpr reg, std::uint32_t part, std::uint32_t place);
    void write_jump(WorkList<std::uint32_t>& out, const Jump& jump, std::size_t index) const;

    WorkList<std::uint32_t> words_; // a jump is one word, padding none
    Places<Jump> places_;           // in words
    WorkList<PendingRelocation> relocations_;
};

} // namespace skep::run::jit::arm64
