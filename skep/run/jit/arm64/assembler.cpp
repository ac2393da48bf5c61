// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/arm64/assembler.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "skep/base/result.hpp"
#include "skep/run/jit/arm64/bitmask.hpp"

namespace skep::run::jit::arm64 {
namespace {

constexpr std::uint32_t kHigh = 1U << 31;
constexpr std::uint32_t kN = 1U << 22;
constexpr std::uint32_t kTurnsCondition = 1U << 24; // cbz and cbnz, tbz and tbnz

std::uint32_t bits_of(const Form& form, Wide wide) {
    if (wide == Wide::no) {
        return form.bits;
    }
    switch (form.widening) {
    case Widening::fixed32:
    case Widening::fixed64:
        return form.bits;
    case Widening::high:
        return form.bits | kHigh;
    case Widening::high_n:
        return form.bits | kHigh | kN;
    case Widening::size:
        return form.bits | 1U << 30;
    }
    return form.bits;
}

// A field of two's complement.
std::uint32_t field(std::int64_t number, unsigned bits, unsigned place) {
    return (static_cast<std::uint32_t>(number) & ((1U << bits) - 1)) << place;
}

bool fits_signed(std::int64_t number, unsigned bits) {
    return number >= -(std::int64_t{1} << (bits - 1)) && number < std::int64_t{1} << (bits - 1);
}

// The number of an instruction, in its place.
std::uint32_t number_field(Pattern pattern, Wide wide, std::int32_t number) {
    const std::int32_t width = wide == Wide::yes ? 64 : 32;
    switch (pattern) {
    case Pattern::dnm_lsl:
    case Pattern::dnn_right:
    case Pattern::dn_bitmask:
        return static_cast<std::uint32_t>(number) << 10;
    case Pattern::dnm_if:
        return static_cast<std::uint32_t>(number) << 12;
    case Pattern::dn_imm12:
        return number < 4096 ? static_cast<std::uint32_t>(number) << 10
                             : 1U << 22 | static_cast<std::uint32_t>(number / 4096) << 10;
    case Pattern::d_imm16:
        return static_cast<std::uint32_t>(number) << 5;
    case Pattern::dn_left:
        return field((width - number) % width, 6, 16) | field(width - 1 - number, 6, 10);
    case Pattern::dn_right:
        return field(number, 6, 16) | field(width - 1, 6, 10);
    case Pattern::t_before:
    case Pattern::t_after:
        return field(number, 9, 12);
    case Pattern::pair:
    case Pattern::pair_before:
    case Pattern::pair_after:
        return field(number / 8, 7, 15);
    case Pattern::none:
    case Pattern::dn:
    case Pattern::dnm:
    case Pattern::dnm_sxtw:
    case Pattern::dnma:
    case Pattern::dnma_long:
    case Pattern::memory:
    case Pattern::t_base:
    case Pattern::m_t_base:
    case Pattern::n:
    case Pattern::distance:
        return 0;
    }
    return 0;
}

// The registers of an instruction, in their places.
std::uint32_t register_fields(Pattern pattern, Operands operands) {
    const std::uint32_t d = number_of(operands.d);
    const std::uint32_t n = number_of(operands.n) << 5;
    const std::uint32_t m = number_of(operands.m) << 16;
    const std::uint32_t a = number_of(operands.a) << 10;
    switch (pattern) {
    case Pattern::none:
    case Pattern::distance:
        return 0;
    case Pattern::n:
        return n;
    case Pattern::d_imm16:
        return d;
    case Pattern::dn:
    case Pattern::dn_imm12:
    case Pattern::dn_bitmask:
    case Pattern::dn_left:
    case Pattern::dn_right:
    case Pattern::memory:
    case Pattern::t_base:
    case Pattern::t_before:
    case Pattern::t_after:
        return d | n;
    case Pattern::dnm:
    case Pattern::dnm_lsl:
    case Pattern::dnm_sxtw:
    case Pattern::dnm_if:
    case Pattern::m_t_base:
        return d | n | m;
    case Pattern::dnma:
    case Pattern::dnma_long:
        return d | n | m | a;
    case Pattern::dnn_right:
        return d | n | number_of(operands.n) << 16;
    case Pattern::pair:
    case Pattern::pair_before:
    case Pattern::pair_after:
        return d | n | a;
    }
    return 0;
}

// A load or store moves 1, 2, 4 or 8 bytes; the two highest bits say which.
unsigned size_log(Op op) { return form(op).bits >> 30; }

bool is_scaled(Op op, std::int32_t displacement) {
    const std::int32_t size = 1 << size_log(op);
    return displacement >= 0 && displacement % size == 0 && displacement / size < 4096;
}

} // namespace

Assembler::Assembler(std::size_t expected_words, std::size_t label_count,
                     std::pmr::memory_resource* memory)
    : words_(memory), places_(label_count, memory), relocations_(memory) {
    words_.reserve(expected_words);
}

void Assembler::say(Op op, Wide wide, Operands operands) {
    const Form& row = form(op);
    word(bits_of(row, wide) | register_fields(row.pattern, operands) |
         number_field(row.pattern, wide, operands.number));
}

bool Assembler::addresses_directly(Op op, Memory memory) {
    return memory.has_index()
               ? memory.displacement == 0
               : is_scaled(op, memory.displacement) || fits_signed(memory.displacement, 9);
}

void Assembler::memory(Op op, Gpr reg, Memory memory) {
    constexpr std::uint32_t kScaled = 1U << 24;
    constexpr std::uint32_t kIndexed = 0x00206800; // by a whole register, not shifted
    SKEP_ASSERT(addresses_directly(op, memory));
    const std::uint32_t bits = form(op).bits | number_of(reg) | number_of(memory.base) << 5;
    if (memory.has_index()) {
        word(bits | kIndexed | number_of(memory.index) << 16);
    } else if (is_scaled(op, memory.displacement)) {
        word(bits | kScaled | field(memory.displacement >> size_log(op), 12, 10));
    } else {
        word(bits | field(memory.displacement, 9, 12));
    }
}

void Assembler::move_wide(Op op, Gpr reg, std::uint32_t part, std::uint32_t place) {
    say(op, Wide::yes, {.d = reg, .number = static_cast<std::int32_t>(place << 16 | part)});
}

// Sixteen bits a word, beginning with all zeros or all ones, whichever leaves less to do; or one
// word for a number that a logical instruction can hold.
void Assembler::number(Gpr reg, std::uint64_t number) {
    std::array<std::uint32_t, 4> parts{};
    std::uint32_t zeros = 0;
    std::uint32_t ones = 0;
    for (std::uint32_t i = 0; i < parts.size(); ++i) {
        parts[i] = static_cast<std::uint32_t>(number >> (16 * i)) & 0xffffU;
        zeros += parts[i] == 0 ? 1 : 0;
        ones += parts[i] == 0xffff ? 1 : 0;
    }
    if (zeros < 3 && ones < 3) {
        if (const auto mask = bitmask_of(number)) {
            return say(Op::orr_i, Wide::yes,
                       {.d = reg, .n = kZero, .number = static_cast<std::int32_t>(*mask)});
        }
    }
    for (std::uint32_t i = 0; i < parts.size() && zeros < 2 && ones < 2; ++i) {
        // A number of that kind in all places but one, as reciprocals often are.
        const std::uint64_t other = std::uint64_t{parts[(i + 2) % 4]} << (16 * i);
        const std::uint64_t place = std::uint64_t{0xffff} << (16 * i);
        if (const auto mask = bitmask_of((number & ~place) | other)) {
            say(Op::orr_i, Wide::yes,
                {.d = reg, .n = kZero, .number = static_cast<std::int32_t>(*mask)});
            return move_wide(Op::movk, reg, parts[i], i);
        }
    }
    const bool from_ones = ones > zeros;
    const std::uint32_t left_alone = from_ones ? 0xffff : 0;
    const Op first = from_ones ? Op::movn : Op::movz;
    if (zeros == 4 || ones == 4) {
        return move_wide(first, reg, 0, 0);
    }
    bool begun = false;
    for (std::uint32_t i = 0; i < parts.size(); ++i) {
        if (parts[i] == left_alone) {
            continue;
        }
        const std::uint32_t part = !begun && from_ones ? parts[i] ^ 0xffffU : parts[i];
        move_wide(begun ? Op::movk : first, reg, part, i);
        begun = true;
    }
}

void Assembler::reference(Gpr reg, Relocation what) {
    relocations_.push_back({what, here()});
    move_wide(Op::movz, reg, 0, 0);
    for (std::uint32_t place = 1; place < 4; ++place) {
        move_wide(Op::movk, reg, 0, place);
    }
}

void Assembler::add_jump(JumpKind kind, std::uint32_t bits, Label target) {
    places_.add({{.offset = size(), .target = target}, bits, kind});
    word(0);
}

void Assembler::jump(Label target) { add_jump(JumpKind::always, form(Op::b).bits, target); }

void Assembler::call(Label target) { add_jump(JumpKind::always, form(Op::bl).bits, target); }

void Assembler::jump_if(Condition condition, Label target) {
    add_jump(JumpKind::conditional, form(Op::b_if).bits | static_cast<std::uint32_t>(condition),
             target);
}

void Assembler::jump_if_zero(Op op, Wide wide, Gpr reg, Label target) {
    add_jump(JumpKind::conditional, bits_of(form(op), wide) | number_of(reg), target);
}

void Assembler::jump_if_bit(Op op, Gpr reg, std::uint8_t bit, Label target) {
    const std::uint32_t place = (bit & 32U) != 0 ? kHigh : 0;
    add_jump(JumpKind::bit_test, form(op).bits | place | (bit & 31U) << 19 | number_of(reg),
             target);
}

void Assembler::address_of(Gpr reg, Label target) {
    add_jump(JumpKind::address, form(Op::adr).bits | number_of(reg), target);
}

void Assembler::align() {
    places_.add({{.offset = size(), .growth = kAlignment - 1}, 0, JumpKind::padding});
}

bool Assembler::Jump::reaches(std::int64_t distance) const {
    switch (kind) {
    case JumpKind::conditional:
    case JumpKind::address: // 21 bits of bytes
        return fits_signed(distance, 19);
    case JumpKind::bit_test:
        return fits_signed(distance, 14);
    case JumpKind::always:
    case JumpKind::padding:
        return true;
    }
    return true;
}

void Assembler::write_jump(WorkList<std::uint32_t>& out, const Jump& jump,
                           std::size_t index) const {
    const bool is_long = jump.growth != 0;
    const std::int64_t far = places_.distance(jump, index) + jump.growth; // from its first word
    if (jump.kind == JumpKind::always) {
        out.push_back(jump.bits | field(far, 26, 0));
    } else if (jump.kind == JumpKind::address && !is_long) {
        out.push_back(jump.bits | field(far, 19, 5)); // the two low bits, of bytes, are zero
    } else if (jump.kind == JumpKind::address) {
        const auto bytes = static_cast<std::uint32_t>(far * kWordBytes);
        const std::uint32_t scratch = number_of(kScratch);
        const std::uint32_t reg = jump.bits & 31U;
        out.push_back(jump.bits);
        out.push_back(form(Op::movz).bits | scratch | (bytes & 0xffffU) << 5);
        out.push_back(form(Op::movk).bits | scratch | 1U << 21 | bytes >> 16 << 5);
        out.push_back(form(Op::add_sxtw).bits | reg | reg << 5 | scratch << 16);
    } else if (!is_long) {
        const unsigned width = jump.kind == JumpKind::bit_test ? 14 : 19;
        out.push_back(jump.bits | field(far, width, 5));
    } else {
        const bool has_flags = (jump.bits & 0xff000000U) == form(Op::b_if).bits;
        out.push_back((jump.bits ^ (has_flags ? 1U : kTurnsCondition)) | 2U << 5);
        out.push_back(form(Op::b).bits | field(far - 1, 26, 0));
    }
}

void Assembler::finish(Image& image) {
    const std::span<const Jump> jumps = places_.jumps();
    places_.settle(kAlignment);
    WorkList<std::uint32_t> out(words_.get_allocator());
    out.reserve(words_.size() + places_.growth_before(jumps.size()));
    std::uint32_t copied = 0;
    for (std::size_t i = 0; i < jumps.size(); ++i) {
        const Jump& jump = jumps[i];
        out.insert(out.end(), words_.begin() + copied, words_.begin() + jump.offset);
        copied = jump.offset;
        if (jump.pads()) {
            out.insert(out.end(), jump.growth, form(Op::nop).bits);
        } else {
            write_jump(out, jump, i);
            copied = jump.offset + 1;
        }
    }
    out.insert(out.end(), words_.begin() + copied, words_.end());
    image.code.resize(out.size() * kWordBytes);
    for (std::size_t i = 0; i < out.size(); ++i) { // little-endian, wherever this runs
        for (std::uint32_t byte = 0; byte < kWordBytes; ++byte) {
            image.code[i * kWordBytes + byte] = static_cast<std::uint8_t>(out[i] >> (8 * byte));
        }
    }
    for (const PendingRelocation& pending : relocations_) {
        image.relocations.push_back(pending.relocation);
        image.relocations.back().offset = settled(pending.mark);
    }
}

} // namespace skep::run::jit::arm64
