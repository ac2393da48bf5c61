// SPDX-License-Identifier: Apache-2.0
//
// Values in the words of the kernel's log: "map_value_or_null", "scalar(smin=0,...)".
//
// Proved by: value_text_test.cpp.
#pragma once

#include <string>

#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// The kind with its flags: "rdonly_mem_or_null", "pkt", "fp", "scalar".
std::string kind_text(const Value& value);
// The name of the structure that a btf_object points at; empty when it has none.
std::string type_name(const Subject& subject, const Value& value);

// The whole value, as after "R1=". `precise` puts a P before a number that some check relied on.
std::string value_text(const Subject& subject, const State& state, const Value& value,
                       bool precise);
// The same as a frame other than the current one shows it: addresses in its own stack are "fp-8".
std::string value_text(const Subject& subject, unsigned shown_in, const Value& value, bool precise);

// A dynptr or iterator that begins in a slot: "dynptr_ringbuf(id=1,ref_id=2,dynptr_id=1)"; empty
// for the slots behind it.
std::string object_text(const Subject& subject, const Slot& slot, int offset);

// A tnum: "(0x0; 0xff)".
std::string bits_text(const Tnum64& bits);

} // namespace skep::verify
