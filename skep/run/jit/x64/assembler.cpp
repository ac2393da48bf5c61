// SPDX-License-Identifier: Apache-2.0
//
// Encoding, as the processor's manual draws it:
//
//   prefix   REX 0100WRXB   0f   opcode   ModRM mod:reg:rm   SIB scale:index:base   displacement
//   immediate
//
// W asks for 64 bits; R, X and B are the fourth bits of reg, index and rm (or base). A REX is
// needed for any of these, and for spl, bpl, sil and dil, which without one would be ah, ch, dh and
// bh.
#include "skep/run/jit/x64/assembler.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace skep::run::jit::x64 {
namespace {

constexpr std::uint8_t kShortJumpBytes = 2;
constexpr std::uint8_t kFixedBytes = 4; // of a distance

std::uint8_t index_of(Memory memory) {
    return memory.has_index() ? number_of(memory.index) : std::uint8_t{0};
}

// A base of rbp or r13 without displacement is encoded as something else: it needs a zero.
bool has_displacement(Memory memory) {
    return memory.displacement != 0 || (number_of(memory.base) & 7U) == number_of(Gpr::rbp);
}

} // namespace

Assembler::Assembler(std::size_t expected_bytes, std::size_t label_count)
    : capacity_(static_cast<std::uint32_t>(expected_bytes) + 2 * kLongestInsn),
      places_(label_count) {
    bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_); // NOLINT
}

void Assembler::grow() {
    auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(2 * capacity_); // NOLINT
    std::copy_n(bytes_.get(), size_, larger.get());
    bytes_ = std::move(larger);
    capacity_ *= 2;
}

inline void Assembler::write(std::uint64_t value, std::uint32_t size) {
    std::memcpy(bytes_.get() + size_, &value, sizeof(value));
    size_ += size;
}

inline void Assembler::write(const Head& head) {
    make_room();
    write(head.bytes(), head.size());
}

inline void Assembler::write(Head& head, Memory rm) {
    if (!has_displacement(rm)) {
        return write(head);
    }
    if (fits_int8(rm.displacement)) {
        head.add(static_cast<std::uint32_t>(rm.displacement));
        return write(head);
    }
    write(head);
    write(static_cast<std::uint32_t>(rm.displacement), 4);
}

// Prefixes and opcode.
inline Assembler::Head Assembler::opcode(const Form& form, Wide wide, Fields fields) {
    Head head;
    if (form.prefix != 0) {
        head.add(form.prefix);
    }
    const bool is_64 = wide == Wide::yes && form.rm != Size::native;
    const std::uint32_t rex = 0x40U | (is_64 ? 8U : 0U) | (std::uint32_t{fields.reg} >> 3U << 2U) |
                              (std::uint32_t{fields.index} >> 3U << 1U) |
                              std::uint32_t{fields.rm} >> 3U;
    if (rex != 0x40U || fields.names_byte_register) {
        head.add(rex);
    }
    if (form.map == Map::x0f) {
        head.add(0x0f);
    }
    head.add(form.opcode);
    return head;
}

Assembler::Head Assembler::vex(const Form& form, Wide wide, Fields fields) {
    const std::uint32_t implied = form.prefix == 0x66   ? 1
                                  : form.prefix == 0xf3 ? 2
                                  : form.prefix == 0xf2 ? 3
                                                        : 0;
    Head head;
    head.add(0xc4);
    head.add((fields.reg < 8 ? 0x80U : 0U) | 0x40U | (fields.rm < 8 ? 0x20U : 0U) |
             (form.map == Map::vex_0f38 ? 2U : 3U));
    head.add((wide == Wide::yes ? 0x80U : 0U) |
             ((~static_cast<std::uint32_t>(fields.index) & 15U) << 3U) | implied);
    head.add(form.opcode);
    return head;
}

inline void Assembler::add_operand(Head& head, std::uint8_t reg, Gpr rm) {
    head.add(0xc0U | ((reg & 7U) << 3U) | (number_of(rm) & 7U));
}

inline void Assembler::add_operand(Head& head, std::uint8_t reg, Memory rm) {
    const std::uint32_t base = number_of(rm.base) & 7U;
    const std::uint32_t mode = !has_displacement(rm)        ? 0x00U
                               : fits_int8(rm.displacement) ? 0x40U
                                                            : 0x80U;
    const bool needs_sib = rm.has_index() || base == number_of(Gpr::rsp);
    head.add(mode | ((reg & 7U) << 3U) | (needs_sib ? 4U : base));
    if (needs_sib) {
        head.add((std::uint32_t{rm.scale} << 6U) | ((number_of(rm.index) & 7U) << 3U) |
                 base); // an index of rsp means none
    }
}

// Directly after what make_room() made room for.
inline void Assembler::immediate(Pattern pattern, std::int32_t imm) {
    const bool is_byte = pattern == Pattern::rm_imm8 || pattern == Pattern::reg_rm_imm8;
    write(static_cast<std::uint32_t>(imm), is_byte ? 1 : pattern == Pattern::rm_imm16 ? 2 : 4);
}

void Assembler::registers(Op op, Wide wide, Gpr reg, Gpr rm) {
    const Form& row = form(op);
    const bool low_byte = row.rm == Size::byte_ &&
                          (rm >= Gpr::rsp || (row.pattern == Pattern::rm_reg && reg >= Gpr::rsp));
    Head head = opcode(
        row, wide, {.reg = number_of(reg), .rm = number_of(rm), .names_byte_register = low_byte});
    add_operand(head, number_of(reg), rm);
    write(head);
}

void Assembler::memory(Op op, Wide wide, Gpr reg, Memory rm) {
    const Form& row = form(op);
    const bool low_byte =
        row.rm == Size::byte_ && row.pattern == Pattern::rm_reg && reg >= Gpr::rsp;
    Head head = opcode(row, wide,
                       {.reg = number_of(reg),
                        .rm = number_of(rm.base),
                        .index = index_of(rm),
                        .names_byte_register = low_byte});
    add_operand(head, number_of(reg), rm);
    write(head, rm);
}

void Assembler::one_register(Op op, Wide wide, Gpr rm) {
    const Form& row = form(op);
    Head head = opcode(
        row, wide,
        {.rm = number_of(rm), .names_byte_register = row.rm == Size::byte_ && rm >= Gpr::rsp});
    add_operand(head, row.digit, rm);
    write(head);
}

void Assembler::one_memory(Op op, Wide wide, Memory rm) {
    Head head = opcode(form(op), wide, {.rm = number_of(rm.base), .index = index_of(rm)});
    add_operand(head, form(op).digit, rm);
    write(head, rm);
}

void Assembler::register_imm(Op op, Wide wide, Gpr rm, std::int32_t imm) {
    one_register(op, wide, rm);
    immediate(form(op).pattern, imm);
}

void Assembler::memory_imm(Op op, Wide wide, Memory rm, std::int32_t imm) {
    one_memory(op, wide, rm);
    immediate(form(op).pattern, imm);
}

void Assembler::registers_imm(Op op, Wide wide, Gpr reg, Gpr rm, std::int32_t imm) {
    if (is_vex(form(op))) {
        Head head = vex(form(op), wide, {.reg = number_of(reg), .rm = number_of(rm)});
        add_operand(head, number_of(reg), rm);
        write(head);
    } else {
        registers(op, wide, reg, rm);
    }
    immediate(form(op).pattern, imm);
}

void Assembler::three_registers(Op op, Wide wide, Gpr reg, Gpr rm, Gpr vvvv) {
    Head head =
        vex(form(op), wide, {.reg = number_of(reg), .rm = number_of(rm), .index = number_of(vvvv)});
    add_operand(head, number_of(reg), rm);
    write(head);
}

void Assembler::plus(Op op, Wide wide, Gpr reg) {
    write(opcode(form(op), wide, {.rm = number_of(reg)}));
    bytes_[size_ - 1] = static_cast<std::uint8_t>(bytes_[size_ - 1] | (number_of(reg) & 7U));
}

void Assembler::plain(Op op, Wide wide) { write(opcode(form(op), wide, {})); }

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
    Head head = opcode(form(Op::lea), Wide::yes, {.reg = number_of(reg)});
    head.add(0x05U | ((number_of(reg) & 7U) << 3U)); // rip-relative
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
