// SPDX-License-Identifier: Apache-2.0
//
// Names: what things are called in the source. From source lines, as line info carries them, and
// from BTF.
//
// Lines are read lightly: an identifier before "=", before "->" or between brackets. What does not
// look like that has no name, and is described instead.
//
// Proved by: names_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// "v" of "struct value *v = bpf_map_lookup_elem(&m, &key);".
std::optional<std::string> assigned_name(std::string_view source);

// "v" of "total += v->count;", the identifier that the column (from 1) stands behind; else the
// first that is followed by "->" or preceded by "*".
std::optional<std::string> dereferenced_name(std::string_view source, std::uint32_t column);

// "i" of "sum += v->slots[i];"; nothing when it is more than a name.
std::optional<std::string> index_name(std::string_view source, std::uint32_t column);

// "data" and 13 of "if (data[13] == 6)".
struct Element {
    std::string array;
    std::uint64_t index = 0;
};
std::optional<Element> constant_element(std::string_view source, std::uint32_t column);

// The texts of the arguments of the first call of `function` in the line, or of any call.
struct CallText {
    std::size_t begin = 0; // of the first argument
    std::vector<std::string> arguments;
};
std::optional<CallText> call_in(std::string_view source, std::string_view function);

bool is_identifier(std::string_view text);

// The parameter of the program's main function: "ctx".
std::string context_name(const Subject& subject);

// A field at an offset of a type: "count", "slots[3].seen"; empty when there is none.
struct Field {
    std::string path;
    std::uint32_t array_count = 0; // of the array that it lies in, 0: in none
    std::uint32_t element_bytes = 0;
};
Field field_at(const btf::Btf& types, btf::TypeId id, std::uint32_t offset);

// A value for a person: "a pointer to the value of map `flows`", "a number from 0 to 255".
std::string described(const Subject& subject, const Value& value);

} // namespace skep::verify
