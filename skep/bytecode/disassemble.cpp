// SPDX-License-Identifier: Apache-2.0
//
// One function for each group of kinds; operators come from the symbol column of the table.
#include "skep/bytecode/disassemble.hpp"

#include <fmt/format.h>

namespace skep {
namespace {

using spec::Operand;

// What differs between the dialects, besides the shape of atomics and calls.
struct Printer {
    Dialect dialect;
    const Names& names;
    InsnIndex at;

    [[nodiscard]] bool kernel() const { return dialect == Dialect::kernel; }

    // "r6 +8" or "r6 + 8"
    [[nodiscard]] std::string address(Reg base, std::int16_t offset) const {
        return kernel() ? fmt::format("r{} {:+}", base, offset)
                        : fmt::format("r{} {} {}", base, offset < 0 ? '-' : '+',
                                      offset < 0 ? -int{offset} : offset);
    }
    [[nodiscard]] std::string distance(std::int32_t slots) const {
        return kernel() ? fmt::format("pc{:+}", slots) : fmt::format("{:+}", slots);
    }
    [[nodiscard]] std::string jump_target(const Insn& insn) const {
        std::string text = distance(insn.jump_slots);
        const std::string label = !kernel() && names.label ? names.label(insn.target(at)) : "";
        return label.empty() ? text : fmt::format("{} <{}>", text, label);
    }
};

std::string register_name(Reg reg, Width width) {
    return fmt::format("{}{}", width == Width::w64 ? 'r' : 'w', reg);
}

std::string type_name(std::uint8_t size_bytes, Extend extend = Extend::zero) {
    return fmt::format("{}{}", extend == Extend::sign ? 's' : 'u', size_bytes * 8);
}

std::string alu_text(const Insn& insn) {
    const spec::AluRow& row = spec::row(insn.alu_op);
    std::string dst = register_name(insn.dst, insn.width);
    const std::string src = insn.source == Source::reg ? register_name(insn.src, insn.width)
                                                       : fmt::format("{}", insn.imm);
    switch (row.operand) {
    case Operand::binary:
        return fmt::format("{} {} {}", dst, row.symbol, src);
    case Operand::unary:
        return fmt::format("{} = {}{}", dst, row.symbol, dst);
    case Operand::register_:
    case Operand::register64: // the symbol is "=(s8)"
        return fmt::format("{} = {}{}", dst, row.symbol.substr(1), src);
    case Operand::order_le:
    case Operand::order_be:
    case Operand::order_swap: // the symbol is "=le16"
        return fmt::format("{} = {} {}", dst, row.symbol.substr(1), dst);
    }
    return dst;
}

// A wide immediate that is no number: the text column, the low half in brackets, the high half
// added where the source has one.
std::string wide_reference(const Insn& insn) {
    const std::string_view text = spec::row(insn.wide_source).text;
    return insn.imm_high == 0 ? fmt::format("{}[{}]", text, insn.imm)
                              : fmt::format("{}[{}]+{}", text, insn.imm, insn.imm_high);
}

std::string wide_text(const Printer& print, const Insn& insn) {
    const std::string name = print.names.wide ? print.names.wide(insn, print.at) : "";
    if (!name.empty()) {
        return fmt::format("r{} = {}", insn.dst, name);
    }
    if (insn.wide_source != WideSource::number) {
        return fmt::format("r{} = {}", insn.dst, wide_reference(insn));
    }
    return print.kernel()
               ? fmt::format("r{} = 0x{:x}", insn.dst, insn.imm64())
               : fmt::format("r{} = {} ll", insn.dst, static_cast<std::int64_t>(insn.imm64()));
}

std::string jump_text(const Printer& print, const Insn& insn) {
    std::string right = register_name(insn.src, insn.width);
    if (insn.source == Source::imm) {
        right = print.kernel() ? fmt::format("0x{:x}", static_cast<std::uint32_t>(insn.imm))
                               : fmt::format("{}", insn.imm);
    }
    return fmt::format("if {} {} {} goto {}", register_name(insn.dst, insn.width),
                       spec::row(insn.jump_op).symbol, right, print.jump_target(insn));
}

// The kernel calls the 64-bit forms atomic64_*, and takes a typed address everywhere.
std::string kernel_atomic_text(const Printer& print, const Insn& insn) {
    const std::string_view symbol = spec::row(insn.atomic_op).symbol;
    const std::string place =
        fmt::format("({} *)({})", type_name(insn.size_bytes), print.address(insn.dst, insn.offset));
    const std::string_view width = insn.size_bytes == 8 ? "64" : "";
    if (insn.atomic_op == AtomicOp::cmpxchg) {
        return fmt::format("r0 = atomic{}_{}({}, r0, r{})", width, symbol, place, insn.src);
    }
    return fmt::format("r{} = atomic{}_{}({}, r{})", insn.src, width, symbol, place, insn.src);
}

std::string llvm_atomic_text(const Printer& print, const Insn& insn) {
    const std::string_view symbol = spec::row(insn.atomic_op).symbol;
    const Width width = insn.size_bytes == 8 ? Width::w64 : Width::w32;
    const std::string src = register_name(insn.src, width);
    const std::string place = print.address(insn.dst, insn.offset);
    const std::string_view suffix = width == Width::w64 ? "_64" : "32_32";
    if (insn.atomic_op == AtomicOp::xchg) {
        return fmt::format("{} = {}{}({}, {})", src, symbol, suffix, place, src);
    }
    if (insn.atomic_op == AtomicOp::cmpxchg) {
        const std::string expected = register_name(0, width);
        return fmt::format("{} = {}{}({}, {}, {})", expected, symbol, suffix, place, expected, src);
    }
    return fmt::format("{} = atomic_{}(({} *)({}), {})", src, symbol, type_name(insn.size_bytes),
                       place, src);
}

std::string atomic_text(const Printer& print, const Insn& insn) {
    const spec::AtomicRow& row = spec::row(insn.atomic_op);
    const std::string type = type_name(insn.size_bytes);
    switch (row.form) {
    case spec::AtomicForm::load:
        return fmt::format("r{} = {}(({} *)({}))", insn.dst, row.symbol, type,
                           print.address(insn.src, insn.offset));
    case spec::AtomicForm::store:
        return fmt::format("{}(({} *)({}), r{})", row.symbol, type,
                           print.address(insn.dst, insn.offset), insn.src);
    case spec::AtomicForm::update:
        return fmt::format("lock *({} *)({}) {} r{}", type, print.address(insn.dst, insn.offset),
                           row.symbol, insn.src);
    case spec::AtomicForm::fetch:
        return print.kernel() ? kernel_atomic_text(print, insn) : llvm_atomic_text(print, insn);
    }
    return {};
}

std::string packet_text(const Printer& print, const Insn& insn) {
    const std::string type = type_name(insn.size_bytes);
    if (insn.kind == InsnKind::packet_absolute) {
        return fmt::format("r0 = *({} *)skb[{}]", type, insn.imm);
    }
    if (!print.kernel() && insn.imm == 0) {
        return fmt::format("r0 = *({} *)skb[r{}]", type, insn.src);
    }
    return fmt::format("r0 = *({} *)skb[r{} + {}]", type, insn.src, insn.imm);
}

std::string call_text(const Printer& print, const Insn& insn) {
    std::string name = print.names.call ? print.names.call(insn, print.at) : "";
    const bool subprogram = insn.kind == InsnKind::call_subprogram;
    if (!print.kernel() && name.empty()) {
        return fmt::format("call {}", subprogram ? insn.jump_slots : insn.imm);
    }
    if (subprogram) {
        const std::string target = print.distance(insn.jump_slots);
        return name.empty() ? fmt::format("call {}", target)
                            : fmt::format("call {}#{}", target, name);
    }
    if (name.empty()) {
        name = insn.kind == InsnKind::call_kfunc ? "kfunc" : "unknown";
        if (insn.offset != 0) {
            return fmt::format("call {}#{}:{}", name, insn.imm, insn.offset);
        }
    }
    return fmt::format("call {}#{}", name, insn.imm);
}

std::string memory_text(const Printer& print, const Insn& insn) {
    if (insn.kind == InsnKind::load) {
        return fmt::format("r{} = *({} *)({})", insn.dst, type_name(insn.size_bytes, insn.extend),
                           print.address(insn.src, insn.offset));
    }
    const std::string place = fmt::format("*({} *)({})", type_name(insn.size_bytes),
                                          print.address(insn.dst, insn.offset));
    return insn.kind == InsnKind::store_reg ? fmt::format("{} = r{}", place, insn.src)
                                            : fmt::format("{} = {}", place, insn.imm);
}

std::string text_of(const Printer& print, const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::alu:
        return alu_text(insn);
    case InsnKind::address_space_cast:
        return fmt::format("r{} = addr_space_cast(r{}, {}, {})", insn.dst, insn.src,
                           static_cast<std::uint32_t>(insn.imm) >> 16,
                           static_cast<std::uint32_t>(insn.imm) & 0xffff);
    case InsnKind::load_wide:
        return wide_text(print, insn);
    case InsnKind::load:
    case InsnKind::store_imm:
    case InsnKind::store_reg:
        return memory_text(print, insn);
    case InsnKind::atomic:
        return atomic_text(print, insn);
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
        return packet_text(print, insn);
    case InsnKind::jump:
        return jump_text(print, insn);
    case InsnKind::jump_always:
        return fmt::format("{} {}", insn.long_jump ? "gotol" : "goto", print.jump_target(insn));
    case InsnKind::may_goto:
        return fmt::format("may_goto {}", print.jump_target(insn));
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
        return call_text(print, insn);
    case InsnKind::call_register:
        return fmt::format("callx r{}", insn.dst);
    case InsnKind::exit:
        return "exit";
    }
    return {};
}

} // namespace

std::string disassemble(const Insn& insn, InsnIndex at, Dialect dialect, const Names& names) {
    return text_of(Printer{dialect, names, at}, insn);
}

std::string disassemble_with_opcode(const Insn& insn, InsnIndex at, const Names& names) {
    return fmt::format("({:02x}) {}", encode(insn)[0].opcode,
                       disassemble(insn, at, Dialect::kernel, names));
}

std::string opcode_bytes(std::span<const RawInsn> slots) {
    std::string text;
    for (const RawInsn& raw : slots) {
        const auto offset = static_cast<std::uint16_t>(raw.offset);
        const auto imm = static_cast<std::uint32_t>(raw.imm);
        text +=
            fmt::format("{}{:02x} {:02x} {:02x} {:02x} {:02x} {:02x} {:02x} {:02x}",
                        text.empty() ? "" : " ", raw.opcode, raw.registers, offset & 0xff,
                        offset >> 8, imm & 0xff, (imm >> 8) & 0xff, (imm >> 16) & 0xff, imm >> 24);
    }
    return text;
}

std::string disassemble_program(std::span<const RawInsn> program, const Names& names) {
    std::string text;
    for (std::uint32_t at = 0; at < program.size();) {
        const auto decoded = decode(program, InsnIndex{at});
        const Insn* insn = std::get_if<Insn>(&decoded);
        text += fmt::format("{:4}: {}\n", at,
                            insn != nullptr ? disassemble_with_opcode(*insn, InsnIndex{at}, names)
                                            : opcode_bytes(program.subspan(at, 1)));
        at += insn != nullptr ? insn->slots() : 1;
    }
    return text;
}

} // namespace skep
