// SPDX-License-Identifier: Apache-2.0
//
// Builder: BTF made by hand, one type after the other; for tests, and for tools that need a BTF of
// their own (a map's key and value types). Nothing is checked here: parse() does that.
#pragma once

#include <initializer_list>

#include "skep/btf/btf.hpp"

namespace skep::btf {

class Builder {
  public:
    struct Field {
        std::string_view name;
        TypeId type = 0;
        std::uint32_t offset = 0; // bits; with kind_flag (bit size << 24) | bit offset
    };

    TypeId integer(std::string_view name, std::uint32_t size_bytes, std::uint8_t encoding = 0);
    // Kinds that are a name and a target: pointer, typedef, modifiers, function, floating (a
    // size)...
    TypeId plain(Kind kind, std::string_view name, std::uint32_t third_word, std::uint32_t vlen = 0,
                 bool kind_flag = false);
    TypeId array(TypeId element, TypeId index, std::uint32_t count);
    TypeId composite(Kind kind, std::string_view name, std::uint32_t size_bytes,
                     std::initializer_list<Field> members, bool kind_flag = false);
    TypeId prototype(TypeId result, std::initializer_list<Field> parameters);
    TypeId enumeration(std::string_view name,
                       std::initializer_list<std::pair<std::string_view, std::uint32_t>> values);
    TypeId variable(std::string_view name, TypeId type, Linkage linkage = Linkage::global);
    TypeId section(std::string_view name, std::uint32_t size_bytes,
                   std::initializer_list<SectionVariable> variables);
    // Any words after the name's offset.
    TypeId raw(std::string_view name, std::initializer_list<std::uint32_t> words);

    [[nodiscard]] ByteVector bytes(std::endian order = std::endian::little) const;
    [[nodiscard]] Result<Btf> build() const { return Btf::parse(bytes()); }

  private:
    TypeId begin(std::string_view name, Kind kind, std::size_t vlen, bool kind_flag,
                 std::uint32_t third_word);
    std::uint32_t string(std::string_view text);

    std::vector<std::uint32_t> words_;
    std::string strings_ = std::string(1, '\0');
    TypeId next_ = 1;
};

} // namespace skep::btf
