// SPDX-License-Identifier: Apache-2.0
//
// Functions of the program itself. A static one is walked at each call, in the caller's state. A
// global one is walked once, from what its BTF signature promises; calls are only compared with
// that.
//
// Proved by: tests/cases (subprograms).
#pragma once

#include <vector>

#include "skep/verify/access/region.hpp"

namespace skep::verify {

enum class ParameterKind : std::uint8_t {
    number,
    context,
    memory,
    dynptr,           // one that may be looked at
    arena,            // an address in the arena
    object,           // of the kernel's, known to be alive
    untrusted_object, // and not known to be
    untrusted_memory,
};
struct Parameter {
    ParameterKind kind = ParameterKind::number;
    std::uint32_t size_bytes = 0; // memory
    bool may_be_null = true;      // memory, object
    std::uint32_t type = 0;       // objects: the kernel's structure
};
struct Signature {
    std::vector<Parameter> parameters;
};

// What a global function's BTF says; refuses what is not known.
Ruling<Signature> signature_of(const Subject& subject, std::uint32_t subprogram);

// The same where a call asks: the last line is about the call.
Ruling<Signature> signature_for_call(const Subject& subject, std::uint32_t callee);

// The state in which a global function is walked.
State entry_state(std::uint32_t subprogram, const Signature& signature, IdSource& ids);

// A call to a global function: the arguments are what it expects.
Ruling<void> check_global_call(const Subject& subject, const State& state, std::uint32_t callee,
                               const Signature& signature);
void step_global_call(const Subject& subject, std::uint32_t callee, const Signature& signature,
                      State& state);

// A call to a static function: there is a frame left. Then: enters it.
Ruling<void> check_static_call(const State& state);
void step_static_call(std::uint32_t callee, InsnIndex at, State& state);

// The frame's registers that the caller gets back, and those it loses. Precondition: the current
// frame is a static function's.
Ruling<void> check_return(const State& state);
void step_return(State& state);

} // namespace skep::verify
