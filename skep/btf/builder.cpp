// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/builder.hpp"

#include "skep/btf/data.hpp"

namespace skep::btf {

std::uint32_t Builder::string(std::string_view text) {
    if (text.empty()) {
        return 0;
    }
    const auto offset = static_cast<std::uint32_t>(strings_.size());
    strings_.append(text);
    strings_.push_back('\0');
    return offset;
}

TypeId Builder::begin(std::string_view name, Kind kind, std::size_t vlen, bool kind_flag,
                      std::uint32_t third_word) {
    words_.push_back(string(name));
    words_.push_back((kind_flag ? 1U << 31 : 0U) | (static_cast<std::uint32_t>(kind) << 24) |
                     static_cast<std::uint32_t>(vlen));
    words_.push_back(third_word);
    return next_++;
}

TypeId Builder::integer(std::string_view name, std::uint32_t size_bytes, std::uint8_t encoding) {
    const TypeId id = begin(name, Kind::integer, 0, false, size_bytes);
    words_.push_back((std::uint32_t{encoding} << 24) | (size_bytes * 8));
    return id;
}

TypeId Builder::plain(Kind kind, std::string_view name, std::uint32_t third_word,
                      std::uint32_t vlen, bool kind_flag) {
    return begin(name, kind, vlen, kind_flag, third_word);
}

TypeId Builder::array(TypeId element, TypeId index, std::uint32_t count) {
    const TypeId id = begin("", Kind::array, 0, false, 0);
    words_.insert(words_.end(), {element, index, count});
    return id;
}

TypeId Builder::composite(Kind kind, std::string_view name, std::uint32_t size_bytes,
                          std::initializer_list<Field> members, bool kind_flag) {
    const TypeId id = begin(name, kind, members.size(), kind_flag, size_bytes);
    for (const Field& member : members) {
        words_.insert(words_.end(), {string(member.name), member.type, member.offset});
    }
    return id;
}

TypeId Builder::prototype(TypeId result, std::initializer_list<Field> parameters) {
    const TypeId id = begin("", Kind::function_prototype, parameters.size(), false, result);
    for (const Field& parameter : parameters) {
        words_.insert(words_.end(), {string(parameter.name), parameter.type});
    }
    return id;
}

TypeId
Builder::enumeration(std::string_view name,
                     std::initializer_list<std::pair<std::string_view, std::uint32_t>> values) {
    const TypeId id = begin(name, Kind::enumeration, values.size(), false, 4);
    for (const auto& [word, value] : values) {
        words_.insert(words_.end(), {string(word), value});
    }
    return id;
}

TypeId Builder::variable(std::string_view name, TypeId type, Linkage linkage) {
    const TypeId id = begin(name, Kind::variable, 0, false, type);
    words_.push_back(static_cast<std::uint32_t>(linkage));
    return id;
}

TypeId Builder::section(std::string_view name, std::uint32_t size_bytes,
                        std::initializer_list<SectionVariable> variables) {
    const TypeId id = begin(name, Kind::data_section, variables.size(), false, size_bytes);
    for (const SectionVariable& variable : variables) {
        words_.insert(words_.end(), {variable.variable, variable.offset, variable.size_bytes});
    }
    return id;
}

TypeId Builder::raw(std::string_view name, std::initializer_list<std::uint32_t> words) {
    words_.push_back(string(name));
    words_.insert(words_.end(), words);
    return next_++;
}

ByteVector Builder::bytes(std::endian order) const {
    ByteWriter writer(order);
    writer.write(kMagic);
    writer.write(std::uint8_t{1});
    writer.write(std::uint8_t{0});
    const auto type_bytes = static_cast<std::uint32_t>(words_.size() * 4);
    for (const std::uint32_t field :
         {kHeaderBytes, 0U, type_bytes, type_bytes, static_cast<std::uint32_t>(strings_.size())}) {
        writer.write(field);
    }
    for (const std::uint32_t word : words_) {
        writer.write(word);
    }
    ByteVector bytes = writer.take();
    bytes.insert(bytes.end(), strings_.begin(), strings_.end());
    return bytes;
}

} // namespace skep::btf
