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

constexpr std::size_t kLongestInsn = 16;
constexpr std::uint8_t kShortJumpBytes = 2;

std::uint8_t index_of(Memory memory) {
    return memory.has_index() ? number_of(memory.index) : std::uint8_t{0};
}

} // namespace

Assembler::Assembler(std::size_t expected_bytes, std::size_t label_count)
    : bytes_(expected_bytes + 2 * kLongestInsn), labels_(label_count, Mark{kUnbound, 0}) {}

Assembler::Label Assembler::new_label() {
    labels_.push_back({kUnbound, 0});
    return static_cast<Label>(labels_.size() - 1);
}

void Assembler::bind(Label label) { labels_[label] = here(); }

void Assembler::make_room() {
    if (size_ + kLongestInsn > bytes_.size()) {
        bytes_.resize(2 * bytes_.size());
    }
}

void Assembler::dword(std::uint32_t value) {
    std::memcpy(bytes_.data() + size_, &value, sizeof(value));
    size_ += sizeof(value);
}

void Assembler::qword(std::uint64_t value) {
    std::memcpy(bytes_.data() + size_, &value, sizeof(value));
    size_ += sizeof(value);
}

// Prefixes and opcode.
void Assembler::opcode(const Form& form, Wide wide, Fields fields) {
    make_room();
    if (form.prefix != 0) {
        byte(form.prefix);
    }
    const bool is_64 = wide == Wide::yes && form.rm != Size::native;
    const std::uint32_t rex = 0x40U | (is_64 ? 8U : 0U) | (std::uint32_t{fields.reg} >> 3U << 2U) |
                              (std::uint32_t{fields.index} >> 3U << 1U) |
                              std::uint32_t{fields.rm} >> 3U;
    if (rex != 0x40U || fields.names_byte_register) {
        byte(rex);
    }
    if (form.map == Map::x0f) {
        byte(0x0f);
    }
    byte(form.opcode);
}

void Assembler::vex(const Form& form, Wide wide, Fields fields) {
    make_room();
    const std::uint32_t implied = form.prefix == 0x66   ? 1
                                  : form.prefix == 0xf3 ? 2
                                  : form.prefix == 0xf2 ? 3
                                                        : 0;
    byte(0xc4);
    byte((fields.reg < 8 ? 0x80U : 0U) | 0x40U | (fields.rm < 8 ? 0x20U : 0U) |
         (form.map == Map::vex_0f38 ? 2U : 3U));
    byte((wide == Wide::yes ? 0x80U : 0U) |
         ((~static_cast<std::uint32_t>(fields.index) & 15U) << 3U) | implied);
    byte(form.opcode);
}

void Assembler::operand(std::uint8_t reg, Gpr rm) {
    byte(0xc0U | ((reg & 7U) << 3U) | (number_of(rm) & 7U));
}

void Assembler::operand(std::uint8_t reg, Memory rm) {
    const std::uint32_t base = number_of(rm.base) & 7U;
    // A base of rbp or r13 without displacement is encoded as something else: it needs a zero.
    const bool no_displacement = rm.displacement == 0 && base != number_of(Gpr::rbp);
    const bool small = fits_int8(rm.displacement);
    const std::uint32_t mode = no_displacement ? 0x00U : small ? 0x40U : 0x80U;
    const bool needs_sib = rm.has_index() || base == number_of(Gpr::rsp);
    byte(mode | ((reg & 7U) << 3U) | (needs_sib ? 4U : base));
    if (needs_sib) {
        byte((std::uint32_t{rm.scale} << 6U) | ((number_of(rm.index) & 7U) << 3U) |
             base); // an index of rsp means none
    }
    if (no_displacement) {
        return;
    }
    if (small) {
        byte(static_cast<std::uint8_t>(rm.displacement));
    } else {
        dword(static_cast<std::uint32_t>(rm.displacement));
    }
}

void Assembler::immediate(Pattern pattern, std::int32_t imm) {
    if (pattern == Pattern::rm_imm8 || pattern == Pattern::reg_rm_imm8) {
        byte(static_cast<std::uint8_t>(imm));
    } else if (pattern == Pattern::rm_imm16) {
        byte(static_cast<std::uint8_t>(imm));
        byte(static_cast<std::uint8_t>(imm >> 8));
    } else {
        dword(static_cast<std::uint32_t>(imm));
    }
}

void Assembler::registers(Op op, Wide wide, Gpr reg, Gpr rm) {
    const Form& row = form(op);
    const bool low_byte = row.rm == Size::byte_ &&
                          (rm >= Gpr::rsp || (row.pattern == Pattern::rm_reg && reg >= Gpr::rsp));
    opcode(row, wide,
           {.reg = number_of(reg), .rm = number_of(rm), .names_byte_register = low_byte});
    operand(number_of(reg), rm);
}

void Assembler::memory(Op op, Wide wide, Gpr reg, Memory rm) {
    const Form& row = form(op);
    const bool low_byte =
        row.rm == Size::byte_ && row.pattern == Pattern::rm_reg && reg >= Gpr::rsp;
    opcode(row, wide,
           {.reg = number_of(reg),
            .rm = number_of(rm.base),
            .index = index_of(rm),
            .names_byte_register = low_byte});
    operand(number_of(reg), rm);
}

void Assembler::one_register(Op op, Wide wide, Gpr rm) {
    const Form& row = form(op);
    opcode(row, wide,
           {.rm = number_of(rm), .names_byte_register = row.rm == Size::byte_ && rm >= Gpr::rsp});
    operand(row.digit, rm);
}

void Assembler::one_memory(Op op, Wide wide, Memory rm) {
    opcode(form(op), wide, {.rm = number_of(rm.base), .index = index_of(rm)});
    operand(form(op).digit, rm);
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
        vex(form(op), wide, {.reg = number_of(reg), .rm = number_of(rm)});
        operand(number_of(reg), rm);
    } else {
        registers(op, wide, reg, rm);
    }
    immediate(form(op).pattern, imm);
}

void Assembler::three_registers(Op op, Wide wide, Gpr reg, Gpr rm, Gpr vvvv) {
    vex(form(op), wide, {.reg = number_of(reg), .rm = number_of(rm), .index = number_of(vvvv)});
    operand(number_of(reg), rm);
}

void Assembler::plus(Op op, Wide wide, Gpr reg) {
    opcode(form(op), wide, {.rm = number_of(reg)});
    bytes_[size_ - 1] = static_cast<std::uint8_t>(bytes_[size_ - 1] | (number_of(reg) & 7U));
}

void Assembler::plain(Op op, Wide wide) { opcode(form(op), wide, {}); }

void Assembler::number(Gpr reg, std::uint64_t number) {
    if (number == 0) {
        registers(Op::xor_, Wide::no, reg, reg);
    } else if (number <= 0xffffffffU) {
        plus(Op::mov_plus_i32, Wide::no, reg);
        dword(static_cast<std::uint32_t>(number));
    } else if (static_cast<std::int64_t>(number) >= INT32_MIN &&
               static_cast<std::int64_t>(number) < 0) {
        register_imm(Op::mov_i32, Wide::yes, reg, static_cast<std::int32_t>(number));
    } else {
        plus(Op::mov_plus_i64, Wide::yes, reg);
        qword(number);
    }
}

void Assembler::reference(Gpr reg, Relocation what) {
    plus(Op::mov_plus_i64, Wide::yes, reg);
    relocations_.push_back({what, here()});
    qword(0);
}

void Assembler::jump(Label target) {
    make_room();
    jumps_.push_back({size_, target, JumpKind::always, Condition::equal, false});
    size_ += kShortJumpBytes;
}

void Assembler::jump_if(Condition condition, Label target) {
    make_room();
    jumps_.push_back({size_, target, JumpKind::conditional, condition, false});
    size_ += kShortJumpBytes;
}

void Assembler::call(Label target) {
    make_room();
    byte(0xe8);
    jumps_.push_back({size_, target, JumpKind::fixed, Condition::equal, false});
    dword(0);
}

void Assembler::address_of(Gpr reg, Label target) {
    opcode(form(Op::lea), Wide::yes, {.reg = number_of(reg)});
    byte(0x05U | ((number_of(reg) & 7U) << 3U)); // rip-relative
    jumps_.push_back({size_, target, JumpKind::fixed, Condition::equal, false});
    dword(0);
}

void Assembler::align() {
    make_room();
    jumps_.push_back({size_, 0, JumpKind::padding, Condition::equal, false});
}

// From the end of the jump to its target, as sizes stand now.
std::int64_t Assembler::distance(const Jump& jump, std::size_t index) const {
    const std::int64_t length = jump.kind == JumpKind::fixed ? 4 : kShortJumpBytes;
    const std::int64_t end = static_cast<std::int64_t>(jump.offset) + length + growth_[index + 1];
    return static_cast<std::int64_t>(settled(labels_[jump.target])) - end;
}

void Assembler::settle_sizes() {
    growth_.assign(jumps_.size() + 1, 0);
    sum_growth(); // padding counts from the beginning
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t i = 0; i < jumps_.size(); ++i) {
            Jump& jump = jumps_[i];
            const bool can_grow =
                jump.kind == JumpKind::always || jump.kind == JumpKind::conditional;
            if (can_grow && !jump.is_long && !fits_int8(distance(jump, i))) {
                jump.is_long = true;
                changed = true;
            }
        }
        sum_growth();
    }
    settle_padding();
}

void Assembler::sum_growth() {
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < jumps_.size(); ++i) {
        total += growth_of(jumps_[i]);
        growth_[i + 1] = total;
    }
}

std::uint32_t Assembler::growth_of(const Jump& jump) {
    if (jump.kind == JumpKind::padding) {
        return kAlignment - 1;
    }
    return !jump.is_long ? 0 : jump.kind == JumpKind::always ? 3 : 4; // 2 to 5, or 2 to 6 bytes
}

void Assembler::settle_padding() {
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < jumps_.size(); ++i) {
        const bool pads = jumps_[i].kind == JumpKind::padding;
        total += pads ? (0U - (jumps_[i].offset + total)) % kAlignment : growth_of(jumps_[i]);
        growth_[i + 1] = total;
    }
}

// The processor's manual recommends these forms of nop, by length.
void Assembler::write_padding(ByteVector& out, std::uint32_t size) {
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
        out.insert(out.end(), kNops[length - 1].begin(), kNops[length - 1].begin() + length);
        size -= length;
    }
}

void Assembler::write_jump(ByteVector& out, const Jump& jump, std::size_t index) const {
    const auto far = static_cast<std::uint32_t>(distance(jump, index));
    const auto cc = static_cast<std::uint32_t>(jump.condition);
    const bool always = jump.kind == JumpKind::always;
    if (!jump.is_long && jump.kind != JumpKind::fixed) {
        out.push_back(static_cast<std::uint8_t>(always ? 0xeb : 0x70 | cc));
        out.push_back(static_cast<std::uint8_t>(far));
        return;
    }
    if (jump.is_long) {
        if (!always) {
            out.push_back(0x0f);
        }
        out.push_back(static_cast<std::uint8_t>(always ? 0xe9 : 0x80 | cc));
    }
    for (unsigned shift = 0; shift < 32; shift += 8) {
        out.push_back(static_cast<std::uint8_t>(far >> shift));
    }
}

void Assembler::finish(Image& image) {
    settle_sizes();
    ByteVector& out = image.code;
    out.clear();
    out.reserve(size_ + growth_.back());
    std::uint32_t copied = 0;
    for (std::size_t i = 0; i < jumps_.size(); ++i) {
        const Jump& jump = jumps_[i];
        out.insert(out.end(), bytes_.begin() + copied, bytes_.begin() + jump.offset);
        copied = jump.offset;
        if (jump.kind == JumpKind::padding) {
            write_padding(out, growth_[i + 1] - growth_[i]);
            continue;
        }
        write_jump(out, jump, i);
        copied = jump.offset + (jump.kind == JumpKind::fixed ? 4U : kShortJumpBytes);
    }
    out.insert(out.end(), bytes_.begin() + copied, bytes_.begin() + size_);
    for (const PendingRelocation& pending : relocations_) {
        image.relocations.push_back(pending.relocation);
        image.relocations.back().offset = settled(pending.mark);
    }
}

} // namespace skep::run::jit::x64
