// SPDX-License-Identifier: Apache-2.0
//
// Data plane. The loop, over a policy that watches it.
//
// A policy has one function, before(op, machine), called before each instruction; it may change
// nothing. What watches nothing costs nothing. Coverage, stepping and the checking of claims are
// policies: the steps are the same for all of them. A policy may end the run by answering false.
// Handlers that go on by themselves (dispatch.hpp) make the loop turn once.
#pragma once

#include "skep/run/interpreter/machine.hpp"

namespace skep::run::interpreter {

struct Unobserved {
    bool before(const Op&, const Machine&) { return true; }
};

// A Machine and who watches it, so that a callback goes on with both.
template <class Policy>
struct Watched {
    Machine machine;
    Policy* policy = nullptr;
};

template <class Policy>
void run_from(const Op* op, Watched<Policy>& watched) {
    while (op != nullptr) {
        if (!watched.policy->before(*op, watched.machine)) {
            watched.machine.give_up();
            return;
        }
        op = op->handler(op, watched.machine);
    }
}

// Invocation::call_back: runs the subprogram at `entry`, the address of its first Op, above the
// frame of the helper's caller.
template <class Policy>
// NOLINTNEXTLINE(readability-function-size): seven arguments, as machine code passes them too
std::uint64_t call_back(helpers::Invocation& invocation, std::uint64_t entry, std::uint64_t r1,
                        std::uint64_t r2, std::uint64_t r3, std::uint64_t r4, std::uint64_t r5) {
    auto& watched = *static_cast<Watched<Policy>*>(invocation.engine);
    Machine& machine = watched.machine;
    const std::uint64_t distance = entry - reinterpret_cast<std::uint64_t>(machine.ops);
    const bool is_op = distance % sizeof(Op) == 0 && distance / sizeof(Op) < machine.op_count;
    if (machine.stopped || !is_op || !machine.enter(nullptr)) {
        machine.give_up();
        return 1; // a helper that loops ends its loop
    }
    machine.reg[1] = r1;
    machine.reg[2] = r2;
    machine.reg[3] = r3;
    machine.reg[4] = r4;
    machine.reg[5] = r5;
    run_from(machine.ops + distance / sizeof(Op), watched);
    return machine.stopped ? 1 : machine.reg[0];
}

} // namespace skep::run::interpreter
