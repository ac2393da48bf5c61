// SPDX-License-Identifier: Apache-2.0
//
// Calls to kernel functions. None is known yet: each is refused, by its name where the kernel's
// types tell it.
#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/calls/call.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {
namespace {

std::string function_name(const Subject& subject, InsnIndex at) {
    const btf::Btf* types = subject.environment.kernel_types;
    const auto id = static_cast<btf::TypeId>(subject.insn(at).imm);
    const bool is_function = subject.insn(at).imm > 0 && subject.insn(at).offset == 0 &&
                             types != nullptr && types->has(id) &&
                             types->type(id).kind == btf::Kind::function;
    return is_function ? std::string(types->type(id).name)
                       : fmt::format("#{}", subject.insn(at).imm);
}

} // namespace

Ruling<CallPlan> check_kfunc_call(const Subject& subject, const State& /*state*/, InsnIndex at) {
    const std::string name = function_name(subject, at);
    return refuse(
        FindingCode::not_known_yet, EACCES,
        fmt::format("calling kernel function {} is not allowed", name),
        fmt::format("{} is a kernel function, and calls to kernel functions are not judged yet",
                    name));
}

void step_kfunc_call(const Subject& /*subject*/, const CallPlan& plan, InsnIndex /*at*/,
                     State& state, IdSource& /*ids*/) {
    step_common(plan, state);
    state.set_reg(0, Value::unknown());
}

} // namespace skep::verify
