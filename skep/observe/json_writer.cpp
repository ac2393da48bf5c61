// SPDX-License-Identifier: Apache-2.0
//
// The JSON writer. Every value passes before_value(), which alone decides about commas.
#include "skep/observe/json_writer.hpp"

#include <string>

#include <fmt/format.h>

namespace skep::observe {

namespace {

std::size_t length_by_lead(unsigned lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead < 0xe0) {
        return 2;
    }
    if (lead >= 0xe0 && lead < 0xf0) {
        return 3;
    }
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

// The length of the UTF-8 sequence that begins here, or 0 when none does.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(0);
    const std::size_t length = length_by_lead(lead);
    if (length == 0 || length > text.size()) {
        return 0;
    }
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
    const bool surrogate = lead == 0xed && byte(1) >= 0xa0;
    const bool too_high = lead == 0xf4 && byte(1) >= 0x90;
    return overlong || surrogate || too_high ? 0 : length;
}

std::string_view escape_of(char character) {
    switch (character) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    case '\r':
        return "\\r";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    default:
        return {};
    }
}

} // namespace

void JsonWriter::new_line() {
    if (layout_ == JsonLayout::pretty) {
        output_.write("\n");
        output_.write(std::string(4 * open_.size(), ' '));
    }
}

void JsonWriter::before_value() {
    wrote_ = true;
    if (after_name_) {
        after_name_ = false;
        return;
    }
    if (!open_.empty()) {
        SKEP_ASSERT(open_.back().is_array);
        if (open_.back().has_values) {
            output_.write(",");
        }
        open_.back().has_values = true;
    }
}

void JsonWriter::begin(Container container, std::string_view bracket) {
    before_value();
    output_.write(bracket);
    open_.push_back(container);
}

void JsonWriter::end(std::string_view bracket) {
    SKEP_ASSERT(!open_.empty() && !after_name_);
    const bool had_values = open_.back().has_values;
    open_.pop_back();
    if (had_values) {
        new_line();
    }
    output_.write(bracket);
}

void JsonWriter::begin_object() { begin({.is_array = false}, "{"); }
void JsonWriter::end_object() {
    SKEP_ASSERT(!open_.empty() && !open_.back().is_array);
    end("}");
}
void JsonWriter::begin_array() { begin({.is_array = true}, "["); }
void JsonWriter::end_array() {
    SKEP_ASSERT(!open_.empty() && open_.back().is_array);
    end("]");
}

void JsonWriter::name(std::string_view text) {
    SKEP_ASSERT(!open_.empty() && !open_.back().is_array && !after_name_);
    if (open_.back().has_values) {
        output_.write(",");
    }
    open_.back().has_values = true;
    new_line();
    quoted(text);
    output_.write(layout_ == JsonLayout::pretty ? ": " : ":");
    after_name_ = true;
}

void JsonWriter::quoted(std::string_view text) {
    std::string escaped = "\"";
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const auto byte = static_cast<unsigned char>(text.front());
        if (const std::string_view escape = escape_of(text.front()); !escape.empty()) {
            escaped += escape;
        } else if (length == 0 || byte < 0x20 || byte == 0x7f) {
            escaped += fmt::format("\\u{:04x}", byte);
        } else {
            escaped += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    output_.write(escaped + "\"");
}

void JsonWriter::value(std::string_view text) {
    before_value();
    quoted(text);
}
void JsonWriter::value(bool truth) { raw(truth ? "true" : "false"); }
void JsonWriter::null() { raw("null"); }
void JsonWriter::signed_number(std::int64_t number) { raw(fmt::format("{}", number)); }
void JsonWriter::unsigned_number(std::uint64_t number) { raw(fmt::format("{}", number)); }

void JsonWriter::raw(std::string_view text) {
    before_value();
    output_.write(text);
}

void JsonWriter::hex_bytes(Bytes bytes) {
    begin_array();
    for (const std::uint8_t byte : bytes) {
        value(std::string_view(fmt::format("0x{:02x}", byte)));
    }
    end_array();
}

void JsonWriter::close_all(std::size_t down_to_depth) {
    if (after_name_) {
        null();
    }
    while (open_.size() > down_to_depth) {
        end(open_.back().is_array ? "]" : "}");
    }
}

void JsonWriter::end_document() {
    close_all();
    output_.write(finished_ ? "" : "\n");
    wrote_ = finished_ = false;
}

} // namespace skep::observe
