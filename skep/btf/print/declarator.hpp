// SPDX-License-Identifier: Apache-2.0
//
// How C declares a variable of a type: the name in the middle, the type around it.
//
// BTF chains read outwards from the name: a pointer to an array of 2 int is PTR -> ARRAY -> INT.
// The declarator is grown from the name: each pointer is put before it, each array or parameter
// list after it, with parentheses where a pointer was last; what remains is the type at the chain's
// end, the base, which the caller words ("struct flow", a body written out, a typedef's name).
//
// Prototypes may refer to one another so that the text would grow without end: a budget ends it.
//
// Proved by: btf_test.cpp (Declaration.ReadsAsCDoes), print_test.cpp.
#pragma once

#include <functional>
#include <string>

#include "skep/btf/btf.hpp"

namespace skep::btf {

struct Declarator {
    std::string qualifiers; // "volatile const ", of the base
    std::string tags;       // " __attribute__((btf_type_tag("kptr")))", of the base
    TypeId base = 0;        // end of the chain: void, integer, structure, typedef...
    std::string text;       // "*name", "(*name)[2]"; may be empty
};

// The text of a base: "int", "struct flow".
using BaseText = std::function<std::string(TypeId)>;

Declarator declarator_of(const Btf& btf, TypeId id, std::string_view name,
                         const BaseText& base_text);

// qualifiers + base + tags + " " + text, as fits.
std::string join(const Declarator& declarator, const std::string& base);

// The plain words for a base: void, its name with struct, union or enum before it; an anonymous one
// is "struct {...}".
std::string plain_base_text(const Btf& btf, TypeId base);

} // namespace skep::btf
