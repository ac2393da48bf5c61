// SPDX-License-Identifier: Apache-2.0
//
// The arm64 instructions that the code generator knows, one row a form.
//
// Columns:
//   id        the name in code
//   text      the mnemonic that disassemblers prefer
//   pattern   which operands there are and in which bits they lie (enum Pattern)
//   widening  what makes the 64-bit form of the 32-bit one (enum Widening)
//   bits      the instruction with all operands zero, 32 bits wide where there is a choice
//
// Proved by: forms_test.cpp (every row, with every register and kind of operand, read back by
// llvm-mc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skep::run::jit::arm64 {

// d, n, m, a: the registers in bits 0, 5, 16 and 10; t: a register that is loaded or stored, where
// d would be.
enum class Pattern : std::uint8_t {
    none,
    dn,         // op d, n
    dnm,        // op d, n, m
    dnm_lsl,    // op d, n, m, lsl #number
    dnm_sxtw,   // op d, n, m as a signed word
    dnma,       // op d, n, m, a
    dnma_long,  // op d, n, m, a with n and m 32 bits wide
    dnm_if,     // op d, n, m, condition
    dn_imm12,   // op d, n, #number: below 4096, or a multiple of it below 4096 * 4096
    dn_bitmask, // op d, n, #pattern: number is the 13 bits of bitmask.hpp
    d_imm16,    // op d, #number: 16 bits, and the place to put them (0 to 3) above
    dn_left,    // op d, n, #number
    dn_right,   // the same, encoded another way
    dnn_right,  // op d, n, #number, with n in the place of m too
    memory,     // op t, [...]: one of three ways to address
    t_base,     // op t, [n]
    m_t_base,   // op m, t, [n]
    t_before,   // op t, [n, #number]!
    t_after,    // op t, [n], #number
    pair,       // op t, a, [n, #number]
    pair_before,
    pair_after,
    n,        // op n
    distance, // to a label; the assembler fills it in
};

enum class Widening : std::uint8_t {
    fixed32, // no choice
    fixed64,
    high,   // bit 31
    high_n, // bits 31 and 22
    size,   // bit 30
};

enum class Op : std::uint8_t {
    add,
    sub,
    subs,
    and_,
    ands,
    orr,
    orn,
    eor,
    udiv,
    sdiv,
    lslv,
    lsrv,
    asrv,
    umulh,
    add_lsl,
    add_sxtw,
    madd,
    msub,
    umaddl,
    csel,
    rev16,
    rev32,
    rev64,
    sxtb,
    sxth,
    sxtw,
    uxth,
    add_i,
    sub_i,
    adds_i,
    subs_i,
    and_i,
    ands_i,
    orr_i,
    eor_i,
    movz,
    movn,
    movk,
    lsl_i,
    lsr_i,
    asr_i,
    extr,
    ldrb,
    ldrh,
    ldr32,
    ldr64,
    ldrsb,
    ldrsh,
    ldrsw,
    strb,
    strh,
    str32,
    str64,
    str_before,
    ldr_after,
    stp,
    ldp,
    stp_before,
    ldp_after,
    ldarb,
    ldarh,
    ldar,
    stlrb,
    stlrh,
    stlr,
    ldxr,
    stxr,
    stlxr,
    ldadd,
    ldclr,
    ldeor,
    ldset,
    ldaddal,
    ldclral,
    ldeoral,
    ldsetal,
    swpal,
    casal,
    dmb_ish,
    nop,
    ret,
    blr,
    b,
    bl,
    b_if,
    cbz,
    cbnz,
    tbz,
    tbnz,
    adr,
    count_,
};

struct Form {
    Op op;
    std::string_view text;
    Pattern pattern;
    Widening widening;
    std::uint32_t bits;
};

// clang-format off
inline constexpr std::array kForms{
    //   id               text       pattern               widening         bits
    Form{Op::add,        "add",      Pattern::dnm,         Widening::high,    0x0b000000},
    Form{Op::sub,        "sub",      Pattern::dnm,         Widening::high,    0x4b000000},
    Form{Op::subs,       "subs",     Pattern::dnm,         Widening::high,    0x6b000000},
    Form{Op::and_,       "and",      Pattern::dnm,         Widening::high,    0x0a000000},
    Form{Op::ands,       "ands",     Pattern::dnm,         Widening::high,    0x6a000000},
    Form{Op::orr,        "orr",      Pattern::dnm,         Widening::high,    0x2a000000},
    Form{Op::orn,        "orn",      Pattern::dnm,         Widening::high,    0x2a200000},
    Form{Op::eor,        "eor",      Pattern::dnm,         Widening::high,    0x4a000000},
    Form{Op::udiv,       "udiv",     Pattern::dnm,         Widening::high,    0x1ac00800},
    Form{Op::sdiv,       "sdiv",     Pattern::dnm,         Widening::high,    0x1ac00c00},
    Form{Op::lslv,       "lsl",      Pattern::dnm,         Widening::high,    0x1ac02000},
    Form{Op::lsrv,       "lsr",      Pattern::dnm,         Widening::high,    0x1ac02400},
    Form{Op::asrv,       "asr",      Pattern::dnm,         Widening::high,    0x1ac02800},
    Form{Op::umulh,      "umulh",    Pattern::dnm,         Widening::fixed64, 0x9bc07c00},
    Form{Op::add_lsl,    "add",      Pattern::dnm_lsl,     Widening::high,    0x0b000000},
    Form{Op::add_sxtw,   "add",      Pattern::dnm_sxtw,    Widening::fixed64, 0x8b20c000},
    Form{Op::madd,       "madd",     Pattern::dnma,        Widening::high,    0x1b000000},
    Form{Op::msub,       "msub",     Pattern::dnma,        Widening::high,    0x1b008000},
    Form{Op::umaddl,     "umaddl",   Pattern::dnma_long,   Widening::fixed64, 0x9ba00000},
    Form{Op::csel,       "csel",     Pattern::dnm_if,      Widening::high,    0x1a800000},

    Form{Op::rev16,      "rev16",    Pattern::dn,          Widening::fixed32, 0x5ac00400},
    Form{Op::rev32,      "rev",      Pattern::dn,          Widening::fixed32, 0x5ac00800},
    Form{Op::rev64,      "rev",      Pattern::dn,          Widening::fixed64, 0xdac00c00},
    Form{Op::sxtb,       "sxtb",     Pattern::dn,          Widening::high_n,  0x13001c00},
    Form{Op::sxth,       "sxth",     Pattern::dn,          Widening::high_n,  0x13003c00},
    Form{Op::sxtw,       "sxtw",     Pattern::dn,          Widening::fixed64, 0x93407c00},
    Form{Op::uxth,       "uxth",     Pattern::dn,          Widening::fixed32, 0x53003c00},

    Form{Op::add_i,      "add",      Pattern::dn_imm12,    Widening::high,    0x11000000},
    Form{Op::sub_i,      "sub",      Pattern::dn_imm12,    Widening::high,    0x51000000},
    Form{Op::adds_i,     "adds",     Pattern::dn_imm12,    Widening::high,    0x31000000},
    Form{Op::subs_i,     "subs",     Pattern::dn_imm12,    Widening::high,    0x71000000},
    Form{Op::and_i,      "and",      Pattern::dn_bitmask,  Widening::high,    0x12000000},
    Form{Op::ands_i,     "ands",     Pattern::dn_bitmask,  Widening::high,    0x72000000},
    Form{Op::orr_i,      "orr",      Pattern::dn_bitmask,  Widening::high,    0x32000000},
    Form{Op::eor_i,      "eor",      Pattern::dn_bitmask,  Widening::high,    0x52000000},
    Form{Op::movz,       "movz",     Pattern::d_imm16,     Widening::high,    0x52800000},
    Form{Op::movn,       "movn",     Pattern::d_imm16,     Widening::high,    0x12800000},
    Form{Op::movk,       "movk",     Pattern::d_imm16,     Widening::high,    0x72800000},
    Form{Op::lsl_i,      "lsl",      Pattern::dn_left,     Widening::high_n,  0x53000000},
    Form{Op::lsr_i,      "lsr",      Pattern::dn_right,    Widening::high_n,  0x53000000},
    Form{Op::asr_i,      "asr",      Pattern::dn_right,    Widening::high_n,  0x13000000},
    Form{Op::extr,       "ror",      Pattern::dnn_right,   Widening::high_n,  0x13800000},

    // The bits are those of the form with an unscaled displacement.
    Form{Op::ldrb,       "ldrb",     Pattern::memory,      Widening::fixed32, 0x38400000},
    Form{Op::ldrh,       "ldrh",     Pattern::memory,      Widening::fixed32, 0x78400000},
    Form{Op::ldr32,      "ldr",      Pattern::memory,      Widening::fixed32, 0xb8400000},
    Form{Op::ldr64,      "ldr",      Pattern::memory,      Widening::fixed64, 0xf8400000},
    Form{Op::ldrsb,      "ldrsb",    Pattern::memory,      Widening::fixed64, 0x38800000},
    Form{Op::ldrsh,      "ldrsh",    Pattern::memory,      Widening::fixed64, 0x78800000},
    Form{Op::ldrsw,      "ldrsw",    Pattern::memory,      Widening::fixed64, 0xb8800000},
    Form{Op::strb,       "strb",     Pattern::memory,      Widening::fixed32, 0x38000000},
    Form{Op::strh,       "strh",     Pattern::memory,      Widening::fixed32, 0x78000000},
    Form{Op::str32,      "str",      Pattern::memory,      Widening::fixed32, 0xb8000000},
    Form{Op::str64,      "str",      Pattern::memory,      Widening::fixed64, 0xf8000000},
    Form{Op::str_before, "str",      Pattern::t_before,    Widening::fixed64, 0xf8000c00},
    Form{Op::ldr_after,  "ldr",      Pattern::t_after,     Widening::fixed64, 0xf8400400},
    Form{Op::stp,        "stp",      Pattern::pair,        Widening::fixed64, 0xa9000000},
    Form{Op::ldp,        "ldp",      Pattern::pair,        Widening::fixed64, 0xa9400000},
    Form{Op::stp_before, "stp",      Pattern::pair_before, Widening::fixed64, 0xa9800000},
    Form{Op::ldp_after,  "ldp",      Pattern::pair_after,  Widening::fixed64, 0xa8c00000},

    Form{Op::ldarb,      "ldarb",    Pattern::t_base,      Widening::fixed32, 0x08dffc00},
    Form{Op::ldarh,      "ldarh",    Pattern::t_base,      Widening::fixed32, 0x48dffc00},
    Form{Op::ldar,       "ldar",     Pattern::t_base,      Widening::size,    0x88dffc00},
    Form{Op::stlrb,      "stlrb",    Pattern::t_base,      Widening::fixed32, 0x089ffc00},
    Form{Op::stlrh,      "stlrh",    Pattern::t_base,      Widening::fixed32, 0x489ffc00},
    Form{Op::stlr,       "stlr",     Pattern::t_base,      Widening::size,    0x889ffc00},
    Form{Op::ldxr,       "ldxr",     Pattern::t_base,      Widening::size,    0x885f7c00},
    Form{Op::stxr,       "stxr",     Pattern::m_t_base,    Widening::size,    0x88007c00},
    Form{Op::stlxr,      "stlxr",    Pattern::m_t_base,    Widening::size,    0x8800fc00},
    // These need the large system extensions; the generator asks the machine before it uses them.
    Form{Op::ldadd,      "ldadd",    Pattern::m_t_base,    Widening::size,    0xb8200000},
    Form{Op::ldclr,      "ldclr",    Pattern::m_t_base,    Widening::size,    0xb8201000},
    Form{Op::ldeor,      "ldeor",    Pattern::m_t_base,    Widening::size,    0xb8202000},
    Form{Op::ldset,      "ldset",    Pattern::m_t_base,    Widening::size,    0xb8203000},
    Form{Op::ldaddal,    "ldaddal",  Pattern::m_t_base,    Widening::size,    0xb8e00000},
    Form{Op::ldclral,    "ldclral",  Pattern::m_t_base,    Widening::size,    0xb8e01000},
    Form{Op::ldeoral,    "ldeoral",  Pattern::m_t_base,    Widening::size,    0xb8e02000},
    Form{Op::ldsetal,    "ldsetal",  Pattern::m_t_base,    Widening::size,    0xb8e03000},
    Form{Op::swpal,      "swpal",    Pattern::m_t_base,    Widening::size,    0xb8e08000},
    Form{Op::casal,      "casal",    Pattern::m_t_base,    Widening::size,    0x88e0fc00},
    Form{Op::dmb_ish,    "dmb ish",  Pattern::none,        Widening::fixed32, 0xd5033bbf},

    Form{Op::nop,        "nop",      Pattern::none,        Widening::fixed32, 0xd503201f},
    Form{Op::ret,        "ret",      Pattern::none,        Widening::fixed32, 0xd65f03c0},
    Form{Op::blr,        "blr",      Pattern::n,           Widening::fixed64, 0xd63f0000},
    Form{Op::b,          "b",        Pattern::distance,    Widening::fixed32, 0x14000000},
    Form{Op::bl,         "bl",       Pattern::distance,    Widening::fixed32, 0x94000000},
    Form{Op::b_if,       "b.",       Pattern::distance,    Widening::fixed32, 0x54000000},
    Form{Op::cbz,        "cbz",      Pattern::distance,    Widening::high,    0x34000000},
    Form{Op::cbnz,       "cbnz",     Pattern::distance,    Widening::high,    0x35000000},
    Form{Op::tbz,        "tbz",      Pattern::distance,    Widening::fixed64, 0x36000000},
    Form{Op::tbnz,       "tbnz",     Pattern::distance,    Widening::fixed64, 0x37000000},
    Form{Op::adr,        "adr",      Pattern::distance,    Widening::fixed64, 0x10000000},
};
// clang-format on

constexpr const Form& form(Op op) { return kForms[static_cast<std::size_t>(op)]; }

consteval bool forms_stand_in_order() {
    for (std::size_t i = 0; i < kForms.size(); ++i) {
        if (static_cast<std::size_t>(kForms[i].op) != i) {
            return false;
        }
    }
    return kForms.size() == static_cast<std::size_t>(Op::count_);
}
static_assert(forms_stand_in_order());

// Conditions as they are encoded; flipping the lowest bit negates one.
enum class Condition : std::uint8_t {
    equal,
    not_equal,
    not_below,
    below,
    above = 8,
    not_above,
    not_less,
    less,
    greater,
    not_greater,
};
constexpr Condition negated(Condition condition) {
    return static_cast<Condition>(static_cast<std::uint8_t>(condition) ^ 1U);
}

} // namespace skep::run::jit::arm64
