// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/generator/draft.hpp"

namespace skep::tests::campaign {

Insn of_kind(InsnKind kind) {
    Insn insn;
    insn.kind = kind;
    return insn;
}

Insn alu(AluOp op, Width width, Reg dst, Reg src) {
    Insn insn = of_kind(InsnKind::alu);
    insn.alu_op = op;
    insn.width = width;
    insn.source = Source::reg;
    insn.dst = dst;
    insn.src = src;
    return insn;
}

Insn alu_imm(AluOp op, Width width, Reg dst, std::int32_t imm) {
    Insn insn = alu(op, width, dst, 0);
    insn.source = Source::imm;
    insn.imm = imm;
    return insn;
}

Insn mov(Reg dst, Reg src) { return alu(AluOp::mov, Width::w64, dst, src); }
Insn mov_imm(Reg dst, std::int32_t imm) { return alu_imm(AluOp::mov, Width::w64, dst, imm); }

Insn wide(Reg dst, WideSource source, std::uint64_t value) {
    Insn insn = of_kind(InsnKind::load_wide);
    insn.wide_source = source;
    insn.dst = dst;
    insn.imm = static_cast<std::int32_t>(value & 0xffffffff);
    insn.imm_high = static_cast<std::uint32_t>(value >> 32);
    return insn;
}

Insn load(unsigned size_bytes, Reg dst, Reg base, std::int16_t offset) {
    Insn insn = of_kind(InsnKind::load);
    insn.size_bytes = static_cast<std::uint8_t>(size_bytes);
    insn.dst = dst;
    insn.src = base;
    insn.offset = offset;
    return insn;
}

Insn store(unsigned size_bytes, Reg base, std::int16_t offset, Reg src) {
    Insn insn = of_kind(InsnKind::store_reg);
    insn.size_bytes = static_cast<std::uint8_t>(size_bytes);
    insn.dst = base;
    insn.src = src;
    insn.offset = offset;
    return insn;
}

Insn store_imm(unsigned size_bytes, Reg base, std::int16_t offset, std::int32_t imm) {
    Insn insn = store(size_bytes, base, offset, 0);
    insn.kind = InsnKind::store_imm;
    insn.imm = imm;
    return insn;
}

Insn branch(JumpOp op, Width width, Reg dst, Reg src) {
    Insn insn = of_kind(InsnKind::jump);
    insn.jump_op = op;
    insn.width = width;
    insn.source = Source::reg;
    insn.dst = dst;
    insn.src = src;
    return insn;
}

Insn branch_imm(JumpOp op, Width width, Reg dst, std::int32_t imm) {
    Insn insn = branch(op, width, dst, 0);
    insn.source = Source::imm;
    insn.imm = imm;
    return insn;
}

Insn call_helper(std::int32_t id) {
    Insn insn = of_kind(InsnKind::call_helper);
    insn.imm = id;
    return insn;
}

std::vector<std::int32_t> Draft::places() const {
    std::vector<std::int32_t> places(labels_ + 1);
    std::int32_t at = 0;
    for (const Item& item : items_) {
        if (item.role == Role::place) {
            places.at(item.label) = at;
        } else {
            at += static_cast<std::int32_t>(item.insn.slots());
        }
    }
    return places;
}

std::vector<RawInsn> Draft::link() const {
    const std::vector<std::int32_t> places = this->places();
    std::vector<RawInsn> program;
    for (const Item& item : items_) {
        if (item.role == Role::place) {
            continue;
        }
        Insn insn = item.insn;
        if (item.role == Role::targeted) {
            const std::int32_t distance =
                places.at(item.label) - static_cast<std::int32_t>(program.size()) - 1;
            (insn.kind == InsnKind::load_wide ? insn.imm : insn.jump_slots) = distance;
        }
        skep::append(program, insn);
    }
    return program;
}

} // namespace skep::tests::campaign
