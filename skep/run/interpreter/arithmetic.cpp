// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Arithmetic: one handler for every row, width and kind of operand, all from the
// meaning column.
#include <utility>

#include "skep/run/interpreter/dispatch.hpp"

namespace skep::run::interpreter {
namespace {

template <AluOp op, Width width, Source source>
const Op* alu(const Op* self, Machine& machine) {
    using Word = std::conditional_t<width == Width::w64, std::uint64_t, std::uint32_t>;
    std::uint64_t& dst = machine.reg[self->dst];
    const std::uint64_t src =
        source == Source::reg ? machine.reg[self->src]
                              : static_cast<std::uint64_t>(static_cast<std::int64_t>(self->imm));
    // A 32-bit result clears the upper half of the register (RFC 9669, 4.1).
    dst = spec::apply<op>(static_cast<Word>(dst), static_cast<Word>(src));
    return self + 1;
}

using HandlersOfRow = std::array<std::array<Handlers, 2>, 2>; // by width, by source

template <AluOp op>
constexpr HandlersOfRow handlers_of() {
    return {{{forms_of<alu<op, Width::w32, Source::imm>>(),
              forms_of<alu<op, Width::w32, Source::reg>>()},
             {forms_of<alu<op, Width::w64, Source::imm>>(),
              forms_of<alu<op, Width::w64, Source::reg>>()}}};
}

template <std::size_t... index>
constexpr std::array<HandlersOfRow, sizeof...(index)> all_rows(std::index_sequence<index...>) {
    return {handlers_of<static_cast<AluOp>(index)>()...};
}
constexpr auto kHandlers = all_rows(std::make_index_sequence<spec::kAluRows.size()>());

const Op* load_wide(const Op* self, Machine& machine) {
    machine.reg[self->dst] =
        (static_cast<std::uint64_t>(static_cast<std::uint32_t>(self[1].imm)) << 32) |
        static_cast<std::uint32_t>(self->imm);
    return self + 2;
}

// Both address spaces of a cast are this process's own.
const Op* copy(const Op* self, Machine& machine) {
    machine.reg[self->dst] = machine.reg[self->src];
    return self + 1;
}

const Op* unreachable(const Op*, Machine& machine) { return machine.give_up(); }

} // namespace

Handlers arithmetic_handlers(const Insn& insn) {
    if (insn.kind == InsnKind::alu) {
        return kHandlers[static_cast<std::size_t>(insn.alu_op)][insn.width == Width::w64 ? 1 : 0]
                        [insn.source == Source::reg ? 1 : 0];
    }
    return insn.kind == InsnKind::load_wide ? forms_of<load_wide>() : forms_of<copy>();
}

Handlers unreachable_handlers() { return forms_of<unreachable, Ends::perhaps>(); }

} // namespace skep::run::interpreter
