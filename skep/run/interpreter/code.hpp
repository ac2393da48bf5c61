// SPDX-License-Identifier: Apache-2.0
//
// Code: a verified program made ready for the interpreter in this process.
//
// Making it is control plane. Here every index becomes what it stands for: maps and map values
// addresses, helpers functions, subprograms the address of their first Op. What cannot be bound is
// an error that names it.
#pragma once

#include <memory>
#include <vector>

#include "skep/run/executable.hpp"
#include "skep/run/interpreter/loop.hpp"

namespace skep::run::interpreter {

struct Code {
    std::vector<Op> ops; // one for each running slot; never resized, for it is pointed into
    std::vector<helpers::HelperFunction> helpers;
};

// In which form its handlers are: only `alone` lets a policy look between instructions.
enum class Form : bool { alone, threaded };

Result<std::unique_ptr<const Code>> make_code(const verify::VerifiedProgram& program,
                                              const Binding& binding, Form form);

// Runs it from its beginning, watched; code of the threaded form is only seen to begin. Data plane.
// What belongs to an engine in the invocation is put back afterwards, since a tail call nests one
// run in another.
template <class Policy>
std::uint64_t run_code(const Code& code, void* context, helpers::Invocation& invocation,
                       Policy& policy) {
    Watched<Policy> watched; // its stack is not cleared: what a program may read of it was proved
    Machine& machine = watched.machine;
    watched.policy = &policy;
    machine.invocation = &invocation;
    machine.helpers = code.helpers.data();
    machine.ops = code.ops.data();
    machine.op_count = code.ops.size();
    machine.reg[1] = reinterpret_cast<std::uint64_t>(context);
    machine.reg[kFramePointer] =
        reinterpret_cast<std::uint64_t>(machine.stack.data()) + kFrameBytes;

    const auto outer_call_back = invocation.call_back;
    void* const outer_engine = invocation.engine;
    const std::uint64_t outer_budget = invocation.loop_budget;
    invocation.call_back = call_back<Policy>;
    invocation.engine = &watched;
    invocation.loop_budget = spec::limits::loop_iterations;
    run_from(machine.ops, watched);
    invocation.call_back = outer_call_back;
    invocation.engine = outer_engine;
    invocation.loop_budget = outer_budget;
    return machine.reg[0];
}

} // namespace skep::run::interpreter
