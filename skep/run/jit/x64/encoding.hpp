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
//
// An instruction up to a short displacement never exceeds eight bytes, so it is put together in a
// register, from the back: what may or may not come first is then a shift and no branch. All of it
// is inlined where it is used, where the form is a constant nearly always: little more than the
// operands' bits is left to be computed.
//
// Proved by: forms_test.cpp.
#pragma once

#include <cstdint>

#include "skep/run/jit/targets/operand.hpp"
#include "skep/run/jit/x64/forms.hpp"
#include "skep/run/jit/x64/registers.hpp"

namespace skep::run::jit::x64 {

constexpr bool fits_int8(std::int64_t number) { return number >= -128 && number <= 127; }

// The beginning of an instruction, or all of it: the first byte lowest.
struct Head {
    std::uint64_t bytes = 0;
    std::uint32_t size = 0;
};

struct Fields { // register numbers as they are encoded
    std::uint8_t reg = 0;
    std::uint8_t rm = 0;              // or the base of a memory operand
    std::uint8_t index = 0;           // or vvvv
    bool names_byte_register = false; // one that is another register without REX
};

[[gnu::always_inline]] inline void put_behind(Head& head, std::uint32_t byte) {
    head.bytes |= std::uint64_t{byte & 0xffU} << 8 * head.size;
    ++head.size;
}
[[gnu::always_inline]] inline void put_before(Head& head, std::uint32_t byte) {
    head.bytes = head.bytes << 8 | byte;
    ++head.size;
}

// Precondition: no VEX form.
[[gnu::always_inline]] inline Head opcode_of(const Encoding& form) {
    return form.map == Map::x0f ? Head{0x0fU | std::uint32_t{form.opcode} << 8U, 2}
                                : Head{form.opcode, 1};
}

// Puts REX and prefix before the rest.
[[gnu::always_inline]] inline void put_prefixes(Head& head, const Encoding& form, Wide wide,
                                                Fields fields) {
    const bool asks_for_width = form.rm != Size::native && wide == Wide::yes;
    const std::uint32_t rex = (asks_for_width ? 8U : 0U) | (std::uint32_t{fields.reg} >> 3U << 2U) |
                              (std::uint32_t{fields.index} >> 3U << 1U) |
                              std::uint32_t{fields.rm} >> 3U;
    const bool is_needed = rex != 0 || fields.names_byte_register;
    head.bytes = head.bytes << (is_needed ? 8U : 0U) | (is_needed ? rex | 0x40U : 0U);
    head.size += is_needed ? 1U : 0U;
    if (form.prefix != 0) {
        put_before(head, form.prefix);
    }
}

// The three bytes of a VEX prefix, and the opcode. Precondition: a VEX form.
[[gnu::always_inline]] inline Head vex(const Encoding& form, Wide wide, Fields fields) {
    const std::uint32_t implied = form.prefix == 0x66   ? 1
                                  : form.prefix == 0xf3 ? 2
                                  : form.prefix == 0xf2 ? 3
                                                        : 0;
    const std::uint32_t map = (fields.reg < 8 ? 0x80U : 0U) | 0x40U | (fields.rm < 8 ? 0x20U : 0U) |
                              (form.map == Map::vex_0f38 ? 2U : 3U);
    const std::uint32_t operand = (wide == Wide::yes ? 0x80U : 0U) |
                                  ((~static_cast<std::uint32_t>(fields.index) & 15U) << 3U) |
                                  implied;
    return {0xc4U | map << 8U | operand << 16U | std::uint32_t{form.opcode} << 24U, 4};
}

[[gnu::always_inline]] inline std::uint32_t mod_rm(std::uint32_t mode, std::uint8_t reg,
                                                   std::uint32_t rm) {
    return mode << 6U | (reg & 7U) << 3U | (rm & 7U);
}

constexpr std::uint8_t index_of(Memory memory) {
    return memory.has_index() ? number_of(memory.index) : std::uint8_t{0};
}

// A base of rbp or r13 without displacement is encoded as something else: it needs a zero.
constexpr bool has_displacement(Memory memory) {
    return memory.displacement != 0 || (number_of(memory.base) & 7U) == number_of(Gpr::rbp);
}
constexpr bool has_long_displacement(Memory memory) { return !fits_int8(memory.displacement); }

// ModRM, SIB and a short displacement.
[[gnu::always_inline]] inline void put_operand(Head& head, std::uint8_t reg, Memory rm) {
    constexpr std::uint32_t kSib = 4; // in place of a base
    const std::uint32_t base = number_of(rm.base) & 7U;
    const bool is_long = has_long_displacement(rm);
    const bool is_short = has_displacement(rm) && !is_long;
    const std::uint32_t mode = is_long ? 2U : is_short ? 1U : 0U;
    const bool needs_sib = rm.has_index() || base == number_of(Gpr::rsp);
    put_behind(head, mod_rm(mode, reg, needs_sib ? kSib : base));
    if (needs_sib) { // an index of rsp means none
        put_behind(head, std::uint32_t{rm.scale} << 6U | (number_of(rm.index) & 7U) << 3U | base);
    }
    if (is_short) {
        put_behind(head, static_cast<std::uint32_t>(rm.displacement));
    }
}

// With a register as ModRM's operand; `reg` is a register or the form's digit.
[[gnu::always_inline]] inline Head encoded(const Encoding& form, Wide wide, Fields fields) {
    Head head = opcode_of(form);
    put_behind(head, mod_rm(3, fields.reg, fields.rm));
    put_prefixes(head, form, wide, fields);
    return head;
}

// With memory, up to a short displacement.
[[gnu::always_inline]] inline Head encoded(const Encoding& form, Wide wide, std::uint8_t reg,
                                           Memory rm) {
    const bool low_byte =
        form.rm == Size::byte_ && form.pattern == Pattern::rm_reg && reg >= number_of(Gpr::rsp);
    Head head = opcode_of(form);
    put_operand(head, reg, rm);
    put_prefixes(head, form, wide,
                 {.reg = reg,
                  .rm = number_of(rm.base),
                  .index = index_of(rm),
                  .names_byte_register = low_byte});
    return head;
}

// How many bytes of an immediate the pattern has.
constexpr std::uint32_t immediate_bytes(Pattern pattern) {
    return pattern == Pattern::rm_imm8 || pattern == Pattern::reg_rm_imm8 ? 1
           : pattern == Pattern::rm_imm16                                 ? 2
                                                                          : 4;
}

} // namespace skep::run::jit::x64
