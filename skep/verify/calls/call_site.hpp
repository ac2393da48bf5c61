// SPDX-License-Identifier: Apache-2.0
//
// CallSite: one call to a helper under judgement: who is called, from where, in which state.
// Arguments are numbered from 1, as registers are.
#pragma once

#include <string>

#include "skep/spec/helpers.hpp"
#include "skep/spec/limits.hpp"
#include "skep/verify/calls/call.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {

inline constexpr unsigned kMaxArguments = spec::limits::function_arguments;

struct CallSite {
    const Subject& subject;
    const State& state;
    InsnIndex at;
    const spec::HelperRow& helper;
    const spec::Arguments& arguments; // of the caller's program type

    [[nodiscard]] const Value& value(unsigned number) const {
        return state.reg(static_cast<Reg>(number));
    }
    [[nodiscard]] const spec::Arg& argument(unsigned number) const { return arguments[number - 1]; }
    [[nodiscard]] std::string_view name() const { return helper.name; }
};

} // namespace skep::verify
