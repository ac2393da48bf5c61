// SPDX-License-Identifier: Apache-2.0
//
// Argument kinds: which values may be passed for which kind of argument, by their kind alone.
//
// One row per spec::ArgKind: the list that the kernel's log gives after "expected=", the kinds of
// values, and words for a person. What else must be true of the value (sizes, offsets, contents) is
// asked by memory_arguments and object_arguments.
#pragma once

#include <string_view>

#include "skep/spec/helpers.hpp"
#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

// Pointers into the packet pass only where the helper, and the type of program, take them.
Ruling<void> check_packet_argument(const CallSite& site, unsigned number);

// Whether the register holds a value of a kind that the argument takes, given the map that came
// before. Null constants pass where the kind allows null.
Ruling<void> check_argument_kind(const CallSite& site, unsigned number, const CallPlan& plan);

// "a map", "initialised memory": what the argument takes.
std::string_view words_for(spec::ArgKind kind);

// The constant 0 is passed where it stands for "nothing".
bool is_absent(const CallSite& site, unsigned number);

// The value and the expectation, as a refusal.
Finding wrong_kind(const CallSite& site, unsigned number, std::string_view expected);

} // namespace skep::verify
