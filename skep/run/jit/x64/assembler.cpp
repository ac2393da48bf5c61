// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/x64/assembler.hpp"

#include <algorithm>
#include <array>

namespace skep::run::jit::x64 {
namespace {

constexpr std::uint8_t kShortJumpBytes = 2;
constexpr std::uint8_t kFixedBytes = 4; // of a distance

} // namespace

Assembler::Assembler(std::size_t expected_bytes, std::size_t label_count)
    : capacity_(static_cast<std::uint32_t>(expected_bytes) + 2 * kLongestInsn),
      places_(label_count) {
    bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_);
}

void Assembler::grow() {
    auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(std::size_t{2} * capacity_);
    std::copy_n(bytes_.get(), size_, larger.get());
    bytes_ = std::move(larger);
    capacity_ *= 2;
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

void Assembler::add_jump(JumpKind kind, Label target, Condition condition) {
    places_.add({size_, target, kind, condition, false});
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

void Assembler::align() { add_jump(JumpKind::padding, 0); }

// From the end of the jump to its target, as sizes stand now.
std::int64_t Assembler::distance(const Jump& jump, std::size_t index) const {
    const std::int64_t length = jump.kind == JumpKind::fixed ? kFixedBytes : kShortJumpBytes;
    const std::int64_t end =
        static_cast<std::int64_t>(jump.offset) + length + places_.growth_before(index + 1);
    return static_cast<std::int64_t>(places_.settled(jump.target)) - end;
}

std::uint32_t Assembler::growth_of(const Jump& jump) {
    return !jump.is_long ? 0 : jump.kind == JumpKind::always ? 3 : 4; // 2 to 5, or 2 to 6 bytes
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

std::uint8_t* Assembler::write_jump(std::uint8_t* out, const Jump& jump, std::size_t index) const {
    const auto far = static_cast<std::uint32_t>(distance(jump, index));
    const auto cc = static_cast<std::uint32_t>(jump.condition);
    const bool always = jump.kind == JumpKind::always;
    if (!jump.is_long && jump.kind != JumpKind::fixed) {
        *out++ = static_cast<std::uint8_t>(always ? 0xeb : 0x70 | cc);
        *out++ = static_cast<std::uint8_t>(far);
        return out;
    }
    if (jump.is_long) {
        if (!always) {
            *out++ = 0x0f;
        }
        *out++ = static_cast<std::uint8_t>(always ? 0xe9 : 0x80 | cc);
    }
    for (unsigned shift = 0; shift < 32; shift += 8) {
        *out++ = static_cast<std::uint8_t>(far >> shift);
    }
    return out;
}

void Assembler::finish(Image& image) {
    const std::vector<Jump>& jumps = places_.jumps();
    places_.settle(
        kAlignment,
        [this](const Jump& jump, std::size_t index) {
            return jump.kind == JumpKind::fixed || fits_int8(distance(jump, index));
        },
        growth_of);
    image.code.resize(size_ + places_.growth_before(jumps.size()));
    std::uint8_t* out = image.code.data();
    const std::uint8_t* const bytes = bytes_.get();
    std::uint32_t copied = 0;
    for (std::size_t i = 0; i < jumps.size(); ++i) {
        const Jump& jump = jumps[i];
        out = std::copy(bytes + copied, bytes + jump.offset, out);
        copied = jump.offset;
        if (jump.pads()) {
            out = write_padding(out, places_.growth_before(i + 1) - places_.growth_before(i));
            continue;
        }
        out = write_jump(out, jump, i);
        copied += jump.kind == JumpKind::fixed ? kFixedBytes : kShortJumpBytes;
    }
    std::copy(bytes + copied, bytes + size_, out);
    for (const PendingRelocation& pending : relocations_) {
        image.relocations.push_back(pending.relocation);
        image.relocations.back().offset = settled(pending.mark);
    }
}

} // namespace skep::run::jit::x64
