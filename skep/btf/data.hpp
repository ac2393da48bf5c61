// SPDX-License-Identifier: Apache-2.0
//
// What a Btf holds (internal to btf/): the type section as words, the strings, and the types
// decoded from them. The lists of members, enumerators and variables lie in one array each, so that
// the 130,000 types of a kernel cost a handful of allocations.
//
//   header 24 bytes │ types: words │ strings
//   0       2    3     4        8         12        16        20
//   ┌───────┬────┬─────┬────────┬─────────┬─────────┬─────────┬─────────┐
//   │ magic │ver │flags│hdr_len │type_off │type_len │ str_off │ str_len │
//   └───────┴────┴─────┴────────┴─────────┴─────────┴─────────┴─────────┘
//
// One type: name offset, info, size or target, then words that depend on the kind.
//   info: bit 31 kind_flag │ bits 24..28 kind │ bits 0..15 vlen
#pragma once

#include <mutex>
#include <unordered_map>

#include "skep/btf/btf.hpp"

namespace skep::btf {

inline constexpr std::uint16_t kMagic = 0xeb9f;
inline constexpr std::uint32_t kHeaderBytes = 24;

inline Kind kind_of_info(std::uint32_t info) { return static_cast<Kind>((info >> 24) & 0x1f); }
inline std::uint32_t vlen_of_info(std::uint32_t info) { return info & 0xffff; }

// How many words follow a type's first three.
struct Payload {
    std::uint8_t fixed = 0;
    std::uint8_t per_entry = 0; // times vlen
};
Payload payload_of(Kind kind);

struct Btf::Data {
    std::shared_ptr<const Btf> base;
    std::vector<std::uint32_t> words; // the type section
    std::string strings;              // the string section
    TypeId first_id = 1;
    std::uint32_t base_string_bytes = 0;

    std::vector<std::uint32_t> word_index; // of each own type in `words`
    std::vector<Type> types;               // own types: [0] is first_id
    std::vector<Member> members;
    std::vector<Enumerator> enumerators;
    std::vector<SectionVariable> variables;

    using Index = std::unordered_multimap<std::string_view, TypeId>;
    mutable std::once_flag index_once;
    mutable Index index; // of own types by essential name, made when first asked for
    [[nodiscard]] const Index& essential_names() const;

    [[nodiscard]] const Type* find_type(TypeId id) const;
    [[nodiscard]] std::uint32_t count() const {
        return first_id + static_cast<std::uint32_t>(types.size());
    }
    // The text at an offset, base's strings first; nothing when out of range.
    [[nodiscard]] std::optional<std::string_view> name_at(std::uint32_t offset) const;
    // "type 12 (STRUCT 'flow', offset 0x1a4)", for errors.
    [[nodiscard]] std::string where(TypeId id) const;

    // From `words` and `strings`, the rest.
    class Decoder;
    Result<void> decode();
};

// Refuses types that contain themselves by value, and nesting beyond kMaxNesting.
Result<void> check_nesting(const Btf& btf);

} // namespace skep::btf
