// SPDX-License-Identifier: Apache-2.0
//
// Every row of the instruction table has a conformance case of our own, in every width and size
// that the row has. What is missing fails by name.
#include <set>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/bytecode/disassemble.hpp"
#include "tests/support/case_file.hpp"

namespace skep::tests {
namespace {

// A form: an instruction with everything that is no operand. Its text has r1, r2 and no numbers
// that matter, so that equal forms have equal texts.
std::string form_of(Insn insn) {
    insn.dst = 1;
    insn.src = insn.source == Source::reg || insn.kind == InsnKind::atomic ? 2 : 0;
    insn.offset = 0;
    const bool selects =
        insn.kind == InsnKind::alu && spec::row(insn.alu_op).operand >= spec::Operand::order_le;
    insn.imm = selects ? insn.imm : 0;
    insn.imm_high = 0;
    insn.jump_slots = 0;
    insn.long_jump = insn.kind == InsnKind::jump_always && insn.long_jump;
    return disassemble(insn, InsnIndex{0}, Dialect::kernel);
}

std::set<std::string> covered_forms() {
    std::set<std::string> forms;
    const std::filesystem::path folder =
        std::filesystem::path(SKEP_SOURCE_DIR) / "tests/cases/conformance";
    for (const auto& path : files_below(folder, ".case")) {
        const auto file = read_case(path);
        const auto assembled = file.ok() ? assemble(file->section("asm").value_or(""))
                                         : Result<Assembled>(Assembled{});
        const auto insns = assembled.ok() ? decode_all(assembled->insns)
                                          : Result<std::vector<Insn>>(std::vector<Insn>{});
        EXPECT_TRUE(insns.ok() && !insns->empty()) << path;
        for (const Insn& insn : insns.ok() ? *insns : std::vector<Insn>()) {
            forms.insert(form_of(insn));
        }
    }
    return forms;
}

Insn alu(AluOp op, Width width, Source source) {
    Insn insn;
    insn.kind = InsnKind::alu;
    insn.alu_op = op;
    insn.width = width;
    insn.source = source;
    insn.imm = spec::row(op).operand >= spec::Operand::order_le ? spec::row(op).selector : 0;
    return insn;
}

std::vector<Insn> alu_forms() {
    std::vector<Insn> forms;
    for (const spec::AluRow& row : spec::kAluRows) {
        const bool both_sources = row.operand == spec::Operand::binary;
        const bool by_register =
            row.operand == spec::Operand::register_ || row.operand == spec::Operand::register64;
        const bool wide_only =
            row.operand == spec::Operand::register64 || row.operand >= spec::Operand::order_le;
        for (const Width width : {Width::w64, Width::w32}) {
            if (wide_only && width == Width::w32) {
                continue;
            }
            forms.push_back(alu(row.op, width, by_register ? Source::reg : Source::imm));
            if (both_sources) {
                forms.push_back(alu(row.op, width, Source::reg));
            }
        }
    }
    return forms;
}

std::vector<Insn> jump_and_atomic_forms() {
    std::vector<Insn> forms;
    for (const spec::JumpRow& row : spec::kJumpRows) {
        for (const Width width : {Width::w64, Width::w32}) {
            for (const Source source : {Source::imm, Source::reg}) {
                Insn insn;
                insn.kind = InsnKind::jump;
                insn.jump_op = row.op;
                insn.width = width;
                insn.source = source;
                forms.push_back(insn);
            }
        }
    }
    for (const spec::AtomicRow& row : spec::kAtomicRows) {
        const bool any_size =
            row.form == spec::AtomicForm::load || row.form == spec::AtomicForm::store;
        for (const unsigned size_bytes : {1U, 2U, 4U, 8U}) {
            if (any_size || size_bytes >= 4) {
                Insn insn;
                insn.kind = InsnKind::atomic;
                insn.atomic_op = row.op;
                insn.size_bytes = static_cast<std::uint8_t>(size_bytes);
                forms.push_back(insn);
            }
        }
    }
    return forms;
}

std::vector<Insn> memory_and_flow_forms() {
    std::vector<Insn> forms;
    for (const unsigned size_bytes : {1U, 2U, 4U, 8U}) {
        for (const InsnKind kind : {InsnKind::load, InsnKind::store_imm, InsnKind::store_reg}) {
            Insn insn;
            insn.kind = kind;
            insn.size_bytes = static_cast<std::uint8_t>(size_bytes);
            forms.push_back(insn);
            if (kind == InsnKind::load && size_bytes < 8) {
                insn.extend = Extend::sign;
                forms.push_back(insn);
            }
        }
    }
    for (const InsnKind kind :
         {InsnKind::exit, InsnKind::jump_always, InsnKind::may_goto, InsnKind::call_subprogram,
          InsnKind::address_space_cast, InsnKind::load_wide}) {
        Insn insn;
        insn.kind = kind;
        insn.source = kind == InsnKind::address_space_cast ? Source::reg : Source::imm;
        forms.push_back(insn);
    }
    forms.push_back(forms.back());
    forms.back().kind = InsnKind::jump_always;
    forms.back().long_jump = true;
    return forms;
}

TEST(ConformanceCoverage, EveryRowHasACaseInEveryForm) {
    const std::set<std::string> covered = covered_forms();
    for (const std::vector<Insn>& forms :
         {alu_forms(), jump_and_atomic_forms(), memory_and_flow_forms()}) {
        for (const Insn& insn : forms) {
            EXPECT_EQ(covered.count(form_of(insn)), 1U) << "no case has: " << form_of(insn);
        }
    }
}

} // namespace
} // namespace skep::tests
