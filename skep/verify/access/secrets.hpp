// SPDX-License-Identifier: Apache-2.0
//
// Secrets: addresses, for loaders that may not see them (without CAP_PERFMON). They may be kept in
// registers and whole on the stack, moved, tested for null and accessed through; nothing else.
//
// Proved by: tests/cases/unprivileged.
#pragma once

#include <string>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

inline bool is_secret(const Subject& subject, const Value& value) {
    return value.is_pointer() && !subject.environment.capabilities.perfmon;
}

// A refusal. `doing` ends the sentence "R1 is a pointer, and ...".
Finding tells_secret(const State& state, Reg reg, std::string kernel, std::string_view doing);

// What would be done with the value is refused when that is a secret. `kernel()` is the kernel's
// line: it is asked for only then, since almost no instruction is refused.
template <class KernelLine>
Ruling<void> keep_secret(const Subject& subject, const State& state, Reg reg,
                         const KernelLine& kernel, std::string_view doing) {
    if (!is_secret(subject, state.reg(reg))) {
        return {};
    }
    return tells_secret(state, reg, kernel(), doing);
}

// A register that is stored through `base`, by an instruction; on the stack it may be.
Ruling<void> keep_stored_secret(const Subject& subject, const State& state, Reg stored,
                                const Value& base);

} // namespace skep::verify
