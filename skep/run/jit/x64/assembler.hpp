// SPDX-License-Identifier: Apache-2.0
//
// Writes x86-64 instructions by their rows in forms.hpp, with labels, and settles jump sizes at the
// end: see targets/places.hpp. A short jump takes two bytes, a long one five or six.
//
// Proved by: forms_test.cpp (encodings), assembler_test.cpp (labels and sizes).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "skep/run/jit/image.hpp"
#include "skep/run/jit/targets/operand.hpp"
#include "skep/run/jit/targets/places.hpp"
#include "skep/run/jit/x64/forms.hpp"
#include "skep/run/jit/x64/registers.hpp"

namespace skep::run::jit::x64 {

constexpr bool fits_int8(std::int64_t number) { return number >= -128 && number <= 127; }

class Assembler {
  public:
    using Label = std::uint32_t;

    Assembler(std::size_t expected_bytes, std::size_t label_count);

    Label new_label() { return places_.new_label(); }
    void bind(Label label) { places_.bind(label, size_); }

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

    [[nodiscard]] Mark here() const { return places_.mark(size_); } // of the next instruction

    // Settles everything; all labels that are jumped to must be bound. The code and its relocations
    // go into the image; `settled` tells afterwards where a mark came to lie.
    void finish(Image& image);
    [[nodiscard]] std::uint32_t settled(Mark mark) const { return places_.settled(mark); }

  private:
    static constexpr std::uint32_t kAlignment = 64;   // a line of the cache; images begin at one
    static constexpr std::uint32_t kLongestInsn = 24; // fifteen, and what a write reaches beyond
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

        [[nodiscard]] bool pads() const { return kind == JumpKind::padding; }
    };
    struct PendingRelocation {
        Relocation relocation;
        Mark mark;
    };
    // The beginning of an instruction, put together before it is written: at most eight bytes,
    // which prefixes, opcode, operand bytes and a short displacement never exceed.
    class Head {
      public:
        void add(std::uint32_t byte) {
            bytes_ |= std::uint64_t{byte & 0xffU} << 8 * size_;
            ++size_;
        }
        [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
        [[nodiscard]] std::uint32_t size() const { return size_; }

      private:
        std::uint64_t bytes_ = 0;
        std::uint32_t size_ = 0;
    };

    // For one instruction; what is written in one piece may reach past its end.
    void make_room() {
        if (size_ + kLongestInsn > capacity_) [[unlikely]] {
            grow();
        }
    }
    void grow();
    void write(const Head& head);
    void write(Head& head, Memory rm); // with the displacement
    void write(std::uint64_t value, std::uint32_t size);
    void add_jump(JumpKind kind, Label target, Condition condition = Condition::equal);
    struct Fields { // register numbers as they are encoded
        std::uint8_t reg = 0;
        std::uint8_t rm = 0;              // or the base of a memory operand
        std::uint8_t index = 0;           // or vvvv
        bool names_byte_register = false; // one that is another register without REX
    };
    static Head opcode(const Form& form, Wide wide, Fields fields);
    static Head vex(const Form& form, Wide wide, Fields fields);
    static void add_operand(Head& head, std::uint8_t reg, Gpr rm);
    static void add_operand(Head& head, std::uint8_t reg, Memory rm);
    void immediate(Pattern pattern, std::int32_t imm);
    static std::uint32_t growth_of(const Jump& jump); // by how much it is longer than at first
    static std::uint8_t* write_padding(std::uint8_t* out, std::uint32_t size);
    [[nodiscard]] std::int64_t distance(const Jump& jump, std::size_t index) const;
    std::uint8_t* write_jump(std::uint8_t* out, const Jump& jump, std::size_t index) const;

    std::unique_ptr<std::uint8_t[]> bytes_; // NOLINT: nobody needs it to be zero
    std::uint32_t capacity_ = 0;
    std::uint32_t size_ = 0;
    Places<Jump> places_;
    std::vector<PendingRelocation> relocations_;
};

} // namespace skep::run::jit::x64
