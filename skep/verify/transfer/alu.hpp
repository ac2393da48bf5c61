// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic on registers, numbers and pointers alike.
//
// Proved by: arithmetic_test.cpp for the numbers, tests/cases for the rest.
#pragma once

#include <optional>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/workspace.hpp"

namespace skep::verify {

// May it? For insn kind alu, after check_registers.
Ruling<void> check_alu(const Subject& subject, const State& state, const Insn& insn);

// What then?
void step_alu(Workspace& workspace, State& state, const Insn& insn);

// The second operand of an arithmetic instruction or jump as a value: a register's, or the
// sign-extended immediate. Registers are not copied: it is true until the state changes.
class Operand {
  public:
    Operand(const State& state, const Insn& insn) {
        if (insn.source == Source::reg) {
            value_ = &state.reg(insn.src);
        } else {
            immediate_ = Value::constant(static_cast<std::uint64_t>(std::int64_t{insn.imm}));
            value_ = &*immediate_;
        }
    }
    Operand(const Operand&) = delete;
    Operand& operator=(const Operand&) = delete;

    const Value& operator*() const { return *value_; }
    const Value* operator->() const { return value_; }

  private:
    std::optional<Value> immediate_;
    const Value* value_;
};

// Before a number is copied: gives it an id, so that what is learned about one copy is known of
// all.
void link_before_copy(Workspace& workspace, Value& source);

} // namespace skep::verify
