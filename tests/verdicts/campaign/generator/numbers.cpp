// SPDX-License-Identifier: Apache-2.0
//
// Pieces that compute, bound and compare.
#include <algorithm>
#include <bit>

#include "tests/verdicts/campaign/generator/pieces.hpp"

namespace skep::tests::campaign {
namespace {

using spec::Operand;

bool is_shift(AluOp op) { return op == AluOp::lsh || op == AluOp::rsh || op == AluOp::arsh; }

std::int32_t immediate_for(Writer& writer, const spec::AluRow& row, Width width) {
    if (row.operand >= Operand::order_le) {
        return row.selector;
    }
    if (row.operand == Operand::unary) {
        return 0;
    }
    if (is_shift(row.op) && !writer.wrong()) {
        return static_cast<std::int32_t>(writer.below(width == Width::w64 ? 64 : 32));
    }
    const std::int32_t imm = writer.immediate();
    return row.group == spec::Group::divmul && imm == 0 && !writer.wrong() ? 1 : imm;
}

const spec::JumpRow& any_jump(Writer& writer) {
    return spec::kJumpRows[writer.below(static_cast<std::uint32_t>(spec::kJumpRows.size()))];
}

} // namespace

void write_arithmetic(Writer& writer) {
    const spec::AluRow& row =
        spec::kAluRows[writer.below(static_cast<std::uint32_t>(spec::kAluRows.size()))];
    const Width width =
        row.operand == Operand::register64 || writer.one_in(2) ? Width::w64 : Width::w32;
    const bool source_needed =
        row.operand == Operand::register_ || row.operand == Operand::register64;
    const bool immediate = !source_needed && (row.operand != Operand::binary || writer.one_in(2));
    const Reg dst = writer.a_number();
    if ((writer.locked >> dst & 1) != 0 && !writer.wrong()) {
        return;
    }
    Insn insn = alu(row.op, width, dst, immediate ? Reg{0} : writer.a_number());
    if (immediate) {
        insn.source = Source::imm;
        insn.imm = immediate_for(writer, row, width);
    }
    if (row.operand >= Operand::order_le) {
        insn.width = Width::w64;
    }
    writer.code.add(insn);
    writer.set(dst, Kind::number);
}

void write_move(Writer& writer) {
    const Reg src = writer.any_set();
    const Reg dst = writer.free(writer.one_in(2));
    writer.code.add(mov(dst, src));
    writer.set(dst, src == kFramePointer ? Kind::memory : writer.of(src).kind,
               src == kFramePointer ? 0 : writer.of(src).limit);
}

void write_bound(Writer& writer, const Site& site, Reg reg, std::uint64_t most) {
    const Width width = writer.one_in(3) ? Width::w32 : Width::w64;
    const auto limit = static_cast<std::int32_t>(std::min<std::uint64_t>(most, 0x7fffffff));
    switch (writer.below(7)) {
    case 0:
    case 1:
        writer.code.add(alu_imm(AluOp::and_, width, reg,
                                static_cast<std::int32_t>(
                                    std::bit_ceil(static_cast<std::uint32_t>(limit) / 2 + 1) - 1)));
        break;
    case 2:
        writer.code.add(alu_imm(AluOp::mod, width, reg, limit + 1));
        break;
    case 3: {
        const int zeros = std::countl_zero(static_cast<std::uint32_t>(limit) | 1U) + 1;
        writer.code.add(alu_imm(AluOp::rsh, Width::w64, reg, std::min(63, 32 + zeros - 1)));
        break;
    }
    case 4: // in two steps, both signed
        writer.code.add(branch_imm(JumpOp::jsgt, width, reg, limit), site.out);
        if (!writer.one_in(12)) {
            writer.code.add(branch_imm(JumpOp::jslt, width, reg, 0), site.out);
        }
        break;
    case 5: { // against a register
        const Reg other = writer.free(false);
        writer.code.add(mov_imm(other, limit));
        writer.set(other, Kind::number, most);
        writer.code.add(branch(JumpOp::jgt, width, reg, other), site.out);
        break;
    }
    default: {
        const bool equal = writer.one_in(8);
        writer.code.add(branch_imm(equal ? JumpOp::jne : JumpOp::jgt, width, reg, limit), site.out);
    }
    }
    writer.set(reg, Kind::number, most);
}

void write_condition(Writer& writer, Draft::Label label) {
    const Width width = writer.one_in(3) ? Width::w32 : Width::w64;
    const bool pointers = writer.one_in(12);
    const Reg left = pointers ? writer.any_set() : writer.a_number();
    const spec::JumpRow& row = any_jump(writer);
    if (writer.one_in(2)) {
        writer.code.add(branch_imm(row.op, width, left, writer.immediate()), label);
    } else {
        const Reg right = pointers ? writer.any_set() : writer.a_number();
        writer.code.add(branch(row.op, width, left, right), label);
    }
}

} // namespace skep::tests::campaign
