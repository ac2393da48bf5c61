// SPDX-License-Identifier: Apache-2.0
//
// Pointers to kernel objects, and to objects of the program, that map values keep: what a load
// gives, what a store or exchange may put there.
//
// Proved by: tests/verdicts/objects/run_programs and tests/verdicts/object_test.cpp.
#pragma once

#include <optional>

#include "skep/verify/access/region.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {

// The pointer field that a load or store at this place of a map value is about.
std::optional<SpecialField> pointer_field(const Subject& subject, const Value& base,
                                          std::int32_t offset);

// What a load of the field gives (id 0: the walk gives it).
Ruling<Value> load_pointer_field(const Subject& subject, const State& state,
                                 const SpecialField& field);

// May the pointer in the register be kept there? `in_store`: by a store, not an exchange.
Ruling<void> check_fits_field(const Subject& subject, const SpecialField& field, Reg reg,
                              const Value& value);

// A store of a register's value, or of an immediate when there is no register.
Ruling<void> check_pointer_store(const Subject& subject, const SpecialField& field,
                                 std::optional<Reg> reg, const Value& value);

// An object of that type may be relied on while an RCU section lasts.
bool is_kept_by_rcu(const Subject& subject, const SpecialField& field);

} // namespace skep::verify
