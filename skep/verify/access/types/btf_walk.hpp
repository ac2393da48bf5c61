// SPDX-License-Identifier: Apache-2.0
//
// BTF walk: which member of a structure an access touches, and what a load of it gives.
//
//   load of 8 bytes at the place of   gives
//   a pointer to a structure          another object: untrusted when it came from one, or out of a
//   union any other pointer, a number       a number
// From a type the walk goes down to the member that holds the place, through structures, unions and
// arrays, until the access is a whole member, or a part of a number.
//
// Loads through objects that are not known to be alive may fault; engines make such loads give zero
// (InsnFacts::fault_reads_zero).
//
// Proved by: btf_walk_test.cpp.
#pragma once

#include "skep/verify/access/types/typed_pointer.hpp"

namespace skep::verify {

// Precondition: access.value is a btf_object that is not null.
Ruling<Value> check_btf_access(const Subject& subject, const State& state,
                               const TypedAccess& access);

} // namespace skep::verify
