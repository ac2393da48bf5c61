// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Jumps, calls and ends. The distance of a jump is in the offset, that of a long jump
// and of a call to a subprogram in the immediate; both count from the next slot.
#include <utility>

#include "skep/helpers/tail_call.hpp"
#include "skep/run/interpreter/dispatch.hpp"

namespace skep::run::interpreter {
namespace {

template <JumpOp op, Width width, Source source>
const Op* jump(const Op* self, Machine& machine) {
    using Word = std::conditional_t<width == Width::w64, std::uint64_t, std::uint32_t>;
    const std::uint64_t src =
        source == Source::reg ? machine.reg[self->src]
                              : static_cast<std::uint64_t>(static_cast<std::int64_t>(self->imm));
    const bool taken =
        spec::taken<op>(static_cast<Word>(machine.reg[self->dst]), static_cast<Word>(src));
    return self + 1 + (taken ? self->offset : 0);
}

using HandlersOfRow = std::array<std::array<Handlers, 2>, 2>; // by width, by source

template <JumpOp op>
constexpr HandlersOfRow handlers_of() {
    return {{{forms_of<jump<op, Width::w32, Source::imm>>(),
              forms_of<jump<op, Width::w32, Source::reg>>()},
             {forms_of<jump<op, Width::w64, Source::imm>>(),
              forms_of<jump<op, Width::w64, Source::reg>>()}}};
}
template <std::size_t... index>
constexpr std::array<HandlersOfRow, sizeof...(index)> all_rows(std::index_sequence<index...>) {
    return {handlers_of<static_cast<JumpOp>(index)>()...};
}
constexpr auto kHandlers = all_rows(std::make_index_sequence<spec::kJumpRows.size()>());

const Op* jump_always(const Op* self, Machine&) { return self + 1 + self->offset; }
const Op* jump_long(const Op* self, Machine&) { return self + 1 + self->imm; }

const Op* may_goto(const Op* self, Machine& machine) {
    std::uint64_t& budget = machine.invocation->loop_budget;
    if (budget == 0) {
        return self + 1 + self->offset;
    }
    --budget;
    return self + 1;
}

const Op* call_function(helpers::HelperFunction function, const Op* self, Machine& machine) {
    auto& reg = machine.reg;
    const std::uint64_t result =
        function(reg[1], reg[2], reg[3], reg[4], reg[5], *machine.invocation);
    if (machine.stopped) { // by a callback that the helper ran
        return machine.give_up();
    }
    reg[0] = result;
    return self + 1;
}

const Op* call_helper(const Op* self, Machine& machine) {
    return call_function(machine.helpers[self->imm], self, machine);
}

// The size of the frame is in the offset.
const Op* call_reading_helper(const Op* self, Machine& machine) {
    const std::uint64_t end = machine.reg[kFramePointer];
    machine.invocation->stack = {end - static_cast<std::uint64_t>(self->offset), end};
    return call_helper(self, machine);
}

// The number of the helper is in a register. The verifier refuses such calls, as Linux does; they
// are here for the conformance files.
const Op* call_register(const Op* self, Machine& machine) {
    const auto id = static_cast<std::uint32_t>(machine.reg[self->dst]);
    const helpers::HelperFunction function = helpers::find_helper(id);
    return function == nullptr ? machine.give_up() : call_function(function, self, machine);
}

const Op* call_subprogram(const Op* self, Machine& machine) {
    return machine.enter(self + 1) ? self + 1 + self->imm : machine.give_up();
}

const Op* leave(const Op*, Machine& machine) { return machine.leave(); }

// r1 context, r2 program array, r3 index. The other program's end is the end of this subprogram.
[[gnu::noinline]] const Op* tail_call(const Op* self, Machine& machine) {
    auto& programs = *pointer_at<maps::Map>(machine.reg[2]);
    const auto index = static_cast<std::uint32_t>(machine.reg[3]);
    std::uint64_t result = 0;
    if (!helpers::tail_call(programs, index, *machine.invocation, result)) {
        return self + 1;
    }
    machine.reg[0] = result;
    return machine.leave();
}

} // namespace

Handlers flow_handlers(const Insn& insn) {
    if (insn.kind == InsnKind::jump) {
        return kHandlers[static_cast<std::size_t>(insn.jump_op)][insn.width == Width::w64 ? 1 : 0]
                        [insn.source == Source::reg ? 1 : 0];
    }
    struct KindHandlers {
        InsnKind kind;
        Handlers handlers;
    };
    const std::array<KindHandlers, 6> by_kind{
        {{InsnKind::jump_always, insn.long_jump ? forms_of<jump_long>() : forms_of<jump_always>()},
         {InsnKind::may_goto, forms_of<may_goto>()},
         {InsnKind::call_helper, forms_of<call_helper, Ends::perhaps>()},
         {InsnKind::call_register, forms_of<call_register, Ends::perhaps>()},
         {InsnKind::call_subprogram, forms_of<call_subprogram, Ends::perhaps>()},
         {InsnKind::exit, forms_of<leave, Ends::perhaps>()}}};
    for (const KindHandlers& one : by_kind) {
        if (one.kind == insn.kind) {
            return one.handlers;
        }
    }
    return {}; // kernel functions
}

Handlers reading_helper_handlers() { return forms_of<call_reading_helper, Ends::perhaps>(); }
Handlers tail_call_handlers() { return forms_of<tail_call, Ends::perhaps>(); }

} // namespace skep::run::interpreter
