// SPDX-License-Identifier: Apache-2.0
//
// The instruction set as a table: what RFC 9669 and the Linux additions say, as rows.
//
// Columns of instructions.def:
//   id        the name in code (a trailing _ avoids a C++ keyword)
//   code      the operation bits of the opcode (its upper four bits)
//   off       the value of the offset field that selects this operation, or for byte-order
//             operations the immediate that gives the width
//   operand   which operands there are and where they may come from (enum Operand)
//   text      the name in assembly; symbol: the operator in bpftool's and llvm-objdump's dialect
//   group     the conformance group of RFC 9669 (its 64-bit form is in base64, divmul64, atomic64;
//             its 32-bit form in base32, divmul32, atomic32)
//   since     the Linux version that first took it
//   meaning   what it computes, over a word type that the reader of the table chooses (word.hpp)
//   says      the same in words
//
// Loads, stores, calls and exits have no operation of their own in RFC 9669 beyond class, mode and
// size; they are kinds of bytecode/insn.hpp.
//
// Proved by: instructions_test.cpp (laws of the table), tests/conformance (every engine).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "skep/spec/word.hpp"

namespace skep::spec {

// The low three bits of an opcode (RFC 9669, 3.1).
enum class InsnClass : std::uint8_t {
    ld = 0,
    ldx = 1,
    st = 2,
    stx = 3,
    alu = 4,
    jmp = 5,
    jmp32 = 6,
    alu64 = 7
};

// The upper three bits of the opcode of a load or store (RFC 9669, 5).
enum class Mode : std::uint8_t {
    imm = 0x00,
    abs = 0x20,
    ind = 0x40,
    mem = 0x60,
    memsx = 0x80,
    probe_mem = 0xa0,
    atomic = 0xc0
};

enum class Operand : std::uint8_t {
    binary,     // dst and an immediate or a register
    unary,      // dst alone
    register_,  // dst and a register, no immediate form
    register64, // the same, only in the 64-bit class
    order_le,   // dst alone; the immediate is the width
    order_be,
    order_swap,
};

enum class Group : std::uint8_t { base, divmul, atomic, packet };
// What an atomic operation does besides storing: nothing, hand back the value before, or only load.
enum class AtomicForm : std::uint8_t { update, fetch, load, store };

enum class AluOp : std::uint8_t {
#define ALU(id, ...) id,
#include "skep/spec/instructions.def"
};
enum class JumpOp : std::uint8_t {
#define JUMP(id, ...) id,
#include "skep/spec/instructions.def"
};
enum class AtomicOp : std::uint8_t {
#define ATOMIC(id, ...) id,
#include "skep/spec/instructions.def"
};
// What a 64-bit immediate stands for: the source register field of ld_imm64.
enum class WideSource : std::uint8_t {
#define WIDE(id, ...) id,
#include "skep/spec/instructions.def"
};

struct AluRow {
    AluOp op;
    std::uint8_t code;
    std::uint8_t selector; // offset field, or width for byte-order operations
    Operand operand;
    std::string_view text;
    std::string_view symbol;
    Group group;
    std::string_view since;
    std::string_view meaning;
    std::string_view says;
};
struct JumpRow {
    JumpOp op;
    std::uint8_t code;
    std::string_view text;
    std::string_view symbol;
    Group group;
    std::string_view since;
    std::string_view meaning;
    std::string_view says;
};
struct AtomicRow {
    AtomicOp op;
    std::int32_t imm;
    std::string_view text;
    std::string_view symbol;
    AtomicForm form;
    Group group;
    std::string_view since;
    std::string_view meaning;
    std::string_view says;
};
struct WideRow {
    WideSource source;
    std::uint8_t src;
    std::string_view text;
    std::string_view since;
    std::string_view says;
};

inline constexpr std::array kAluRows{
#define ALU(id, code, off, operand, text, symbol, group, since, meaning, says)                     \
    AluRow{AluOp::id, code,         off,   Operand::operand, text,                                 \
           symbol,    Group::group, since, #meaning,         says},
#include "skep/spec/instructions.def"
};
inline constexpr std::array kJumpRows{
#define JUMP(id, code, text, symbol, group, since, meaning, says)                                  \
    JumpRow{JumpOp::id, code, text, symbol, Group::group, since, #meaning, says},
#include "skep/spec/instructions.def"
};
inline constexpr std::array kAtomicRows{
#define ATOMIC(id, imm, text, symbol, form, group, since, meaning, says)                           \
    AtomicRow{AtomicOp::id, imm,   text,     symbol, AtomicForm::form,                             \
              Group::group, since, #meaning, says},
#include "skep/spec/instructions.def"
};
inline constexpr std::array kWideRows{
#define WIDE(id, src, text, since, says) WideRow{WideSource::id, src, text, since, says},
#include "skep/spec/instructions.def"
};

constexpr const AluRow& row(AluOp op) { return kAluRows.at(static_cast<std::size_t>(op)); }
constexpr const JumpRow& row(JumpOp op) { return kJumpRows.at(static_cast<std::size_t>(op)); }
constexpr const AtomicRow& row(AtomicOp op) { return kAtomicRows.at(static_cast<std::size_t>(op)); }
constexpr const WideRow& row(WideSource source) {
    return kWideRows.at(static_cast<std::size_t>(source));
}

// What an operation computes. For a 32-bit operation the word has 32 bits and the caller clears the
// upper half of the register (RFC 9669, 4.1).
template <AluOp op, class Word>
constexpr Word apply([[maybe_unused]] Word dst, [[maybe_unused]] Word src) {
    using namespace skep::word;
#define ALU(id, code, off, operand, text, symbol, group, since, meaning, says)                     \
    if constexpr (op == AluOp::id) {                                                               \
        return static_cast<Word>(meaning);                                                         \
    }
#include "skep/spec/instructions.def"
}

// Whether a conditional jump is taken.
template <JumpOp op, class Word>
constexpr auto taken(Word dst, Word src) {
    using namespace skep::word;
#define JUMP(id, code, text, symbol, group, since, meaning, says)                                  \
    if constexpr (op == JumpOp::id) {                                                              \
        return meaning;                                                                            \
    }
#include "skep/spec/instructions.def"
}

// What an atomic operation leaves in memory.
template <AtomicOp op, class Word>
constexpr Word stored([[maybe_unused]] Word mem, [[maybe_unused]] Word src,
                      [[maybe_unused]] Word r0) {
    using namespace skep::word;
#define ATOMIC(id, imm, text, symbol, form, group, since, meaning, says)                           \
    if constexpr (op == AtomicOp::id) {                                                            \
        return static_cast<Word>(meaning);                                                         \
    }
#include "skep/spec/instructions.def"
}

// The same by a value known only at run time; for constant folding and tests, not for engines.
template <class Word>
constexpr Word apply(AluOp op, Word dst, Word src) {
    switch (op) {
#define ALU(id, ...)                                                                               \
    case AluOp::id:                                                                                \
        return apply<AluOp::id>(dst, src);
#include "skep/spec/instructions.def"
    }
    return dst;
}
template <class Word>
constexpr bool taken(JumpOp op, Word dst, Word src) {
    switch (op) {
#define JUMP(id, ...)                                                                              \
    case JumpOp::id:                                                                               \
        return taken<JumpOp::id>(dst, src);
#include "skep/spec/instructions.def"
    }
    return false;
}
template <class Word>
constexpr Word stored(AtomicOp op, Word mem, Word src, Word r0) {
    switch (op) {
#define ATOMIC(id, ...)                                                                            \
    case AtomicOp::id:                                                                             \
        return stored<AtomicOp::id>(mem, src, r0);
#include "skep/spec/instructions.def"
    }
    return mem;
}

static_assert(apply<AluOp::div, std::uint64_t>(7, 0) == 0);
static_assert(apply<AluOp::mod, std::uint64_t>(7, 0) == 7);
static_assert(apply<AluOp::sdiv, std::uint32_t>(0x80000000U, 0xffffffffU) == 0x80000000U);
static_assert(apply<AluOp::smod, std::uint32_t>(0xfffffff9U, 2) == 0xffffffffU);

} // namespace skep::spec
