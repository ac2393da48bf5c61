// SPDX-License-Identifier: Apache-2.0
//
// One instruction, in two forms.
//
// RawInsn is what files, bpf(2) and the kernel exchange: eight bytes.
//
//   0        1         2              4                        8
//   ┌────────┬────┬────┬──────────────┬────────────────────────┐
//   │ opcode │dst │src │   offset     │       immediate        │
//   │   8    │ 4  │ 4  │     16       │          32            │
//   └────────┴────┴────┴──────────────┴────────────────────────┘
//
// Insn is the same, decoded: what kind of thing it is, which operation, how wide, with which
// operands. Everything that must understand an instruction (verifier, engines, disassembler) reads
// an Insn; nothing but decode() and encode() looks at opcode bits. A wide immediate takes two raw
// slots and is one Insn with slots() == 2; its second slot decodes to nothing of its own.
//
// Proved by: insn_test.cpp (every encodable instruction goes there and back).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "skep/base/id.hpp"
#include "skep/base/result.hpp"
#include "skep/spec/instructions.hpp"

namespace skep {

using spec::AluOp;
using spec::AtomicOp;
using spec::JumpOp;
using spec::WideSource;

// An index into a program's raw slots: what jump offsets count in and what people call "insn 12".
using InsnIndex = Id<struct InsnIndexTag>;

// A register, 0 to 10; decode() refuses others.
using Reg = std::uint8_t;
inline constexpr Reg kFramePointer = 10;

struct RawInsn {
    std::uint8_t opcode = 0;
    std::uint8_t registers = 0; // dst in the low half, src in the high half
    std::int16_t offset = 0;
    std::int32_t imm = 0;

    [[nodiscard]] constexpr Reg dst() const { return registers & 0x0f; }
    [[nodiscard]] constexpr Reg src() const { return registers >> 4; }
    constexpr bool operator==(const RawInsn&) const = default;
};
static_assert(sizeof(RawInsn) == 8);

enum class InsnKind : std::uint8_t {
    alu,       // dst = alu_op(dst, src or imm)
    load_wide, // dst = imm64, whose meaning is in wide_source
    load,      // dst = *(size*)(src + offset), sign-extended when asked
    store_imm, // *(size*)(dst + offset) = imm
    store_reg, // *(size*)(dst + offset) = src
    atomic,    // atomic_op on *(size*)(dst + offset) with src (load_acq: dst = *(src + offset))
    packet_absolute, // r0 = packet[imm], network order (LD_ABS)
    packet_indirect, // r0 = packet[src + imm] (LD_IND)
    jump,            // if dst jump_op (src or imm) goto target
    jump_always,     // goto target (ja, and gotol whose distance is the immediate)
    may_goto,        // goto target when the loop budget is used up
    call_helper,     // r0 = helper imm (r1..r5)
    call_subprogram, // r0 = the subprogram at target
    call_kfunc,      // r0 = the kernel function with BTF id imm (offset: which BTF)
    call_register,   // callx: r0 = the function whose number is in a register (dst)
    exit,
    address_space_cast, // dst = src, moved between address spaces; imm = (to << 16) | from
};

enum class Width : std::uint8_t { w32, w64 };
enum class Source : std::uint8_t { imm, reg };
enum class Extend : std::uint8_t { zero, sign };

struct Insn {
    InsnKind kind = InsnKind::exit;
    Width width = Width::w64;     // alu, jump: 32-bit class or 64-bit class
    Source source = Source::imm;  // alu, jump: whether src or imm is the second operand
    Extend extend = Extend::zero; // load
    std::uint8_t size_bytes = 0;  // load, store, atomic, packet_*: 1, 2, 4 or 8
    AluOp alu_op = AluOp::add;
    JumpOp jump_op = JumpOp::jeq;
    AtomicOp atomic_op = AtomicOp::add;
    WideSource wide_source = WideSource::number;
    bool long_jump = false; // jump_always in the 32-bit class (gotol)
    Reg dst = 0;
    Reg src = 0;
    std::int16_t offset = 0; // memory displacement; for call_kfunc the BTF handle's place
    std::int32_t imm = 0;
    std::uint32_t imm_high = 0;  // load_wide: the upper half
    std::int32_t jump_slots = 0; // jump*, may_goto, call_subprogram: distance from the next slot

    // Slots of eight bytes that the instruction takes.
    [[nodiscard]] constexpr std::uint32_t slots() const {
        return kind == InsnKind::load_wide ? 2 : 1;
    }
    [[nodiscard]] constexpr std::uint64_t imm64() const {
        return (static_cast<std::uint64_t>(imm_high) << 32) | static_cast<std::uint32_t>(imm);
    }
    // Where a jump or a call to a subprogram goes, seen from the instruction at `at`. May lie
    // outside the program, for the verifier's structure check to refuse.
    [[nodiscard]] constexpr std::int64_t target(InsnIndex at) const {
        return static_cast<std::int64_t>(at.value) + 1 + jump_slots;
    }
    [[nodiscard]] constexpr bool refers_to_map() const {
        return kind == InsnKind::load_wide &&
               (wide_source == WideSource::map_fd || wide_source == WideSource::map_value_fd ||
                wide_source == WideSource::map_index || wide_source == WideSource::map_value_index);
    }
    constexpr bool operator==(const Insn&) const = default;
};

// Why an instruction cannot be decoded. The texts are the kernel's, so that the verifier can pass
// them on: "unknown opcode 8f", "BPF_ALU uses reserved fields", ...
struct DecodeError {
    int os_errno = 22;
    std::string message;
    bool when_reached = false; // Linux says it only when its walk reaches the instruction
};

// Decodes the instruction at `at`; checks opcode, registers and reserved fields of it alone.
// Precondition: at.value < program.size().
std::variant<Insn, DecodeError> decode(std::span<const RawInsn> program, InsnIndex at);

// Decodes everything, or says which slot is wrong. The second slot of a wide immediate repeats the
// first one's Insn, so the vector is indexed by slot.
Result<std::vector<Insn>> decode_all(std::span<const RawInsn> program);

// The raw form: one slot, or two for load_wide (the second is zero otherwise).
std::array<RawInsn, 2> encode(const Insn& insn);

// Appends the raw form to a program.
void append(std::vector<RawInsn>& program, const Insn& insn);

} // namespace skep
