// SPDX-License-Identifier: Apache-2.0
//
// Kernel types: questions about the BTF type of a value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// The BTF that a btf_object's type id belongs to; null when it was not given.
const btf::Btf* types_of(const Subject& subject, const Value& value);

// Whether the object is a structure of that name, or one whose first member is, and so on: a
// pointer to such a structure is also one to its beginning. Precondition: its variable part is
// known.
bool begins_with_type(const Subject& subject, const Value& value, std::string_view wanted);

// The kernel's structure of that name.
std::optional<std::uint32_t> kernel_structure(const Subject& subject, std::string_view name);

// The address of the kernel's variable or function that a wide immediate names: an object, one
// for every CPU, or bytes that may be read.
Ruling<Value> address_of_variable(const Subject& subject, const Insn& insn);

// What the helpers for variables of every CPU give for this one's address: the object or bytes of
// one CPU.
Value on_one_cpu(const Subject& subject, const Value& variable);

} // namespace skep::verify
