// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/x64/assembler.hpp"

#include <algorithm>
#include <array>

namespace skep::run::jit::x64 {

Assembler::Assembler(std::size_t expected_bytes, std::size_t label_count,
                     std::pmr::memory_resource* memory)
    : room_(expected_bytes + std::size_t{2} * kLongestInsn, memory), bytes_(room_.data()),
      capacity_(static_cast<std::uint32_t>(room_.size())), places_(label_count, memory),
      relocations_(memory) {}

void Assembler::grow() {
    room_.resize(2 * room_.size());
    bytes_ = room_.data();
    capacity_ = static_cast<std::uint32_t>(room_.size());
}

void Assembler::three_registers(Op op, Wide wide, Gpr reg, Gpr rm, Gpr vvvv) {
    Head head =
        vex(form(op), wide, {.reg = number_of(reg), .rm = number_of(rm), .index = number_of(vvvv)});
    put_behind(head, mod_rm(3, number_of(reg), number_of(rm)));
    write(head);
}

void Assembler::plus(Op op, Wide wide, Gpr reg) {
    Head head = opcode_of(form(op));
    head.bytes |= std::uint64_t{number_of(reg) & 7U} << 8 * (head.size - 1);
    put_prefixes(head, form(op), wide, {.rm = number_of(reg)});
    write(head);
}

void Assembler::plain(Op op, Wide wide) {
    Head head = opcode_of(form(op));
    put_prefixes(head, form(op), wide, {});
    write(head);
}

void Assembler::number(Gpr reg, std::uint64_t number) {
    if (number == 0) {
        registers(Op::xor_, Wide::no, reg, reg);
    } else if (number <= 0xffffffffU) {
        plus(Op::mov_plus_i32, Wide::no, reg);
        write(number, 4);
    } else if (static_cast<std::int64_t>(number) >= INT32_MIN &&
               static_cast<std::int64_t>(number) < 0) {
        register_imm(Op::mov_i32, Wide::yes, reg, static_cast<std::int32_t>(number));
    } else {
        plus(Op::mov_plus_i64, Wide::yes, reg);
        write(number, 8);
    }
}

void Assembler::reference(Gpr reg, Relocation what) {
    plus(Op::mov_plus_i64, Wide::yes, reg);
    relocations_.push_back({what, here()});
    write(0, 8);
}

void Assembler::jump(Label target) {
    make_room();
    add_jump(JumpKind::always, target);
    size_ += kShortJumpBytes;
}

void Assembler::jump_if(Condition condition, Label target) {
    make_room();
    add_jump(JumpKind::conditional, target, condition);
    size_ += kShortJumpBytes;
}

void Assembler::call(Label target) {
    constexpr std::uint64_t kCall = 0xe8;
    make_room();
    write(kCall, 1);
    add_jump(JumpKind::fixed, target);
    size_ += kFixedBytes;
}

void Assembler::address_of(Gpr reg, Label target) {
    constexpr std::uint32_t kRipRelative = 5;
    Head head = opcode_of(form(Op::lea));
    put_behind(head, mod_rm(0, number_of(reg), kRipRelative));
    put_prefixes(head, form(Op::lea), Wide::yes, {.reg = number_of(reg)});
    write(head);
    add_jump(JumpKind::fixed, target);
    size_ += kFixedBytes;
}

void Assembler::align() {
    places_.add({{.offset = size_, .growth = kAlignment - 1}, JumpKind::padding});
}

// The processor's manual recommends these forms of nop, by length.
std::uint8_t* Assembler::write_padding(std::uint8_t* out, std::uint32_t size) {
    static constexpr std::array<std::array<std::uint8_t, 9>, 9> kNops{
        {{0x90},
         {0x66, 0x90},
         {0x0f, 0x1f, 0x00},
         {0x0f, 0x1f, 0x40, 0x00},
         {0x0f, 0x1f, 0x44, 0x00, 0x00},
         {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
         {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
         {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
         {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00}}};
    while (size != 0) {
        const std::uint32_t length = std::min<std::uint32_t>(size, kNops.size());
        out = std::copy_n(kNops[length - 1].begin(), length, out);
        size -= length;
    }
    return out;
}

// What is written in one piece may reach past its end.
std::uint8_t* Assembler::write_jump(std::uint8_t* out, const Jump& jump, std::int64_t distance) {
    const auto write = [out](std::uint64_t bytes, std::size_t size) {
        std::memcpy(out, &bytes, sizeof bytes);
        return out + size;
    };
    const auto cc = static_cast<std::uint32_t>(jump.condition);
    if (jump.kind == JumpKind::fixed) {
        return write(static_cast<std::uint32_t>(distance - kFixedBytes), kFixedBytes);
    }
    const auto far = static_cast<std::uint32_t>(distance - kShortJumpBytes);
    if (jump.growth == 0) {
        const std::uint32_t opcode = jump.kind == JumpKind::always ? 0xebU : 0x70U | cc;
        return write(opcode | far << 8U, kShortJumpBytes);
    }
    const std::size_t size = std::size_t{kShortJumpBytes} + jump.growth;
    return jump.kind == JumpKind::always
               ? write(0xe9U | std::uint64_t{far} << 8U, size)
               : write(0x0fU | (0x80U | cc) << 8U | std::uint64_t{far} << 16U, size);
}

void Assembler::finish(Image& image) {
    const std::span<const Jump> jumps = places_.jumps();
    places_.settle(kAlignment);
    const std::size_t size = size_ + places_.growth_before(jumps.size());
    image.code.resize(size + kPiece);
    std::uint8_t* out = image.code.data();
    const std::uint8_t* const bytes = bytes_;
    std::uint32_t copied = 0;
    const auto copy_up_to = [&](std::uint32_t end) { // most stretches between jumps are short
        for (; copied + kPiece < end; copied += kPiece, out += kPiece) {
            std::memcpy(out, bytes + copied, kPiece);
        }
        std::memcpy(out, bytes + copied, kPiece);
        out += end - copied;
        copied = end;
    };
    for (std::size_t i = 0; i < jumps.size(); ++i) {
        const Jump& jump = jumps[i];
        copy_up_to(jump.offset);
        if (jump.pads()) {
            out = write_padding(out, jump.growth);
        } else {
            out = write_jump(out, jump, places_.distance(jump, i));
            copied += jump.kind == JumpKind::fixed ? kFixedBytes : kShortJumpBytes;
        }
    }
    copy_up_to(size_);
    image.code.resize(size);
    for (const PendingRelocation& pending : relocations_) {
        image.relocations.push_back(pending.relocation);
        image.relocations.back().offset = settled(pending.mark);
    }
}

} // namespace skep::run::jit::x64
