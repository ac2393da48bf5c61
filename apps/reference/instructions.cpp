// SPDX-License-Identifier: Apache-2.0
//
// The page of the instruction set. The meaning column is shown as it stands in the table, so
// readers see exactly what is executed.
#include <fmt/format.h>

#include "apps/reference/pages.hpp"
#include "skep/spec/instructions.hpp"

namespace skep::reference {
namespace {

using spec::AtomicForm;
using spec::Group;
using spec::InsnClass;
using spec::Operand;

constexpr unsigned kRegisterSource = 0x08;

std::string opcode(unsigned code, InsnClass of) {
    return fmt::format("{:02x}", code | static_cast<unsigned>(of));
}

// The conformance groups of RFC 9669 that the forms of a row are in.
std::string groups(Group group, bool wide, bool narrow) {
    if (group == Group::packet) {
        return "packet";
    }
    const std::string_view name = group == Group::base     ? "base"
                                  : group == Group::divmul ? "divmul"
                                                           : "atomic";
    return fmt::format("{}{}{}", wide ? fmt::format("{}64", name) : "", wide && narrow ? ", " : "",
                       narrow ? fmt::format("{}32", name) : "");
}

std::string arithmetic() {
    Table table(
        {"name", "operator", "64 bits", "32 bits", "offset", "group", "since", "meaning", "says"});
    for (const spec::AluRow& row : spec::kAluRows) {
        if (row.operand >= Operand::order_le) {
            continue;
        }
        const bool by_register = row.operand != Operand::unary;
        const bool by_immediate = row.operand == Operand::binary || row.operand == Operand::unary;
        const bool narrow = row.operand != Operand::register64;
        const auto opcodes = [&](InsnClass of) {
            return fmt::format("{}{}{}", by_immediate ? opcode(row.code, of) : "",
                               by_immediate && by_register ? " " : "",
                               by_register ? opcode(row.code | kRegisterSource, of) : "");
        };
        table.add({code(row.text), code(row.symbol), code(opcodes(InsnClass::alu64)),
                   narrow ? code(opcodes(InsnClass::alu)) : "", fmt::format("{}", row.selector),
                   groups(row.group, true, narrow), std::string(row.since), code(row.meaning),
                   std::string(row.says)});
    }
    return table.text();
}

std::string byte_order() {
    Table table({"name", "opcode", "immediate", "group", "since", "meaning", "says"});
    for (const spec::AluRow& row : spec::kAluRows) {
        if (row.operand < Operand::order_le) {
            continue;
        }
        const InsnClass of = row.operand == Operand::order_swap ? InsnClass::alu64 : InsnClass::alu;
        const unsigned source = row.operand == Operand::order_be ? kRegisterSource : 0;
        const bool wide = row.operand == Operand::order_swap || row.selector == 64;
        table.add({code(row.text), code(opcode(row.code | source, of)),
                   fmt::format("{}", row.selector), groups(row.group, wide, !wide),
                   std::string(row.since), code(row.meaning), std::string(row.says)});
    }
    return table.text();
}

std::string jumps() {
    Table table({"name", "operator", "64 bits", "32 bits", "since", "jumps if", "says"});
    for (const spec::JumpRow& row : spec::kJumpRows) {
        const auto opcodes = [&](InsnClass of) {
            return code(
                fmt::format("{} {}", opcode(row.code, of), opcode(row.code | kRegisterSource, of)));
        };
        table.add({code(row.text), code(row.symbol), opcodes(InsnClass::jmp),
                   opcodes(InsnClass::jmp32), std::string(row.since), code(row.meaning),
                   std::string(row.says)});
    }
    return table.text();
}

std::string atomics() {
    Table table({"name", "immediate", "sizes", "hands back", "since", "memory becomes", "says"});
    for (const spec::AtomicRow& row : spec::kAtomicRows) {
        const bool any_size = row.form == AtomicForm::load || row.form == AtomicForm::store;
        const std::string_view result = row.form == AtomicForm::load    ? "the value, in dst"
                                        : row.form != AtomicForm::fetch ? ""
                                        : row.op == spec::AtomicOp::cmpxchg
                                            ? "the value before, in r0"
                                            : "the value before, in src";
        table.add({code(row.text), code(fmt::format("{:#x}", row.imm)),
                   any_size ? "1, 2, 4, 8" : "4, 8", std::string(result), std::string(row.since),
                   code(row.meaning), std::string(row.says)});
    }
    return table.text();
}

std::string wide_sources() {
    Table table({"source", "src field", "since", "says"});
    for (const spec::WideRow& row : spec::kWideRows) {
        table.add({code(row.text), fmt::format("{}", row.src), std::string(row.since),
                   std::string(row.says)});
    }
    return table.text();
}

} // namespace

std::string instructions_page() {
    return fmt::format(R"(# Instructions

Printed from `skep/spec/instructions.def` by `skep-reference`; a test compares. Opcodes are hexadecimal;
where there are two, the first takes an immediate and the second a register. The meaning is written over
an unnamed word: of 64 bits in the 64-bit form, of 32 bits in the other, which clears the upper half of
the register. The functions it uses are those of `skep/spec/word.hpp`; all of them are total.

## Arithmetic

The offset field selects the operation where several share an opcode.

{}
## Byte order

{}
## Conditional jumps

`if dst OPERATOR src goto +offset`: the distance counts slots from the next instruction. In groups
base64 and base32.

{}
## Atomic operations

Opcodes `db` (8 bytes) and `c3` (4 bytes), for the last two also `cb` (2) and `d3` (1), on
`*(size *)(dst + offset)`; the immediate selects. In groups atomic64 and atomic32.

{}
## Wide immediates

Opcode `18` and two slots: the immediates of both, low half first. The src field says what they stand for.

{}
## Loads, stores, jumps, calls

| instruction | opcode | says |
| --- | --- | --- |
| `dst = *(u8,u16,u32,u64 *)(src + offset)` | `71 69 61 79` | loads, widened with zeros |
| `dst = *(s8,s16,s32 *)(src + offset)` | `91 89 81` | loads, widened with the sign; since 6.6 |
| `*(u8,u16,u32,u64 *)(dst + offset) = imm` | `72 6a 62 7a` | stores an immediate, widened with its sign |
| `*(u8,u16,u32,u64 *)(dst + offset) = src` | `73 6b 63 7b` | stores a register's low bytes |
| `r0 = *(u8,u16,u32 *)skb[imm]` | `30 28 20` | loads from the packet in network order; outside ends the program with 0 |
| `r0 = *(u8,u16,u32 *)skb[src + imm]` | `50 48 40` | the same at a place that a register gives |
| `goto +offset` | `05` | jumps |
| `gotol +imm` | `06` | jumps by a distance of 32 bits; since 6.6 |
| `may_goto +offset` | `e5` | jumps when the program's budget of rounds is used up; since 6.9 |
| `call helper` | `85`, src 0 | r0 = the helper with this number, of r1 to r5 |
| `call +imm` | `85`, src 1 | r0 = the subprogram at this distance; since 4.16 |
| `call kfunc` | `85`, src 2 | r0 = the kernel function with this BTF id; since 5.13 |
| `callx dst` | `8d` | r0 = the helper whose number a register holds; Linux refuses it |
| `dst = addr_space_cast(src, to, from)` | `bf`, offset 1 | moves an address between address spaces; since 6.9 |
| `exit` | `95` | returns r0 to the caller |
)",
                       arithmetic(), byte_order(), jumps(), atomics(), wide_sources());
}

} // namespace skep::reference
