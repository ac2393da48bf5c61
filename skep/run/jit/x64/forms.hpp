// SPDX-License-Identifier: Apache-2.0
//
// The x86-64 instructions that the code generator knows, one row a form.
//
// Columns:
//   id        the name in code
//   text      the mnemonic in Intel's syntax
//   pattern   which operands there are and in which bits they lie (enum Pattern)
//   rm        how wide the register-or-memory operand is (enum Size)
//   prefix    a byte that comes first, or, for VEX forms, the one that is implied; 0 for none
//   map       which opcode map: one byte, 0f, 0f 38, 0f 3a, or the last two by a VEX prefix
//   opcode    the opcode byte; the low three bits of `plus` patterns are the register
//   digit     the constant in the reg field, where the pattern has no register there
//
// Proved by: forms_test.cpp (every row, with every register and kind of operand, read back by
// llvm-mc).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace skep::run::jit::x64 {

enum class Pattern : std::uint8_t {
    none,
    rm_reg,       // op rm, reg
    reg_rm,       // op reg, rm
    rm,           // op rm
    rm_imm8,      // op rm, imm8
    rm_imm16,     // op rm, imm16
    rm_imm32,     // op rm, imm32 (sign-extended to 64 bits)
    rm_cl,        // op rm, cl
    reg_rm_imm8,  // op reg, rm, imm8
    reg_rm_imm32, // op reg, rm, imm32
    plus,         // op reg, the register in the opcode
    plus_imm32,   // op reg, imm32
    plus_imm64,   // op reg, imm64
    reg_rm_vvvv,  // op reg, rm, vvvv
    reg_vvvv_rm,  // op reg, vvvv, rm
};

enum class Size : std::uint8_t {
    none,
    byte_,
    word_,
    dword_,
    full,    // 32 or 64 bits, as the caller says
    native,  // 64 bits without being told (push, pop, call, jmp)
    no_size, // an address, of nothing in particular (lea)
};

enum class Map : std::uint8_t { one, x0f, vex_0f38, vex_0f3a };

enum class Op : std::uint8_t {
    add,
    or_,
    and_,
    sub,
    xor_,
    cmp,
    test,
    mov,
    mov8,
    mov16,
    xchg,
    add_i8,
    or_i8,
    and_i8,
    sub_i8,
    xor_i8,
    cmp_i8,
    add_i32,
    or_i32,
    and_i32,
    sub_i32,
    xor_i32,
    cmp_i32,
    test_i32,
    mov_i32,
    mov8_i8,
    mov16_i16,
    mov_plus_i32,
    mov_plus_i64,
    load,
    load_zx8,
    load_zx16,
    load_sx8,
    load_sx16,
    load_sx32,
    lea,
    imul,
    imul_i8,
    imul_i32,
    not_,
    neg,
    mul,
    imul_wide,
    div,
    idiv,
    shl_i8,
    shr_i8,
    sar_i8,
    rol_i8,
    ror_i8,
    rol16_i8,
    shl_cl,
    shr_cl,
    sar_cl,
    bswap,
    cdq,
    push,
    pop,
    ret,
    call,
    jmp,
    lock_add,
    lock_or,
    lock_and,
    lock_xor,
    lock_xadd,
    lock_cmpxchg,
    shlx,
    shrx,
    sarx,
    rorx_i8,
    mulx,
    count_,
};

struct Form {
    Op op;
    std::string_view text;
    Pattern pattern;
    Size rm;
    std::uint8_t prefix;
    Map map;
    std::uint8_t opcode;
    std::uint8_t digit;
};

// clang-format off
inline constexpr std::array kForms{
    //   id                 text       pattern                rm            prefix map            opcode digit
    Form{Op::add,          "add",      Pattern::rm_reg,       Size::full,   0,     Map::one,      0x01, 0},
    Form{Op::or_,          "or",       Pattern::rm_reg,       Size::full,   0,     Map::one,      0x09, 0},
    Form{Op::and_,         "and",      Pattern::rm_reg,       Size::full,   0,     Map::one,      0x21, 0},
    Form{Op::sub,          "sub",      Pattern::rm_reg,       Size::full,   0,     Map::one,      0x29, 0},
    Form{Op::xor_,         "xor",      Pattern::rm_reg,       Size::full,   0,     Map::one,      0x31, 0},
    Form{Op::cmp,          "cmp",      Pattern::rm_reg,       Size::full,   0,     Map::one,      0x39, 0},
    Form{Op::test,         "test",     Pattern::rm_reg,       Size::full,   0,     Map::one,      0x85, 0},
    Form{Op::mov,          "mov",      Pattern::rm_reg,       Size::full,   0,     Map::one,      0x89, 0},
    Form{Op::mov8,         "mov",      Pattern::rm_reg,       Size::byte_,  0,     Map::one,      0x88, 0},
    Form{Op::mov16,        "mov",      Pattern::rm_reg,       Size::word_,  0x66,  Map::one,      0x89, 0},
    Form{Op::xchg,         "xchg",     Pattern::rm_reg,       Size::full,   0,     Map::one,      0x87, 0},

    Form{Op::add_i8,       "add",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0x83, 0},
    Form{Op::or_i8,        "or",       Pattern::rm_imm8,      Size::full,   0,     Map::one,      0x83, 1},
    Form{Op::and_i8,       "and",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0x83, 4},
    Form{Op::sub_i8,       "sub",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0x83, 5},
    Form{Op::xor_i8,       "xor",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0x83, 6},
    Form{Op::cmp_i8,       "cmp",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0x83, 7},

    Form{Op::add_i32,      "add",      Pattern::rm_imm32,     Size::full,   0,     Map::one,      0x81, 0},
    Form{Op::or_i32,       "or",       Pattern::rm_imm32,     Size::full,   0,     Map::one,      0x81, 1},
    Form{Op::and_i32,      "and",      Pattern::rm_imm32,     Size::full,   0,     Map::one,      0x81, 4},
    Form{Op::sub_i32,      "sub",      Pattern::rm_imm32,     Size::full,   0,     Map::one,      0x81, 5},
    Form{Op::xor_i32,      "xor",      Pattern::rm_imm32,     Size::full,   0,     Map::one,      0x81, 6},
    Form{Op::cmp_i32,      "cmp",      Pattern::rm_imm32,     Size::full,   0,     Map::one,      0x81, 7},
    Form{Op::test_i32,     "test",     Pattern::rm_imm32,     Size::full,   0,     Map::one,      0xf7, 0},
    Form{Op::mov_i32,      "mov",      Pattern::rm_imm32,     Size::full,   0,     Map::one,      0xc7, 0},
    Form{Op::mov8_i8,      "mov",      Pattern::rm_imm8,      Size::byte_,  0,     Map::one,      0xc6, 0},
    Form{Op::mov16_i16,    "mov",      Pattern::rm_imm16,     Size::word_,  0x66,  Map::one,      0xc7, 0},
    Form{Op::mov_plus_i32, "mov",      Pattern::plus_imm32,   Size::dword_, 0,     Map::one,      0xb8, 0},
    Form{Op::mov_plus_i64, "movabs",   Pattern::plus_imm64,   Size::full,   0,     Map::one,      0xb8, 0},

    Form{Op::load,         "mov",      Pattern::reg_rm,       Size::full,   0,     Map::one,      0x8b, 0},
    Form{Op::load_zx8,     "movzx",    Pattern::reg_rm,       Size::byte_,  0,     Map::x0f,      0xb6, 0},
    Form{Op::load_zx16,    "movzx",    Pattern::reg_rm,       Size::word_,  0,     Map::x0f,      0xb7, 0},
    Form{Op::load_sx8,     "movsx",    Pattern::reg_rm,       Size::byte_,  0,     Map::x0f,      0xbe, 0},
    Form{Op::load_sx16,    "movsx",    Pattern::reg_rm,       Size::word_,  0,     Map::x0f,      0xbf, 0},
    Form{Op::load_sx32,    "movsxd",   Pattern::reg_rm,       Size::dword_, 0,     Map::one,      0x63, 0},
    Form{Op::lea,          "lea",      Pattern::reg_rm,       Size::no_size,0,     Map::one,      0x8d, 0},
    Form{Op::imul,         "imul",     Pattern::reg_rm,       Size::full,   0,     Map::x0f,      0xaf, 0},
    Form{Op::imul_i8,      "imul",     Pattern::reg_rm_imm8,  Size::full,   0,     Map::one,      0x6b, 0},
    Form{Op::imul_i32,     "imul",     Pattern::reg_rm_imm32, Size::full,   0,     Map::one,      0x69, 0},

    Form{Op::not_,         "not",      Pattern::rm,           Size::full,   0,     Map::one,      0xf7, 2},
    Form{Op::neg,          "neg",      Pattern::rm,           Size::full,   0,     Map::one,      0xf7, 3},
    Form{Op::mul,          "mul",      Pattern::rm,           Size::full,   0,     Map::one,      0xf7, 4},
    Form{Op::imul_wide,    "imul",     Pattern::rm,           Size::full,   0,     Map::one,      0xf7, 5},
    Form{Op::div,          "div",      Pattern::rm,           Size::full,   0,     Map::one,      0xf7, 6},
    Form{Op::idiv,         "idiv",     Pattern::rm,           Size::full,   0,     Map::one,      0xf7, 7},

    Form{Op::shl_i8,       "shl",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0xc1, 4},
    Form{Op::shr_i8,       "shr",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0xc1, 5},
    Form{Op::sar_i8,       "sar",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0xc1, 7},
    Form{Op::rol_i8,       "rol",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0xc1, 0},
    Form{Op::ror_i8,       "ror",      Pattern::rm_imm8,      Size::full,   0,     Map::one,      0xc1, 1},
    Form{Op::rol16_i8,     "rol",      Pattern::rm_imm8,      Size::word_,  0x66,  Map::one,      0xc1, 0},
    Form{Op::shl_cl,       "shl",      Pattern::rm_cl,        Size::full,   0,     Map::one,      0xd3, 4},
    Form{Op::shr_cl,       "shr",      Pattern::rm_cl,        Size::full,   0,     Map::one,      0xd3, 5},
    Form{Op::sar_cl,       "sar",      Pattern::rm_cl,        Size::full,   0,     Map::one,      0xd3, 7},

    Form{Op::bswap,        "bswap",    Pattern::plus,         Size::full,   0,     Map::x0f,      0xc8, 0},
    Form{Op::cdq,          "cdq",      Pattern::none,         Size::full,   0,     Map::one,      0x99, 0},
    Form{Op::push,         "push",     Pattern::plus,         Size::native, 0,     Map::one,      0x50, 0},
    Form{Op::pop,          "pop",      Pattern::plus,         Size::native, 0,     Map::one,      0x58, 0},
    Form{Op::ret,          "ret",      Pattern::none,         Size::native, 0,     Map::one,      0xc3, 0},
    Form{Op::call,         "call",     Pattern::rm,           Size::native, 0,     Map::one,      0xff, 2},
    Form{Op::jmp,          "jmp",      Pattern::rm,           Size::native, 0,     Map::one,      0xff, 4},

    Form{Op::lock_add,     "lock add", Pattern::rm_reg,       Size::full,   0xf0,  Map::one,      0x01, 0},
    Form{Op::lock_or,      "lock or",  Pattern::rm_reg,       Size::full,   0xf0,  Map::one,      0x09, 0},
    Form{Op::lock_and,     "lock and", Pattern::rm_reg,       Size::full,   0xf0,  Map::one,      0x21, 0},
    Form{Op::lock_xor,     "lock xor", Pattern::rm_reg,       Size::full,   0xf0,  Map::one,      0x31, 0},
    Form{Op::lock_xadd,    "lock xadd",Pattern::rm_reg,       Size::full,   0xf0,  Map::x0f,      0xc1, 0},
    Form{Op::lock_cmpxchg, "lock cmpxchg",Pattern::rm_reg,    Size::full,   0xf0,  Map::x0f,      0xb1, 0},

    // These need BMI2; the generator asks the machine before it uses them.
    Form{Op::shlx,         "shlx",     Pattern::reg_rm_vvvv,  Size::full,   0x66,  Map::vex_0f38, 0xf7, 0},
    Form{Op::shrx,         "shrx",     Pattern::reg_rm_vvvv,  Size::full,   0xf2,  Map::vex_0f38, 0xf7, 0},
    Form{Op::sarx,         "sarx",     Pattern::reg_rm_vvvv,  Size::full,   0xf3,  Map::vex_0f38, 0xf7, 0},
    Form{Op::rorx_i8,      "rorx",     Pattern::reg_rm_imm8,  Size::full,   0xf2,  Map::vex_0f3a, 0xf0, 0},
    Form{Op::mulx,         "mulx",     Pattern::reg_vvvv_rm,  Size::full,   0xf2,  Map::vex_0f38, 0xf6, 0},
};
// clang-format on

// What of a row stands in the bytes. Apart from its text, since GCC does not look through a table
// that holds pointers in code that can be moved: where the form is a constant, so is all of this.
struct Encoding {
    Pattern pattern;
    Size rm;
    std::uint8_t prefix;
    Map map;
    std::uint8_t opcode;
    std::uint8_t digit;
};
inline constexpr auto kEncodings = [] {
    std::array<Encoding, kForms.size()> encodings{};
    for (std::size_t i = 0; i < kForms.size(); ++i) {
        const Form& row = kForms[i];
        encodings[i] = {row.pattern, row.rm, row.prefix, row.map, row.opcode, row.digit};
    }
    return encodings;
}();

constexpr const Encoding& form(Op op) { return kEncodings[static_cast<std::size_t>(op)]; }

consteval bool forms_stand_in_order() {
    for (std::size_t i = 0; i < kForms.size(); ++i) {
        if (static_cast<std::size_t>(kForms[i].op) != i) {
            return false;
        }
    }
    return kForms.size() == static_cast<std::size_t>(Op::count_);
}
static_assert(forms_stand_in_order());

constexpr bool is_vex(const Encoding& form) {
    return form.map == Map::vex_0f38 || form.map == Map::vex_0f3a;
}

// Conditions as the low four bits of jcc encode them; flipping the lowest bit negates one.
enum class Condition : std::uint8_t {
    below = 2,
    not_below,
    equal,
    not_equal,
    not_above,
    above,
    sign = 8,
    not_sign,
    less = 12,
    not_less,
    not_greater,
    greater,
};
constexpr Condition negated(Condition condition) {
    return static_cast<Condition>(static_cast<std::uint8_t>(condition) ^ 1U);
}

} // namespace skep::run::jit::x64
