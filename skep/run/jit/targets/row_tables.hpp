// SPDX-License-Identifier: Apache-2.0
//
// What a target makes of each row of the instruction table, by row.
//
// A target says it in specialisations of three templates of its own: what an arithmetic row
// becomes, which condition a jump is, what an atomic row becomes. Walking the rows makes the
// compiler demand each of them, so a row without code does not compile.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "skep/spec/instructions.hpp"

namespace skep::run::jit {

// Null where a row has no such form.
template <template <AluOp> class Emit, AluOp op>
constexpr auto emit_by_register() {
    constexpr spec::Operand operand = spec::row(op).operand;
    constexpr bool has_form = operand == spec::Operand::binary ||
                              operand == spec::Operand::register_ ||
                              operand == spec::Operand::register64;
    if constexpr (has_form) {
        return &Emit<op>::by_register;
    } else {
        return static_cast<decltype(&Emit<AluOp::add>::by_register)>(nullptr);
    }
}
template <template <AluOp> class Emit, AluOp op>
constexpr auto emit_by_number() {
    constexpr spec::Operand operand = spec::row(op).operand;
    if constexpr (operand == spec::Operand::register_ || operand == spec::Operand::register64) {
        return static_cast<decltype(&Emit<AluOp::add>::by_number)>(nullptr);
    } else {
        return &Emit<op>::by_number;
    }
}

template <template <AluOp> class Emit>
inline constexpr auto kAluByRegister = []<std::size_t... i>(std::index_sequence<i...>) {
    return std::array{emit_by_register<Emit, spec::kAluRows[i].op>()...};
}
(std::make_index_sequence<spec::kAluRows.size()>());

template <template <AluOp> class Emit>
inline constexpr auto kAluByNumber = []<std::size_t... i>(std::index_sequence<i...>) {
    return std::array{emit_by_number<Emit, spec::kAluRows[i].op>()...};
}
(std::make_index_sequence<spec::kAluRows.size()>());

template <template <JumpOp> class Condition>
inline constexpr auto kJumpConditions = []<std::size_t... i>(std::index_sequence<i...>) {
    return std::array{Condition<spec::kJumpRows[i].op>::kValue...};
}
(std::make_index_sequence<spec::kJumpRows.size()>());

template <template <AtomicOp> class Emit>
inline constexpr auto kAtomicEmitters = []<std::size_t... i>(std::index_sequence<i...>) {
    return std::array{&Emit<spec::kAtomicRows[i].op>::emit...};
}
(std::make_index_sequence<spec::kAtomicRows.size()>());

} // namespace skep::run::jit
