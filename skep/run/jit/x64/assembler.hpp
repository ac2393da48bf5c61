// SPDX-License-Identifier: Apache-2.0
//
// Writes x86-64 instructions by their rows in forms.hpp, with labels, and settles jump sizes at the
// end: see targets/places.hpp. A short jump takes two bytes, a long one five or six.
//
// Proved by: forms_test.cpp (encodings), assembler_test.cpp (labels and sizes).
#pragma once

#include <cstdint>
#include <cstring>

#include "skep/run/jit/image.hpp"
#include "skep/run/jit/targets/places.hpp"
#include "skep/run/jit/x64/encoding.hpp"

namespace skep::run::jit::x64 {

class Assembler {
  public:
    using Label = std::uint32_t;

    Assembler(std::size_t expected_bytes, std::size_t label_count,
              std::pmr::memory_resource* memory = std::pmr::get_default_resource());

    Label new_label() { return places_.new_label(); }
    void bind(Label label) { places_.bind(label, size_); }
    void bind_as(Label label, Label other) { places_.bind_as(label, other); }

    // One function for each shape of operands; the pattern of the form says what is what.
    [[gnu::always_inline]] void registers(Op op, Wide wide, Gpr reg, Gpr rm) {
        const Encoding& row = form(op);
        const bool low_byte =
            row.rm == Size::byte_ &&
            (rm >= Gpr::rsp || (row.pattern == Pattern::rm_reg && reg >= Gpr::rsp));
        write(
            encoded(row, wide,
                    {.reg = number_of(reg), .rm = number_of(rm), .names_byte_register = low_byte}));
    }
    [[gnu::always_inline]] void memory(Op op, Wide wide, Gpr reg, Memory rm) {
        write(encoded(form(op), wide, number_of(reg), rm), rm);
    }
    [[gnu::always_inline]] void one_register(Op op, Wide wide, Gpr rm) {
        const Encoding& row = form(op);
        write(encoded(row, wide,
                      {.reg = row.digit,
                       .rm = number_of(rm),
                       .names_byte_register = row.rm == Size::byte_ && rm >= Gpr::rsp}));
    }
    [[gnu::always_inline]] void one_memory(Op op, Wide wide, Memory rm) {
        write(encoded(form(op), wide, form(op).digit, rm), rm);
    }
    [[gnu::always_inline]] void register_imm(Op op, Wide wide, Gpr rm, std::int32_t imm) {
        one_register(op, wide, rm);
        immediate(op, imm);
    }
    // In the shorter of two forms.
    [[gnu::always_inline]] void register_imm(Op with_imm8, Op with_imm32, Wide wide, Gpr rm,
                                             std::int32_t imm) {
        const bool is_short = fits_int8(imm);
        Encoding row = form(with_imm32); // of which the other only differs in its opcode
        row.opcode = is_short ? form(with_imm8).opcode : row.opcode;
        write(encoded(row, wide, {.reg = row.digit, .rm = number_of(rm)}));
        write(static_cast<std::uint32_t>(imm), is_short ? 1 : 4);
    }
    [[gnu::always_inline]] void memory_imm(Op op, Wide wide, Memory rm, std::int32_t imm) {
        one_memory(op, wide, rm);
        immediate(op, imm);
    }
    [[gnu::always_inline]] void registers_imm(Op op, Wide wide, Gpr reg, Gpr rm, std::int32_t imm) {
        if (is_vex(form(op))) {
            three_registers(op, wide, reg, rm, Gpr::rax);
        } else {
            registers(op, wide, reg, rm);
        }
        immediate(op, imm);
    }
    void three_registers(Op op, Wide wide, Gpr reg, Gpr rm, Gpr vvvv);
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
    [[nodiscard]] std::uint32_t settled(Label label) const { return places_.settled(label); }

  private:
    static constexpr std::uint32_t kAlignment = 64;   // a line of the cache; images begin at one
    static constexpr std::uint32_t kLongestInsn = 32; // fifteen, and what is written or read beyond
    static constexpr std::uint32_t kPiece = 16;       // how much of the code is copied at once
    static constexpr std::uint8_t kShortJumpBytes = 2;
    static constexpr std::uint8_t kFixedBytes = 4; // of a distance
    enum class JumpKind : std::uint8_t {
        always,
        conditional,
        fixed,  // four bytes of distance
        padding // no jump: bytes that do nothing
    };

    struct Jump : PlacedJump { // its offset is of its first byte; for `fixed` of the distance
        JumpKind kind = JumpKind::always;
        Condition condition = Condition::equal;

        static constexpr std::uint8_t kMostGrowth = 4;
        [[nodiscard]] bool pads() const { return kind == JumpKind::padding; }
        [[nodiscard]] bool reaches(std::int64_t distance) const {
            return kind == JumpKind::fixed || fits_int8(distance - kShortJumpBytes);
        }
        [[nodiscard]] std::uint8_t long_growth() const { // 2 to 5, or 2 to 6 bytes
            return kind == JumpKind::always ? 3 : kMostGrowth;
        }
    };
    struct PendingRelocation {
        Relocation relocation;
        Mark mark;
    };
    // For one instruction; what is written in one piece may reach past its end.
    void make_room() {
        if (size_ + kLongestInsn > capacity_) [[unlikely]] {
            grow();
        }
    }
    void grow();
    void write(std::uint64_t value, std::uint32_t size) {
        std::memcpy(bytes_ + size_, &value, sizeof(value));
        size_ += size;
    }
    [[gnu::always_inline]] void write(Head head) {
        make_room();
        write(head.bytes, head.size);
    }
    // With the displacement, when it is a long one.
    [[gnu::always_inline]] void write(Head head, Memory rm) {
        write(head);
        if (has_long_displacement(rm)) {
            write(static_cast<std::uint32_t>(rm.displacement), 4);
        }
    }
    // Directly after what make_room() made room for.
    [[gnu::always_inline]] void immediate(Op op, std::int32_t imm) {
        write(static_cast<std::uint32_t>(imm), immediate_bytes(form(op).pattern));
    }
    void add_jump(JumpKind kind, Label target, Condition condition = Condition::equal) {
        places_.add({{.offset = size_, .target = target}, kind, condition});
    }
    static std::uint8_t* write_padding(std::uint8_t* out, std::uint32_t size);
    static std::uint8_t* write_jump(std::uint8_t* out, const Jump& jump, std::int64_t distance);

    WorkList<std::uint8_t> room_;
    std::uint8_t* bytes_ = nullptr; // of the room
    std::uint32_t capacity_ = 0;
    std::uint32_t size_ = 0;
    Places<Jump> places_;
    WorkList<PendingRelocation> relocations_;
};

} // namespace skep::run::jit::x64
