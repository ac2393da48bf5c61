// SPDX-License-Identifier: Apache-2.0
//
// Writes arm64 instructions by their rows in forms.hpp, with labels, and settles jumps at the end.
//
// Every instruction is one word. A jump that has a condition reaches a megabyte, one that tests a
// bit 32 KiB; each is first written as one word. finish() finds those whose target lies too far and
// makes them two: the opposite condition over a jump that reaches 128 MiB. Growing one may push
// another's target out of reach, so it looks again until nothing changes. Positions are kept as
// marks (a word and how many jumps stand before it), which makes moving them a table look-up.
// Padding that aligns what follows is kept among the jumps: it counts as its most while sizes are
// settled, and gets its true size last, which can only bring targets nearer.
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

namespace skep::run::jit::arm64 {

enum class Wide : bool { no, yes }; // 32 or 64 bits

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

    Assembler(std::size_t expected_words, std::size_t label_count);

    Label new_label();
    void bind(Label label);

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

    // Where the next instruction begins, whatever becomes of the jumps before it.
    struct Mark {
        std::uint32_t word = 0;
        std::uint32_t jumps_before = 0;
    };
    [[nodiscard]] Mark here() const {
        return {static_cast<std::uint32_t>(words_.size()),
                static_cast<std::uint32_t>(jumps_.size())};
    }

    // Settles everything; all labels that are jumped to must be bound. The code and its relocations
    // go into the image; `settled` tells afterwards at which byte a mark came to lie.
    void finish(Image& image);
    [[nodiscard]] std::uint32_t settled(Mark mark) const { return kWordBytes * settled_word(mark); }

  private:
    static constexpr std::uint32_t kUnbound = 0xffffffff;
    static constexpr std::uint32_t kWordBytes = 4;
    static constexpr std::uint32_t kAlignment = 8; // words; that of images is a multiple
    enum class JumpKind : std::uint8_t {
        always,      // 26 bits of distance, and so does a call
        conditional, // 19 bits
        bit_test,    // 14 bits
        address,     // 21 bits, of bytes
        padding      // no jump: words that do nothing
    };

    struct Jump {
        std::uint32_t word = 0; // where it stands
        std::uint32_t bits = 0; // the instruction without its distance
        Label target = 0;
        JumpKind kind = JumpKind::always;
        bool is_long = false;
    };
    struct PendingRelocation {
        Relocation relocation;
        Mark mark;
    };

    void word(std::uint32_t bits) { words_.push_back(bits); }
    void add_jump(JumpKind kind, std::uint32_t bits, Label target);
    void move_wide(Op op, Gpr reg, std::uint32_t part, std::uint32_t place);
    void settle_sizes();
    void sum_growth();
    void settle_padding();
    [[nodiscard]] bool reaches(const Jump& jump, std::size_t index) const; // as it is
    static std::uint32_t
    growth_of(const Jump& jump); // by how many words it is longer than at first
    [[nodiscard]] std::uint32_t settled_word(Mark mark) const {
        return mark.word + growth_[mark.jumps_before];
    }
    [[nodiscard]] std::int64_t distance(const Jump& jump, std::size_t index) const; // in words
    void write_jump(std::vector<std::uint32_t>& out, const Jump& jump, std::size_t index) const;

    std::vector<std::uint32_t> words_; // a jump is one word, padding none
    std::vector<Mark> labels_;
    std::vector<Jump> jumps_;
    std::vector<std::uint32_t>
        growth_; // words added before the jump of that index; one more at the end
    std::vector<PendingRelocation> relocations_;
};

} // namespace skep::run::jit::arm64
