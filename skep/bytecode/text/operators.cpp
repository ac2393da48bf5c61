// SPDX-License-Identifier: Apache-2.0
//
// The notation with operators. Operators are found in the symbol columns of the table, the longest
// first, so that "s>>=" is not read as "s>".
#include <limits>

#include <fmt/format.h>

#include "skep/bytecode/text/statement.hpp"

namespace skep::text {
namespace {

using spec::AtomicForm;
using spec::Operand;

constexpr std::uint8_t kWideOpcode = 0x18;

// The row whose symbol stands here, the longest if several do. `admits` chooses among the rows.
template <class Rows, class Admits>
const typename Rows::value_type* accept_symbol(Cursor& cursor, const Rows& rows, Admits admits) {
    const typename Rows::value_type* best = nullptr;
    static_cast<void>(cursor.at_end()); // skips spaces
    for (const auto& row : rows) {
        if (admits(row) && cursor.rest().starts_with(row.symbol) &&
            (best == nullptr || row.symbol.size() > best->symbol.size())) {
            best = &row;
        }
    }
    if (best != nullptr) {
        cursor.accept(best->symbol);
    }
    return best;
}

// "u32": size and signedness.
struct TypeName {
    std::uint8_t size_bytes;
    Extend extend;
};
std::optional<TypeName> accept_type_name(Cursor& cursor) {
    for (const unsigned size_bytes : {1U, 2U, 4U, 8U}) {
        for (const Extend extend : {Extend::zero, Extend::sign}) {
            if (cursor.accept_word(
                    fmt::format("{}{}", extend == Extend::zero ? 'u' : 's', size_bytes * 8))) {
                return TypeName{static_cast<std::uint8_t>(size_bytes), extend};
            }
        }
    }
    return std::nullopt;
}

// "u32 *)", the opening parenthesis read.
Result<TypeName> read_type(Cursor& cursor) {
    const std::optional<TypeName> name = accept_type_name(cursor);
    if (!name) {
        return cursor.error("a type is missing: u8, u16, u32, u64, s8, s16, s32");
    }
    TRY(cursor.expect("*"));
    TRY(cursor.expect(")"));
    return *name;
}

struct Address {
    Reg base;
    std::int16_t offset;
};
// "r10 -8)", the opening parenthesis read; `closing` is ")" or ",".
Result<Address> read_address(Cursor& cursor, std::string_view closing) {
    const Reg base = TRY(cursor.expect_register());
    const std::int16_t offset = TRY(cursor.read_displacement());
    TRY(cursor.expect(closing));
    return Address{base, offset};
}

// "(u64 *)(r10 -8)" and what follows it.
Result<void> read_typed_address(Cursor& cursor, Insn& insn, bool base_is_src) {
    TRY(cursor.expect("("));
    insn.size_bytes = TRY(read_type(cursor)).size_bytes;
    TRY(cursor.expect("("));
    const Address address = TRY(read_address(cursor, ")"));
    (base_is_src ? insn.src : insn.dst) = address.base;
    insn.offset = address.offset;
    return {};
}

Statement finished(const Insn& insn) { return Statement{insn, TargetUse::none, {}, 0}; }

// *(u32 *)(r10 -8) = r2 or = 5; the star is read.
Result<Statement> read_store(Cursor& cursor) {
    Insn insn;
    TRY(read_typed_address(cursor, insn, false));
    TRY(cursor.expect("="));
    if (const auto reg = cursor.accept_register()) {
        insn.kind = InsnKind::store_reg;
        insn.src = reg->number;
        return finished(insn);
    }
    insn.kind = InsnKind::store_imm;
    insn.imm = TRY(cursor.expect_imm32());
    return finished(insn);
}

// lock *(u64 *)(r10 -8) += r2; "lock" and the star are read.
Result<Statement> read_locked(Cursor& cursor) {
    Insn insn;
    insn.kind = InsnKind::atomic;
    TRY(read_typed_address(cursor, insn, false));
    const auto* row = accept_symbol(cursor, spec::kAtomicRows, [](const spec::AtomicRow& one) {
        return one.form == AtomicForm::update;
    });
    if (row == nullptr) {
        return cursor.error("an atomic operator is missing: +=, |=, &= or ^=");
    }
    insn.atomic_op = row->op;
    insn.src = TRY(cursor.expect_register());
    return finished(insn);
}

// store_release((u64 *)(r10 -8), r2); the name is read.
Result<Statement> read_store_release(Cursor& cursor, const spec::AtomicRow& row) {
    Insn insn;
    insn.kind = InsnKind::atomic;
    insn.atomic_op = row.op;
    TRY(cursor.expect("("));
    TRY(read_typed_address(cursor, insn, false));
    TRY(cursor.expect(","));
    insn.src = TRY(cursor.expect_register());
    TRY(cursor.expect(")"));
    return finished(insn);
}

// The atomic operation that a name stands for, in either dialect: atomic64_fetch_add,
// atomic_fetch_add, xchg_64, cmpxchg32_32, load_acquire. The width, when the name tells one.
struct AtomicName {
    const spec::AtomicRow* row = nullptr;
    std::uint8_t size_bytes = 0;
};
AtomicName atomic_named(std::string_view name) {
    for (const spec::AtomicRow& row : spec::kAtomicRows) {
        if (row.form == AtomicForm::load && name == row.symbol) {
            return {&row, 0};
        }
        if (row.form != AtomicForm::fetch) {
            continue;
        }
        if (name == fmt::format("atomic_{}", row.symbol) ||
            name == fmt::format("atomic64_{}", row.symbol)) {
            return {&row, 0};
        }
        if (name == fmt::format("{}_64", row.symbol)) {
            return {&row, 8};
        }
        if (name == fmt::format("{}32_32", row.symbol)) {
            return {&row, 4};
        }
    }
    return {};
}

// r2 = atomic_fetch_add((u64 *)(r10 -8), r2), r2 = xchg_64(r10 - 8, r2): "r2 = name" is read.
Result<Statement> read_fetch(Cursor& cursor, Reg result, AtomicName name) {
    Insn insn;
    insn.kind = InsnKind::atomic;
    insn.atomic_op = name.row->op;
    TRY(cursor.expect("("));
    if (name.row->form == AtomicForm::load) {
        insn.dst = result;
        TRY(read_typed_address(cursor, insn, true));
        TRY(cursor.expect(")"));
        return finished(insn);
    }
    if (name.size_bytes != 0) {
        insn.size_bytes = name.size_bytes;
        const Address address = TRY(read_address(cursor, ","));
        insn.dst = address.base;
        insn.offset = address.offset;
    } else {
        TRY(read_typed_address(cursor, insn, false));
        TRY(cursor.expect(","));
    }
    const bool compares = insn.atomic_op == AtomicOp::cmpxchg;
    if (compares) {
        if (TRY(cursor.expect_register()) != 0 || result != 0) {
            return cursor.error("compare-and-exchange compares with r0 and answers in r0");
        }
        TRY(cursor.expect(","));
    }
    insn.src = TRY(cursor.expect_register());
    if (!compares && insn.src != result) {
        return cursor.error("an atomic operation hands the old value back in its source register");
    }
    TRY(cursor.expect(")"));
    return finished(insn);
}

// r0 = *(u8 *)skb[5], skb[r2], skb[r2 + 5]: up to the bracket is read.
Result<Statement> read_packet(Cursor& cursor, Reg result, Insn insn) {
    if (result != 0) {
        return cursor.error("a load from the packet by skb[...] goes to r0");
    }
    const auto reg = cursor.accept_register();
    insn.kind = reg.has_value() ? InsnKind::packet_indirect : InsnKind::packet_absolute;
    if (!reg.has_value()) {
        insn.imm = TRY(cursor.expect_imm32());
    } else {
        insn.src = reg->number;
        const bool plus = cursor.accept("+");
        if (plus || cursor.rest().starts_with("-")) {
            insn.imm = TRY(cursor.expect_imm32());
        }
    }
    TRY(cursor.expect("]"));
    return finished(insn);
}

// r1 = *(u32 *)(r6 +0): the star is read.
Result<Statement> read_load(Cursor& cursor, Reg result) {
    Insn insn;
    TRY(cursor.expect("("));
    const TypeName type = TRY(read_type(cursor));
    insn.size_bytes = type.size_bytes;
    if (cursor.accept_word("skb")) {
        TRY(cursor.expect("["));
        return read_packet(cursor, result, insn);
    }
    TRY(cursor.expect("("));
    const Address address = TRY(read_address(cursor, ")"));
    insn.kind = InsnKind::load;
    insn.extend = type.extend;
    if (type.extend == Extend::sign && type.size_bytes == 8) {
        return cursor.error("there is no load of s64");
    }
    insn.dst = result;
    insn.src = address.base;
    insn.offset = address.offset;
    return finished(insn);
}

// r2 = addr_space_cast(r3, 0, 1): the name is read.
Result<Statement> read_cast(Cursor& cursor, Reg result) {
    Insn insn;
    insn.kind = InsnKind::address_space_cast;
    insn.source = Source::reg;
    insn.dst = result;
    TRY(cursor.expect("("));
    insn.src = TRY(cursor.expect_register());
    std::uint32_t spaces = 0;
    for (int operand = 0; operand < 2; ++operand) {
        TRY(cursor.expect(","));
        const Number space = TRY(cursor.expect_number());
        if (!space.fits(0, std::numeric_limits<std::uint16_t>::max())) {
            return cursor.error("an address space is a number of 16 bits");
        }
        spaces = (spaces << 16) | static_cast<std::uint32_t>(space.bits());
    }
    insn.imm = static_cast<std::int32_t>(spaces);
    TRY(cursor.expect(")"));
    return finished(insn);
}

const spec::WideRow* wide_named(std::string_view name) {
    for (const spec::WideRow& row : spec::kWideRows) {
        if (row.source != WideSource::number && row.text == name) {
            return &row;
        }
    }
    return nullptr;
}

// r1 = map_idx_value[0]+8, r2 = func[label]: the name is read.
Result<Statement> read_wide_reference(Cursor& cursor, const Symbols& symbols, Reg result,
                                      const spec::WideRow& row) {
    Statement statement;
    Insn& insn = statement.insn;
    insn.kind = InsnKind::load_wide;
    insn.wide_source = row.source;
    insn.dst = result;
    TRY(cursor.expect("["));
    statement.column = cursor.position();
    if (const std::string_view name = cursor.accept_identifier(); name.empty()) {
        insn.imm = TRY(cursor.expect_imm32());
    } else if (row.source == WideSource::function) {
        statement.use = TargetUse::function_address;
        statement.label = name;
    } else {
        const auto index = symbols.map ? symbols.map(name) : std::nullopt;
        if (!index.has_value()) {
            return cursor.error_at(statement.column, fmt::format("nothing is named '{}'", name));
        }
        insn.imm = *index;
    }
    TRY(cursor.expect("]"));
    if (cursor.accept("+")) {
        insn.imm_high = static_cast<std::uint32_t>(TRY(cursor.expect_imm32()));
    }
    return statement;
}

Result<Statement> read_assigned_number(Cursor& cursor, Register result, Hints hints) {
    const std::size_t begin = cursor.position();
    const Number number = TRY(cursor.expect_number());
    const bool fits_mov = number.fits(std::numeric_limits<std::int32_t>::min(),
                                      std::numeric_limits<std::int32_t>::max());
    const bool wide = cursor.accept_word("ll") || hints.opcode == kWideOpcode;
    if (result.width == Width::w64 && (wide || !fits_mov)) {
        Insn insn;
        insn.kind = InsnKind::load_wide;
        insn.dst = result.number;
        insn.imm = static_cast<std::int32_t>(number.bits() & 0xffffffff);
        insn.imm_high = static_cast<std::uint32_t>(number.bits() >> 32);
        return finished(insn);
    }
    if (!number.fits(std::numeric_limits<std::int32_t>::min(),
                     std::numeric_limits<std::uint32_t>::max())) {
        return cursor.error_at(begin, "the number does not fit into 32 bits");
    }
    Insn insn = alu_insn(spec::row(AluOp::mov), result.width);
    insn.dst = result.number;
    insn.imm = static_cast<std::int32_t>(number.bits());
    return finished(insn);
}

// Unary rows, "-r2", and byte-order rows, "be16 r2": their register is the result's own.
Result<Statement> read_own(Cursor& cursor, Register result, const spec::AluRow& row) {
    Insn insn = alu_insn(row, row.operand == Operand::unary ? result.width : Width::w64);
    insn.dst = result.number;
    if (TRY(cursor.expect_register()) != result.number) {
        return cursor.error(
            fmt::format("'{}' works on one register: write it on both sides", row.text));
    }
    return finished(insn);
}

// A copy, whole (empty cast) or with the sign of a part: "r3", "(s8)r3".
Result<Statement> read_copy(Cursor& cursor, Register result, const spec::AluRow& row) {
    const std::size_t begin = cursor.position();
    const auto src = cursor.accept_register();
    if (!src.has_value() || src->width != result.width ||
        (row.operand == Operand::register64 && result.width == Width::w32)) {
        return cursor.error_at(begin, "a register of the same width is missing");
    }
    Insn insn = alu_insn(row, result.width);
    insn.source = Source::reg;
    insn.dst = result.number;
    insn.src = src->number;
    return finished(insn);
}

// What begins with a name: be16 r2, atomics, addr_space_cast, wide references.
Result<Statement> read_assigned_name(Cursor& cursor, const Symbols& symbols, Register result,
                                     std::string_view name) {
    for (const spec::AluRow& row : spec::kAluRows) {
        if (row.operand >= Operand::order_le && row.symbol.substr(1) == name) {
            return read_own(cursor, result, row);
        }
    }
    if (name == "addr_space_cast") {
        return read_cast(cursor, result.number);
    }
    if (const AtomicName atomic = atomic_named(name); atomic.row != nullptr) {
        return read_fetch(cursor, result.number, atomic);
    }
    if (const spec::WideRow* row = wide_named(name)) {
        return read_wide_reference(cursor, symbols, result.number, *row);
    }
    return cursor.error(fmt::format("'{}' cannot stand on the right of '='", name));
}

// r1 = ...: the equals sign is read.
Result<Statement> read_assignment(Cursor& cursor, const Symbols& symbols, Register result,
                                  Hints hints) {
    if (cursor.accept("*")) {
        return read_load(cursor, result.number);
    }
    for (const spec::AluRow& row : spec::kAluRows) {
        const bool cast = row.operand == Operand::register_ || row.operand == Operand::register64;
        if (cast && cursor.accept(row.symbol.substr(1))) {
            return read_copy(cursor, result, row);
        }
    }
    const std::size_t begin = cursor.position();
    if (cursor.accept_register().has_value()) {
        cursor.move_to(begin);
        return read_copy(cursor, result, spec::row(AluOp::mov));
    }
    if (const std::string_view name = cursor.accept_identifier(); !name.empty()) {
        return read_assigned_name(cursor, symbols, result, name);
    }
    const spec::AluRow& neg = spec::row(AluOp::neg);
    if (cursor.accept(neg.symbol)) {
        if (cursor.accept_register().has_value()) {
            cursor.move_to(begin);
            cursor.accept(neg.symbol);
            return read_own(cursor, result, neg);
        }
        cursor.move_to(begin);
    }
    return read_assigned_number(cursor, result, hints);
}

// r1 += ..., r1 = ...: the register is read.
Result<Statement> read_register_statement(Cursor& cursor, const Symbols& symbols, Register result,
                                          Hints hints) {
    const auto* row = accept_symbol(cursor, spec::kAluRows, [](const spec::AluRow& one) {
        return one.operand == Operand::binary;
    });
    if (row == nullptr) {
        return cursor.error("an operator is missing");
    }
    if (row->op == AluOp::mov) {
        return read_assignment(cursor, symbols, result, hints);
    }
    Insn insn = alu_insn(*row, result.width);
    insn.dst = result.number;
    const std::size_t begin = cursor.position();
    if (const auto src = cursor.accept_register()) {
        if (src->width != result.width) {
            return cursor.error_at(begin, "both registers must be written with r, or both with w");
        }
        insn.source = Source::reg;
        insn.src = src->number;
        return finished(insn);
    }
    insn.imm = TRY(cursor.expect_imm32());
    return finished(insn);
}

// if r1 s> 5 goto out: "if" is read.
Result<Statement> read_condition(Cursor& cursor) {
    const auto left = cursor.accept_register();
    if (!left.has_value()) {
        return cursor.error("a register is missing after 'if'");
    }
    const auto* row =
        accept_symbol(cursor, spec::kJumpRows, [](const spec::JumpRow&) { return true; });
    if (row == nullptr) {
        return cursor.error("a comparison is missing");
    }
    Insn insn = jump_insn(*row, left->width);
    insn.dst = left->number;
    const std::size_t begin = cursor.position();
    if (const auto right = cursor.accept_register()) {
        if (right->width != left->width) {
            return cursor.error_at(begin, "both registers must be written with r, or both with w");
        }
        insn.source = Source::reg;
        insn.src = right->number;
    } else {
        insn.imm = TRY(cursor.expect_imm32());
    }
    if (!cursor.accept_word("goto")) {
        return cursor.error("'goto' is missing");
    }
    return read_jump_target(cursor, insn);
}

} // namespace

Result<Statement> read_operators(Cursor& cursor, const Symbols& symbols, Hints hints) {
    if (const auto reg = cursor.accept_register()) {
        return read_register_statement(cursor, symbols, *reg, hints);
    }
    if (cursor.accept("*")) {
        return read_store(cursor);
    }
    if (cursor.accept_word("if")) {
        return read_condition(cursor);
    }
    const std::size_t begin = cursor.position();
    if (cursor.accept_word("lock") && cursor.accept("*")) {
        return read_locked(cursor);
    }
    cursor.move_to(begin);
    const std::string_view name = cursor.accept_identifier();
    Insn insn;
    if (name == "exit") {
        return finished(insn);
    }
    if (name == "goto" || name == "gotol" || name == "may_goto") {
        insn.kind = name == "may_goto" ? InsnKind::may_goto : InsnKind::jump_always;
        insn.long_jump = name == "gotol";
        insn.width = insn.long_jump ? Width::w32 : Width::w64;
        return read_jump_target(cursor, insn);
    }
    if (name == "call" || name == "callx") {
        return read_call(cursor);
    }
    for (const spec::AtomicRow& row : spec::kAtomicRows) {
        if (row.form == AtomicForm::store && row.symbol == name) {
            return read_store_release(cursor, row);
        }
    }
    return name.empty() ? Result<Statement>(cursor.error("an instruction is missing"))
                        : read_mnemonic(cursor, name);
}

} // namespace skep::text
