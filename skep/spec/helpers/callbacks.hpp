// SPDX-License-Identifier: Apache-2.0
//
// Callbacks: what helpers hand to the subprograms that they call back.
//
// Columns of helpers/callbacks.def:
//   helper    the helper (helpers.hpp); its effects say calls_back
//   how       synchronous: before the helper returns, zero or more times; asynchronous: some time
//   later function  which argument names the subprogram context   which argument is handed on to
//   it; 0: none R1 .. R5  what its arguments are (enum CallbackArgument) answers   the least and
//   the greatest number that it may return
#pragma once

#include <array>
#include <cstdint>

#include "skep/spec/helpers.hpp"

namespace skep::spec {

enum class CallbackTiming : std::uint8_t { synchronous, asynchronous };

enum class CallbackArgument : std::uint8_t {
    none, // unreadable
    number,
    map,     // the map that the helper was given
    key,     // a key of it
    value,   // a value of it
    context, // the argument of the helper that is handed on
    task,    // the task that the helper was given
    vma,     // a memory area, trusted
    dynptr,  // read-only, local
};

struct CallbackRow {
    Helper helper;
    CallbackTiming timing;
    std::uint8_t function_argument;
    std::uint8_t context_argument;
    std::array<CallbackArgument, 5> arguments;
    AnswerRange answers;
};

inline constexpr std::array kCallbacks = [] {
    using enum CallbackArgument;
    using enum CallbackTiming;
    return std::array{
#define CALLBACK(helper, how, function, context_argument, r1, r2, r3, r4, r5, minimum, maximum)    \
    CallbackRow{Helper::helper,    how, function, context_argument, {r1, r2, r3, r4, r5},          \
                {minimum, maximum}},
#include "skep/spec/helpers/callbacks.def"
    };
}();

// The row, or null for a helper that calls nobody back.
constexpr const CallbackRow* find_callback(Helper helper) {
    for (const CallbackRow& row : kCallbacks) {
        if (row.helper == helper) {
            return &row;
        }
    }
    return nullptr;
}

} // namespace skep::spec
