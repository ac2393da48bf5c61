// SPDX-License-Identifier: Apache-2.0
//
// Draft: a program while it is written, with jumps that go to labels; and makers of instructions.
#pragma once

#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep::tests::campaign {

Insn alu(AluOp op, Width width, Reg dst, Reg src);
Insn alu_imm(AluOp op, Width width, Reg dst, std::int32_t imm);
Insn mov(Reg dst, Reg src);
Insn mov_imm(Reg dst, std::int32_t imm);
Insn wide(Reg dst, WideSource source, std::uint64_t value);
Insn load(unsigned size_bytes, Reg dst, Reg base, std::int16_t offset);
Insn store(unsigned size_bytes, Reg base, std::int16_t offset, Reg src);
Insn store_imm(unsigned size_bytes, Reg base, std::int16_t offset, std::int32_t imm);
Insn branch(JumpOp op, Width width, Reg dst, Reg src);
Insn branch_imm(JumpOp op, Width width, Reg dst, std::int32_t imm);
Insn of_kind(InsnKind kind);
Insn call_helper(std::int32_t id);

class Draft {
  public:
    using Label = std::uint32_t;

    Label label() { return labels_++; }
    void place(Label label) { items_.push_back({Insn{}, label, Role::place}); }
    void add(const Insn& insn) { items_.push_back({insn, 0, Role::plain}); }
    // A jump, a call of a subprogram, or a wide load of a subprogram's address.
    void add(const Insn& insn, Label target) { items_.push_back({insn, target, Role::targeted}); }
    [[nodiscard]] std::size_t size() const { return items_.size(); }

    // The slot that each label stands at.
    [[nodiscard]] std::vector<std::int32_t> places() const;
    [[nodiscard]] std::vector<RawInsn> link() const;

  private:
    enum class Role : std::uint8_t { plain, targeted, place };
    struct Item {
        Insn insn;
        Label label;
        Role role;
    };
    std::vector<Item> items_;
    Label labels_ = 0;
};

} // namespace skep::tests::campaign
