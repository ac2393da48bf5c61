// SPDX-License-Identifier: Apache-2.0
//
// Writes x86-64 instructions by their rows in forms.hpp, with labels, and settles jump sizes at the
// end.
//
// Every jump is first written in its short form of two bytes. finish() finds those whose target
// lies too far, makes room for the long form and moves what follows; growing one jump may push
// another's target out of reach, so it looks again until nothing changes. Positions are kept as
// marks (an offset and how many jumps stand before it), which makes moving them a table look-up.
// Padding that aligns what follows is kept among the jumps: it counts as its most while sizes are
// settled, and gets its true size last, which can only bring targets nearer.
//
// Proved by: forms_test.cpp (encodings), assembler_test.cpp (labels and sizes).
#pragma once

#include <cstdint>
#include <vector>

#include "skep/run/jit/image.hpp"
#include "skep/run/jit/x64/forms.hpp"
#include "skep/run/jit/x64/registers.hpp"

namespace skep::run::jit::x64 {

enum class Wide : bool { no, yes }; // 32 or 64 bits

constexpr bool fits_int8(std::int64_t number) { return number >= -128 && number <= 127; }

class Assembler {
  public:
    using Label = std::uint32_t;

    Assembler(std::size_t expected_bytes, std::size_t label_count);

    Label new_label();
    void bind(Label label);
    [[nodiscard]] bool is_bound(Label label) const { return labels_[label].offset != kUnbound; }

    // One function for each shape of operands; the pattern of the form says what is what.
    void registers(Op op, Wide wide, Gpr reg, Gpr rm);
    void memory(Op op, Wide wide, Gpr reg, Memory rm);
    void one_register(Op op, Wide wide, Gpr rm);
    void one_memory(Op op, Wide wide, Memory rm);
    void register_imm(Op op, Wide wide, Gpr rm, std::int32_t imm);
    void memory_imm(Op op, Wide wide, Memory rm, std::int32_t imm);
    void registers_imm(Op op, Wide wide, Gpr reg, Gpr rm,
                       std::int32_t imm);                              // NOLINT: three operands
    void three_registers(Op op, Wide wide, Gpr reg, Gpr rm, Gpr vvvv); // NOLINT: three operands
    void plus(Op op, Wide wide, Gpr reg);
    void plain(Op op, Wide wide = Wide::no);

    void number(Gpr reg, std::uint64_t number); // in the shortest form; changes flags
    void reference(Gpr reg, Relocation what);   // mov reg, imm64, to be filled in
    void jump(Label target);
    void jump_if(Condition condition, Label target);
    void call(Label target);
    void address_of(Gpr reg, Label target); // lea reg, [rip + ...]
    void align();                           // what follows begins at a multiple of kAlignment

    // Where the next instruction begins, whatever becomes of the jumps before it.
    struct Mark {
        std::uint32_t offset = 0;
        std::uint32_t jumps_before = 0;
    };
    [[nodiscard]] Mark here() const { return {size_, static_cast<std::uint32_t>(jumps_.size())}; }

    // Settles everything; all labels that are jumped to must be bound. The code and its relocations
    // go into the image; `settled` tells afterwards where a mark came to lie.
    void finish(Image& image);
    [[nodiscard]] std::uint32_t settled(Mark mark) const {
        return mark.offset + growth_[mark.jumps_before];
    }

  private:
    static constexpr std::uint32_t kUnbound = 0xffffffff;
    static constexpr std::uint32_t kAlignment = 32; // that of images is a multiple
    enum class JumpKind : std::uint8_t {
        always,
        conditional,
        fixed,  // four bytes of distance
        padding // no jump: bytes that do nothing
    };

    struct Jump {
        std::uint32_t offset = 0; // of its first byte; for `fixed` of the distance
        Label target = 0;
        JumpKind kind = JumpKind::always;
        Condition condition = Condition::equal;
        bool is_long = false;
    };
    struct PendingRelocation {
        Relocation relocation;
        Mark mark;
    };

    void make_room();
    void byte(std::uint32_t value) { bytes_[size_++] = static_cast<std::uint8_t>(value); }
    void dword(std::uint32_t value);
    void qword(std::uint64_t value);
    struct Fields { // register numbers as they are encoded
        std::uint8_t reg = 0;
        std::uint8_t rm = 0;              // or the base of a memory operand
        std::uint8_t index = 0;           // or vvvv
        bool names_byte_register = false; // one that is another register without REX
    };
    void opcode(const Form& form, Wide wide, Fields fields);
    void vex(const Form& form, Wide wide, Fields fields);
    void operand(std::uint8_t reg, Gpr rm);
    void operand(std::uint8_t reg, Memory rm);
    void immediate(Pattern pattern, std::int32_t imm);
    void settle_sizes();
    void sum_growth();
    void settle_padding();
    static std::uint32_t growth_of(const Jump& jump); // by how much it is longer than at first
    static void write_padding(ByteVector& out, std::uint32_t size);
    [[nodiscard]] std::int64_t distance(const Jump& jump, std::size_t index) const;
    void write_jump(ByteVector& out, const Jump& jump, std::size_t index) const;

    ByteVector bytes_;
    std::uint32_t size_ = 0;
    std::vector<Mark> labels_;
    std::vector<Jump> jumps_;
    std::vector<std::uint32_t>
        growth_; // bytes added before the jump of that index; one more at the end
    std::vector<PendingRelocation> relocations_;
};

} // namespace skep::run::jit::x64
