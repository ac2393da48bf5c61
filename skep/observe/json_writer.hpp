// SPDX-License-Identifier: Apache-2.0
//
// JsonWriter: JSON as it is produced, in a layout that people and scripts know.
//
// Compact: no spaces at all. Pretty: four spaces a level; every member of an object on its own
// line; an object inside an array opens on the array's line; the scalars of an array stand on one
// line, and the array's bracket closes on the next. An empty array or object is `[]` or `{}`.
//
//   [{
//           "id": 7,
//           "map_ids": [1,2
//           ]
//       }
//   ]
//
// The writer keeps the text well formed: it knows what is open, and close_all() ends it. Text that
// is not UTF-8 is written with \u escapes for its odd bytes.
//
// Proved by: json_writer_test.cpp; the goldens.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/observe/output.hpp"

namespace skep::observe {

enum class JsonLayout : std::uint8_t { compact, pretty };

class JsonWriter {
  public:
    JsonWriter(Output& output, JsonLayout layout) : output_(output), layout_(layout) {}

    void begin_object();
    void end_object();
    void begin_array();
    void end_array();
    // The name of the next value; only inside an object.
    void name(std::string_view text);

    void value(std::string_view text);
    void value(const char* text) { value(std::string_view(text)); }
    void value(bool truth);
    void null();
    template <std::integral Number>
    requires(!std::same_as<Number, bool>) void value(Number number) {
        if constexpr (std::signed_integral<Number>) {
            signed_number(number);
        } else {
            unsigned_number(number);
        }
    }
    // A number or other JSON text, written as it is: for what was formatted elsewhere.
    void raw(std::string_view text);

    template <class Value>
    void member(std::string_view member_name, const Value& member_value) {
        name(member_name);
        value(member_value);
    }
    void begin_object(std::string_view member_name) {
        name(member_name);
        begin_object();
    }
    void begin_array(std::string_view member_name) {
        name(member_name);
        begin_array();
    }

    // Bytes as "0x0a" texts, as map keys and values are shown.
    void hex_bytes(Bytes bytes);

    [[nodiscard]] bool is_empty() const { return !wrote_; } // nothing was written yet
    // Another writer of the same output wrote all that there is: end_document() adds nothing.
    void mark_finished() { wrote_ = finished_ = true; }
    [[nodiscard]] std::size_t depth() const { return open_.size(); }
    [[nodiscard]] JsonLayout layout() const { return layout_; }
    [[nodiscard]] bool is_in_array() const { return !open_.empty() && open_.back().is_array; }
    void close_all(std::size_t down_to_depth = 0);
    // Ends a document, so that another may follow: a newline.
    void end_document();

  private:
    struct Container {
        bool is_array = false;
        bool has_values = false;
    };

    void before_value();
    void begin(Container container, std::string_view bracket);
    void end(std::string_view bracket);
    void new_line();
    void signed_number(std::int64_t number);
    void unsigned_number(std::uint64_t number);
    void quoted(std::string_view text);

    Output& output_;
    JsonLayout layout_;
    std::vector<Container> open_;
    bool after_name_ = false;
    bool wrote_ = false;
    bool finished_ = false;
};

} // namespace skep::observe
