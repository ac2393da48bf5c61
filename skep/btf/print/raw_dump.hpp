// SPDX-License-Identifier: Apache-2.0
//
// Types as they are in the file, one after the other, in bpftool's words:
//
//   [2] STRUCT 'xdp_md' size=24 vlen=6
//   	'data' type_id=3 bits_offset=0
//
// A record is data, so that text and JSON are printed from the same: fields in order, then entries.
//
// Proved by: print_test.cpp (compared with bpftool).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "skep/btf/btf.hpp"

namespace skep::btf {

struct RawField {
    enum class Is : std::uint8_t { number, signed_number, text };

    std::string_view name;
    Is is = Is::number;
    std::uint64_t number = 0; // the bits of a signed one
    std::string text;
};

struct RawEntry { // a member, parameter, enumerator or section variable
    std::vector<RawField> fields;
    std::string note; // in text alone: what a section's variable is
};

struct RawRecord {
    TypeId id = 0;
    std::string_view kind;
    std::string name; // "(anon)" when there is none; as JSON gives it
    std::vector<RawField> fields;
    std::string_view
        entries_name; // "members", "params", "values", "vars"; empty: the kind has no entries
    std::vector<RawEntry> entries;
};

RawRecord raw_record(const Btf& btf, TypeId id);
// The lines of one record, each ended by a newline.
std::string raw_text(const RawRecord& record);
// All own types, or `roots` alone.
std::string raw_dump(const Btf& btf, std::span<const TypeId> roots = {});

} // namespace skep::btf
