// SPDX-License-Identifier: Apache-2.0
//
// A view: what is shown of a record, field by field, listed once.
//
// A field carries its name and value for JSON and its words for plain text, in one place, so that
// the two cannot tell different stories. A field without a name shows in text alone, one without
// words in JSON alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skep/observe/json_writer.hpp"

namespace skep::observe {

using FieldValue = std::variant<std::monostate, bool, std::uint64_t, std::string,
                                std::vector<std::uint32_t>, std::vector<std::string>>;

struct Field {
    std::string_view name; // in JSON
    FieldValue value;
    std::string words; // in text, with what separates them from the field before
};

using View = std::vector<Field>;

void print_text(Output& output, const View& view);
void print_json(JsonWriter& json, const View& view); // an object

} // namespace skep::observe
