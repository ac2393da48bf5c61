// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/callback.hpp"

#include <fmt/format.h>

#include "skep/spec/helpers.hpp"
#include "skep/spec/kfuncs.hpp"
#include "skep/verify/explain/range_text.hpp"
#include "skep/verify/explain/refusal.hpp"

namespace skep::verify {
namespace {

// A kernel function that orders a tree, or runs work later.
bool takes_function(const Subject& subject, const Insn& insn) {
    const spec::KfuncRow* row = subject.kfunc_row(insn);
    return row != nullptr && (row->rule == spec::KfuncRule::tree_add ||
                              row->rule == spec::KfuncRule::work_set_callback ||
                              row->rule == spec::KfuncRule::task_work);
}

void hand_over(Frame& frame, const CallbackRequest& request) {
    for (Reg reg = 1; reg <= 5; ++reg) {
        frame.regs[reg] = request.arguments[reg];
    }
    frame.callback = request.kind;
    frame.callback_result = request.result;
}

} // namespace

bool calls_back(const Subject& subject, const Insn& insn) {
    if (insn.kind == InsnKind::call_kfunc) {
        return takes_function(subject, insn);
    }
    const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
    return row != nullptr && row->effects.has(spec::Effect::calls_back);
}

State enter_synchronous(const State& caller, InsnIndex at, const CallbackRequest& request) {
    State state = caller;
    ++state.current_for_write().callback_depth;
    hand_over(state.push_frame(request.subprogram, at), request);
    return state;
}

State enter_asynchronous(const CallbackRequest& request) {
    State state = State::entering(request.subprogram);
    state.sleepable = request.may_sleep;
    hand_over(state.current_for_write(), request);
    return state;
}

Ruling<void> check_callback_result(const State& state) {
    const Value& result = state.reg(0);
    const ReturnRange& range = state.current().callback_result;
    if (!result.is_initialised()) {
        return refuse({.code = FindingCode::unset_register,
                       .kernel = "R0 !read_ok",
                       .because = "R0 has no value at the return"});
    }
    if (result.is_scalar() && result.number.s_low.min >= range.min &&
        result.number.s_low.max <= range.max) {
        return {};
    }
    return refuse(
        {.code = FindingCode::return_value,
         .os_errno = EINVAL,
         .kernel = returned_out_of_range(state.current().callback == CallbackKind::asynchronous
                                             ? "At async callback return"
                                             : "At callback return",
                                         result, range),
         .because =
             fmt::format("a callback returns a number from {} to {}", range.min, range.max)});
}

} // namespace skep::verify
