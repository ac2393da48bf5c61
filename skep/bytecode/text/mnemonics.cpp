// SPDX-License-Identifier: Apache-2.0
//
// The notation with mnemonics, as the public conformance files have it: the text column of the
// table, with 32 or 64 behind it where the class matters. Also what both notations share: jump
// targets and calls.
#include <array>
#include <limits>

#include <fmt/format.h>

#include "skep/bytecode/text/statement.hpp"

namespace skep::text {
namespace {

using spec::AtomicForm;
using spec::Operand;

Statement finished(const Insn& insn) { return Statement{insn, TargetUse::none, {}, 0}; }

struct SizeName {
    std::string_view letters;
    std::uint8_t size_bytes;
};
constexpr std::array<SizeName, 4> kSizes{{{"b", 1}, {"h", 2}, {"w", 4}, {"dw", 8}}};

// The rest of a name after its beginning, when it names a width: "" and "64", or "32".
std::optional<Width> width_after(std::string_view name, std::string_view beginning) {
    if (!name.starts_with(beginning)) {
        return std::nullopt;
    }
    const std::string_view rest = name.substr(beginning.size());
    if (rest == "32") {
        return Width::w32;
    }
    return rest.empty() || rest == "64" ? std::optional(Width::w64) : std::nullopt;
}

// [%r10-8]
Result<void> read_place(Cursor& cursor, Reg& base, std::int16_t& offset) {
    TRY(cursor.expect("["));
    base = TRY(cursor.expect_register());
    offset = TRY(cursor.read_displacement());
    return cursor.expect("]");
}

// The second operand: a register or an immediate.
Result<void> read_source(Cursor& cursor, Insn& insn) {
    if (const auto reg = cursor.accept_register()) {
        insn.source = Source::reg;
        insn.src = reg->number;
        return {};
    }
    insn.imm = TRY(cursor.expect_imm32());
    return {};
}

Result<Statement> read_alu(Cursor& cursor, const spec::AluRow& row, Width width) {
    Insn insn = alu_insn(row, row.operand >= Operand::order_le ? Width::w64 : width);
    insn.dst = TRY(cursor.expect_register());
    if (row.operand == Operand::unary || row.operand >= Operand::order_le) {
        return finished(insn);
    }
    TRY(cursor.expect(","));
    const std::size_t begin = cursor.position();
    TRY(read_source(cursor, insn));
    const bool register_only =
        row.operand == Operand::register_ || row.operand == Operand::register64;
    if (register_only && insn.source == Source::imm) {
        return cursor.error_at(begin, fmt::format("'{}' takes a register", row.text));
    }
    if (row.operand == Operand::register64 && width == Width::w32) {
        return cursor.error_at(begin, fmt::format("'{}' has no 32-bit form", row.text));
    }
    return finished(insn);
}

Result<Statement> read_jump(Cursor& cursor, const spec::JumpRow& row, Width width) {
    Insn insn = jump_insn(row, width);
    insn.dst = TRY(cursor.expect_register());
    TRY(cursor.expect(","));
    TRY(read_source(cursor, insn));
    TRY(cursor.expect(","));
    return read_jump_target(cursor, insn);
}

Result<Statement> read_lddw(Cursor& cursor) {
    Insn insn;
    insn.kind = InsnKind::load_wide;
    insn.dst = TRY(cursor.expect_register());
    TRY(cursor.expect(","));
    const Number number = TRY(cursor.expect_number());
    insn.imm = static_cast<std::int32_t>(number.bits() & 0xffffffff);
    insn.imm_high = static_cast<std::uint32_t>(number.bits() >> 32);
    return finished(insn);
}

Result<Statement> read_load(Cursor& cursor, std::uint8_t size_bytes, Extend extend) {
    Insn insn;
    insn.kind = InsnKind::load;
    insn.size_bytes = size_bytes;
    insn.extend = extend;
    insn.dst = TRY(cursor.expect_register());
    TRY(cursor.expect(","));
    TRY(read_place(cursor, insn.src, insn.offset));
    return finished(insn);
}

Result<Statement> read_store(Cursor& cursor, std::uint8_t size_bytes, InsnKind kind) {
    Insn insn;
    insn.kind = kind;
    insn.size_bytes = size_bytes;
    TRY(read_place(cursor, insn.dst, insn.offset));
    TRY(cursor.expect(","));
    if (kind == InsnKind::store_reg) {
        insn.src = TRY(cursor.expect_register());
    } else {
        insn.imm = TRY(cursor.expect_imm32());
    }
    return finished(insn);
}

// lock add32 [%r10-4], %r1; "fetch" may be a word of its own.
Result<Statement> read_locked(Cursor& cursor) {
    std::string name(cursor.accept_identifier());
    if (name == "fetch") {
        name = fmt::format("fetch_{}", cursor.accept_identifier());
    }
    for (const spec::AtomicRow& row : spec::kAtomicRows) {
        const auto width = width_after(name, row.text);
        if (!width.has_value() || row.form == AtomicForm::load || row.form == AtomicForm::store) {
            continue;
        }
        Insn insn;
        insn.kind = InsnKind::atomic;
        insn.atomic_op = row.op;
        insn.size_bytes = *width == Width::w64 ? 8 : 4;
        TRY(read_place(cursor, insn.dst, insn.offset));
        TRY(cursor.expect(","));
        insn.src = TRY(cursor.expect_register());
        return finished(insn);
    }
    return cursor.error(fmt::format("no atomic operation is named '{}'", name));
}

// ldxb, ldxsw, stdw, stxh: class and size in one name.
std::optional<Result<Statement>> read_memory(Cursor& cursor, std::string_view mnemonic) {
    for (const SizeName& size : kSizes) {
        if (mnemonic == fmt::format("ldx{}", size.letters)) {
            return read_load(cursor, size.size_bytes, Extend::zero);
        }
        if (size.size_bytes < 8 && mnemonic == fmt::format("ldxs{}", size.letters)) {
            return read_load(cursor, size.size_bytes, Extend::sign);
        }
        if (mnemonic == fmt::format("st{}", size.letters)) {
            return read_store(cursor, size.size_bytes, InsnKind::store_imm);
        }
        if (mnemonic == fmt::format("stx{}", size.letters)) {
            return read_store(cursor, size.size_bytes, InsnKind::store_reg);
        }
    }
    return std::nullopt;
}

// The 1 of kfunc#6:1, the colon read: which of the program's BTFs.
Result<std::int16_t> read_btf_place(Cursor& cursor) {
    const Number place = TRY(cursor.expect_number());
    if (!place.fits(std::numeric_limits<std::int16_t>::min(),
                    std::numeric_limits<std::int16_t>::max())) {
        return cursor.error("the place of a BTF is a number of 16 bits");
    }
    return static_cast<std::int16_t>(place.value());
}

// call local f, call f, call f#6, call kfunc#6:1 : a name is read.
Result<Statement> read_named_call(Cursor& cursor, std::string_view name, std::size_t begin) {
    Insn insn;
    insn.kind = InsnKind::call_helper;
    if (!cursor.accept("#")) {
        return Statement{insn, TargetUse::call, std::string(name), begin};
    }
    insn.imm = TRY(cursor.expect_imm32());
    if (name == "kfunc") {
        insn.kind = InsnKind::call_kfunc;
        if (cursor.accept(":")) {
            insn.offset = TRY(read_btf_place(cursor));
        }
    }
    return finished(insn);
}

Result<std::int32_t> read_distance(Cursor& cursor) {
    static_cast<void>(cursor.at_end());
    const std::size_t begin = cursor.position();
    const Number number = TRY(cursor.expect_number());
    if (!number.fits(std::numeric_limits<std::int32_t>::min(),
                     std::numeric_limits<std::int32_t>::max())) {
        return cursor.error_at(begin, "the distance does not fit into 32 bits");
    }
    return static_cast<std::int32_t>(number.value());
}

} // namespace

Insn alu_insn(const spec::AluRow& row, Width width) {
    Insn insn;
    insn.kind = InsnKind::alu;
    insn.alu_op = row.op;
    insn.width = width;
    insn.imm = row.operand >= Operand::order_le ? row.selector : 0;
    return insn;
}

Insn jump_insn(const spec::JumpRow& row, Width width) {
    Insn insn;
    insn.kind = InsnKind::jump;
    insn.jump_op = row.op;
    insn.width = width;
    return insn;
}

Result<Statement> read_jump_target(Cursor& cursor, Insn insn) {
    static_cast<void>(cursor.at_end());
    const std::size_t begin = cursor.position();
    const bool relative = cursor.accept_word("pc");
    const auto number = cursor.accept_number();
    if (number.has_value()) {
        const bool forward = !number->has_sign && cursor.accept_word("f");
        if (forward || (!number->has_sign && cursor.accept_word("b"))) {
            return Statement{insn, TargetUse::jump,
                             fmt::format("{}{}", number->magnitude, forward ? 'f' : 'b'), begin};
        }
        cursor.move_to(begin + (relative ? 2 : 0));
        insn.jump_slots = TRY(read_distance(cursor));
        // A listing may name the place: "goto +15 <LBB0_2>".
        if (cursor.accept("<")) {
            static_cast<void>(cursor.accept_identifier());
            while (!cursor.at_end() && !cursor.accept(">")) {
                cursor.move_to(cursor.position() + 1);
            }
        }
        return finished(insn);
    }
    cursor.move_to(begin);
    const std::string_view label = cursor.accept_identifier();
    if (label.empty()) {
        return cursor.error("the target of the jump is missing");
    }
    return Statement{insn, TargetUse::jump, std::string(label), begin};
}

Result<Statement> read_call(Cursor& cursor) {
    Insn insn;
    if (const auto reg = cursor.accept_register()) {
        insn.kind = InsnKind::call_register;
        insn.source = Source::reg;
        insn.dst = reg->number;
        return finished(insn);
    }
    const bool local = cursor.accept_word("local");
    const std::size_t begin = cursor.position();
    const bool relative = cursor.accept_word("pc");
    const auto number = cursor.accept_number();
    if (!number.has_value()) {
        cursor.move_to(begin);
        const std::string_view name = cursor.accept_identifier();
        if (name.empty()) {
            return cursor.error("what is called is missing");
        }
        return local ? Statement{insn, TargetUse::call_subprogram, std::string(name), begin}
                     : read_named_call(cursor, name, begin);
    }
    cursor.move_to(begin);
    cursor.accept_word("pc");
    if (local || relative || number->has_sign) {
        insn.kind = InsnKind::call_subprogram;
        insn.jump_slots = TRY(read_distance(cursor));
        insn.imm = insn.jump_slots;
        if (cursor.accept("#")) {
            static_cast<void>(cursor.accept_identifier());
        }
        return finished(insn);
    }
    insn.kind = InsnKind::call_helper;
    insn.imm = TRY(cursor.expect_imm32());
    return finished(insn);
}

Result<Statement> read_mnemonic(Cursor& cursor, std::string_view mnemonic) {
    for (const spec::AluRow& row : spec::kAluRows) {
        const bool alias =
            row.operand == Operand::order_swap && mnemonic == row.text.substr(1); // swap16
        const auto width = alias ? std::optional(Width::w64) : width_after(mnemonic, row.text);
        if (width.has_value() &&
            (row.operand < Operand::order_le || alias || mnemonic == row.text)) {
            return read_alu(cursor, row, *width);
        }
    }
    for (const spec::JumpRow& row : spec::kJumpRows) {
        if (const auto width = width_after(mnemonic, row.text)) {
            return read_jump(cursor, row, *width);
        }
    }
    if (mnemonic == "ja" || mnemonic == "ja32") {
        Insn insn;
        insn.kind = InsnKind::jump_always;
        insn.long_jump = mnemonic == "ja32";
        insn.width = insn.long_jump ? Width::w32 : Width::w64;
        return read_jump_target(cursor, insn);
    }
    if (mnemonic == "lddw") {
        return read_lddw(cursor);
    }
    if (mnemonic == "lock") {
        return read_locked(cursor);
    }
    if (auto memory = read_memory(cursor, mnemonic)) {
        return *std::move(memory);
    }
    return cursor.error(fmt::format("no instruction is named '{}'", mnemonic));
}

} // namespace skep::text
