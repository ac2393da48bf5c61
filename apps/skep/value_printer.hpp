// SPDX-License-Identifier: Apache-2.0
//
// Values by their BTF type, as JSON: the same walk for `-j`, `-p` and for plain text, which is
// pretty JSON but for two things that it writes bare: bit fields and pointers in hexadecimal.
#pragma once

#include "skep/btf/value.hpp"
#include "skep/observe/json_writer.hpp"

namespace skep::app {

enum class ValueStyle : std::uint8_t { json, plain };

class ValuePrinter final : public btf::ValueVisitor {
  public:
    ValuePrinter(observe::JsonWriter& json, ValueStyle style) : json_(json), style_(style) {}

    void begin_object() override { json_.begin_object(); }
    void end_object() override { json_.end_object(); }
    void begin_array() override { json_.begin_array(); }
    void end_array() override { json_.end_array(); }
    void name(std::string_view member) override { json_.name(member); }
    void signed_number(std::int64_t number) override { json_.value(number); }
    void unsigned_number(std::uint64_t number) override { json_.value(number); }
    void floating(double number) override;
    void boolean(bool truth) override { json_.value(truth); }
    void text(std::string_view text) override { json_.value(text); }
    void pointer(std::uint64_t address) override;
    void hexadecimal(std::string_view digits) override;

  private:
    observe::JsonWriter& json_;
    ValueStyle style_;
};

} // namespace skep::app
