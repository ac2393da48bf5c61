// SPDX-License-Identifier: Apache-2.0
#include "skep/observe/view.hpp"

namespace skep::observe {

namespace {

struct ValuePrinter {
    JsonWriter& json;

    void operator()(std::monostate) const { json.null(); }
    void operator()(bool truth) const { json.value(truth); }
    void operator()(std::uint64_t number) const { json.value(number); }
    void operator()(const std::string& text) const { json.value(std::string_view(text)); }
    void operator()(const std::vector<std::uint32_t>& numbers) const {
        json.begin_array();
        for (const std::uint32_t number : numbers) {
            json.value(number);
        }
        json.end_array();
    }
    void operator()(const std::vector<std::string>& texts) const {
        json.begin_array();
        for (const std::string& text : texts) {
            json.value(std::string_view(text));
        }
        json.end_array();
    }
};

} // namespace

void print_text(Output& output, const View& view) {
    for (const Field& field : view) {
        output.write(field.words);
    }
}

void print_json(JsonWriter& json, const View& view) {
    json.begin_object();
    for (const Field& field : view) {
        if (!field.name.empty()) {
            json.name(field.name);
            std::visit(ValuePrinter{json}, field.value);
        }
    }
    json.end_object();
}

} // namespace skep::observe
