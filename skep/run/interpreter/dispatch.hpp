// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Dispatch: how one instruction leads to the next.
//
// What an instruction does is a step: a function that answers with the next Op, or null at the end.
// Each step has two forms, made from it here:
//
//   alone     the step itself. A loop calls one after the other (loop.hpp), so that a policy can
//             look between them.
//   threaded  the step, and then a jump into the next Op's handler. Nobody looks; the stack does
//             not grow, because the jump is a call in tail position that the compiler must turn
//             into one. Every handler ends in an indirect jump of its own, which is what the
//             machine's branch predictor wants.
//
// Clang is told to (musttail). GCC before 15 has no such word but does it by
// -foptimize-sibling-calls, which CMake sets for this folder, wherever no local's address escapes:
// so a step that hands one out is [[gnu::noinline]], is called, and only its result jumps on.
// Without optimisation and under sanitizers there is only the form that stands alone.
//
// Proved by: tests/engines/dispatch_test.cpp (a long run of every kind of Op uses no stack).
#pragma once

#include "skep/run/interpreter/machine.hpp"

namespace skep::run::interpreter {

#if defined(__clang__) ||                                                                          \
    (defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__))
inline constexpr bool kThreads = true;
#else
inline constexpr bool kThreads = false;
#endif

enum class Ends : bool { never, perhaps }; // whether a step may answer null

template <Handler step, Ends ends>
const Op* threaded(const Op* self, Machine& machine) {
    const Op* next = step(self, machine);
    if (ends == Ends::perhaps && next == nullptr) {
        return nullptr;
    }
#if defined(__clang__)
    [[clang::musttail]]
#endif
    return next->handler(next, machine);
}

template <Handler step, Ends ends = Ends::never>
constexpr Handlers forms_of() {
    if constexpr (kThreads) {
        return {step, threaded<step, ends>};
    } else {
        return {step, step};
    }
}

} // namespace skep::run::interpreter
