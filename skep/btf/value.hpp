// SPDX-License-Identifier: Apache-2.0
//
// Values by their type: walks the bytes of a value beside its BTF type and tells a visitor what it
// meets, as bpftool shows map entries. The visitor decides how that looks (JSON, text, a page).
//
//   structure, union   begin_object, for each member: name, its value; end_object
//   array              begin_array, values, end_array; of characters, printable and ended by a
//   zero: text integer            number; boolean; a 128-bit one and every bit field: hexadecimal
//   enumeration        text of its enumerator, or number
//   pointer            pointer
//   variable, section  an object {name: value}; {name: [variables]}
//
// Bytes are little-endian. Proved by: value_test.cpp.
#pragma once

#include "skep/btf/btf.hpp"

namespace skep::btf {

class ValueVisitor {
  public:
    virtual ~ValueVisitor() = default;

    virtual void begin_object() = 0;
    virtual void end_object() = 0;
    virtual void begin_array() = 0;
    virtual void end_array() = 0;
    virtual void name(std::string_view member) = 0; // the next event is this member's value
    virtual void signed_number(std::int64_t number) = 0;
    virtual void unsigned_number(std::uint64_t number) = 0;
    virtual void floating(double number) = 0;
    virtual void boolean(bool truth) = 0;
    virtual void text(std::string_view text) = 0; // any bytes but zero
    // bpftool prints hexadecimal in plain text, a decimal number in JSON.
    virtual void pointer(std::uint64_t address) = 0;
    // "0x1f": bpftool prints it bare in plain text and quoted in JSON.
    virtual void hexadecimal(std::string_view digits) = 0;
};

// Visits a value of the type at the beginning of `value`. Fails, having told the visitor of what
// came before, when the bytes end early or the type can have no value. What is begun is always
// ended.
Result<void> visit_value(const Btf& btf, TypeId type, Bytes value, ValueVisitor& visitor);

} // namespace skep::btf
