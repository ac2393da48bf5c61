// SPDX-License-Identifier: Apache-2.0
//
// From the words of the type section to types, in two passes: the first finds where each type
// begins and how many members, enumerators and variables there are; the second fills arrays of
// exactly that size, so that a list may point into them.
//
// Limits: a million types, as BTF_LOAD has it. Proved by: btf_test.cpp, fuzz/btf.
#include <fmt/format.h>

#include "skep/btf/data.hpp"

namespace skep::btf {
namespace {

constexpr std::uint32_t kMaxTypes = 0xfffff;
constexpr std::uint32_t kFirstWords = 3; // name offset, info, size or target

bool third_word_is_size(Kind kind) {
    return kind == Kind::integer || kind == Kind::structure || kind == Kind::union_ ||
           kind == Kind::enumeration || kind == Kind::enumeration64 || kind == Kind::data_section ||
           kind == Kind::floating;
}

bool third_word_is_type(Kind kind) {
    return kind != Kind::array && kind != Kind::forward && !third_word_is_size(kind);
}

} // namespace

Payload payload_of(Kind kind) {
    switch (kind) {
    case Kind::integer:
    case Kind::variable:
    case Kind::declaration_tag:
        return {1, 0};
    case Kind::array:
        return {3, 0};
    case Kind::structure:
    case Kind::union_:
    case Kind::data_section:
    case Kind::enumeration64:
        return {0, 3};
    case Kind::enumeration:
    case Kind::function_prototype:
        return {0, 2};
    case Kind::void_:
    case Kind::pointer:
    case Kind::forward:
    case Kind::typedef_:
    case Kind::volatile_:
    case Kind::const_:
    case Kind::restrict_:
    case Kind::function:
    case Kind::floating:
    case Kind::type_tag:
        break;
    }
    return {0, 0};
}

// Decodes one Data; lives for the length of decode().
class Btf::Data::Decoder {
  public:
    explicit Decoder(Data& data) : data_(data) {}

    Result<void> run() {
        TRY(measure());
        if (data_.base == nullptr) {
            data_.types.emplace_back(); // void
            data_.first_id = 0;
        }
        for (const std::uint32_t at : data_.word_index) {
            TRY(decode_type(at));
        }
        if (data_.base == nullptr) {
            data_.word_index.insert(data_.word_index.begin(), 0); // void's, never used
        }
        return {};
    }

  private:
    // Where each type begins; room for what they list.
    Result<void> measure() {
        const std::size_t end = data_.words.size();
        std::size_t member_count = 0;
        std::size_t enumerator_count = 0;
        std::size_t variable_count = 0;
        for (std::size_t at = 0; at < end;) {
            if (end - at < kFirstWords) {
                return fail(Code::invalid_input, fmt::format("{} is cut short", next_type(at)));
            }
            const std::uint32_t info = data_.words[at + 1];
            const Kind kind = kind_of_info(info);
            const std::uint32_t vlen = vlen_of_info(info);
            if (kind == Kind::void_ || static_cast<std::uint8_t>(kind) >= kKindCount) {
                return fail(Code::invalid_input,
                            fmt::format("{} has unknown kind {}", next_type(at),
                                        static_cast<unsigned>(kind)));
            }
            const Payload payload = payload_of(kind);
            const std::size_t length =
                kFirstWords + payload.fixed + std::size_t{payload.per_entry} * vlen;
            if (end - at < length) {
                return fail(Code::invalid_input,
                            fmt::format("{} ({}) needs {} bytes, {} are left", next_type(at),
                                        kind_word(kind), length * 4, (end - at) * 4));
            }
            if (data_.first_id + data_.word_index.size() > kMaxTypes) {
                return Error{Code::too_big, 0, fmt::format("more than {} types", kMaxTypes)};
            }
            const bool lists_members =
                kind == Kind::structure || kind == Kind::union_ || kind == Kind::function_prototype;
            member_count += lists_members ? vlen : 0;
            enumerator_count += kind == Kind::enumeration || kind == Kind::enumeration64 ? vlen : 0;
            variable_count += kind == Kind::data_section ? vlen : 0;
            data_.word_index.push_back(static_cast<std::uint32_t>(at));
            at += length;
        }
        type_limit_ = data_.first_id + static_cast<TypeId>(data_.word_index.size());
        data_.types.reserve(data_.word_index.size() + 1);
        data_.members.reserve(member_count);
        data_.enumerators.reserve(enumerator_count);
        data_.variables.reserve(variable_count);
        return {};
    }

    Result<void> decode_type(std::uint32_t at) {
        const std::uint32_t info = data_.words[at + 1];
        const std::uint32_t third = data_.words[at + 2];
        Type type;
        type.kind = kind_of_info(info);
        type.kind_flag = (info >> 31) != 0;
        TRY(set_name(type.name, data_.words[at]));
        if (third_word_is_size(type.kind)) {
            type.size_bytes = third;
        } else if (third_word_is_type(type.kind)) {
            TRY(set_target(type.target, third));
        }
        if (type.kind == Kind::function) {
            type.linkage = static_cast<Linkage>(vlen_of_info(info));
        }
        TRY(decode_payload(type, at + kFirstWords, vlen_of_info(info)));
        data_.types.push_back(type);
        return {};
    }

    Result<void> decode_payload(Type& type, std::uint32_t at, std::uint32_t vlen) {
        switch (type.kind) {
        case Kind::integer:
            type.int_bits = static_cast<std::uint8_t>(data_.words[at]);
            type.int_bit_offset = static_cast<std::uint8_t>(data_.words[at] >> 16);
            type.int_encoding = static_cast<std::uint8_t>(data_.words[at] >> 24);
            return {};
        case Kind::array:
            type.count = data_.words[at + 2];
            TRY(set_target(type.target, data_.words[at]));
            return set_target(type.index_type, data_.words[at + 1]);
        case Kind::structure:
        case Kind::union_:
            return decode_members(type, at, vlen);
        case Kind::function_prototype:
            return decode_parameters(type, at, vlen);
        case Kind::enumeration:
        case Kind::enumeration64:
            return decode_enumerators(type, at, vlen);
        case Kind::data_section:
            return decode_variables(type, at, vlen);
        case Kind::variable:
            type.linkage = static_cast<Linkage>(data_.words[at]);
            return {};
        case Kind::declaration_tag:
            type.component = static_cast<std::int32_t>(data_.words[at]);
            return {};
        case Kind::void_:
        case Kind::pointer:
        case Kind::forward:
        case Kind::typedef_:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::function:
        case Kind::floating:
        case Kind::type_tag:
            break;
        }
        return {};
    }

    Result<void> decode_members(Type& type, std::uint32_t at, std::uint32_t vlen) {
        const std::size_t first = data_.members.size();
        for (std::uint32_t i = 0; i < vlen; ++i, at += 3) {
            Member member;
            TRY(set_name(member.name, data_.words[at]));
            TRY(set_target(member.type, data_.words[at + 1]));
            const std::uint32_t offset = data_.words[at + 2];
            member.bit_offset = type.kind_flag ? offset & 0xffffff : offset;
            member.bit_size = type.kind_flag ? offset >> 24 : 0;
            data_.members.push_back(member);
        }
        type.members = {data_.members.data() + first, vlen};
        return {};
    }

    Result<void> decode_parameters(Type& type, std::uint32_t at, std::uint32_t vlen) {
        const std::size_t first = data_.members.size();
        for (std::uint32_t i = 0; i < vlen; ++i, at += 2) {
            Member parameter;
            TRY(set_name(parameter.name, data_.words[at]));
            TRY(set_target(parameter.type, data_.words[at + 1]));
            data_.members.push_back(parameter);
        }
        type.members = {data_.members.data() + first, vlen};
        return {};
    }

    Result<void> decode_enumerators(Type& type, std::uint32_t at, std::uint32_t vlen) {
        const bool wide = type.kind == Kind::enumeration64;
        const std::size_t first = data_.enumerators.size();
        for (std::uint32_t i = 0; i < vlen; ++i, at += wide ? 3 : 2) {
            Enumerator enumerator;
            TRY(set_name(enumerator.name, data_.words[at]));
            const std::uint32_t low = data_.words[at + 1];
            enumerator.value = low;
            if (wide) {
                enumerator.value |= std::uint64_t{data_.words[at + 2]} << 32;
            } else if (type.kind_flag) {
                enumerator.value = static_cast<std::uint64_t>(static_cast<std::int32_t>(low));
            }
            data_.enumerators.push_back(enumerator);
        }
        type.enumerators = {data_.enumerators.data() + first, vlen};
        return {};
    }

    Result<void> decode_variables(Type& type, std::uint32_t at, std::uint32_t vlen) {
        const std::size_t first = data_.variables.size();
        for (std::uint32_t i = 0; i < vlen; ++i, at += 3) {
            SectionVariable variable;
            TRY(set_target(variable.variable, data_.words[at]));
            variable.offset = data_.words[at + 1];
            variable.size_bytes = data_.words[at + 2];
            data_.variables.push_back(variable);
        }
        type.variables = {data_.variables.data() + first, vlen};
        return {};
    }

    // One check and one store, without a Result on the way that succeeds: a kernel has a million.
    Result<void> set_name(std::string_view& name, std::uint32_t offset) const {
        const auto text = data_.name_at(offset);
        if (!text) {
            return fail(Code::invalid_input,
                        fmt::format("{}: name at offset {} of a string section of {} bytes",
                                    this_type(), offset,
                                    data_.base_string_bytes + data_.strings.size()));
        }
        name = *text;
        return {};
    }

    Result<void> set_target(TypeId& target, std::uint32_t id) const {
        if (id >= type_limit_) {
            return fail(Code::invalid_input, fmt::format("{} refers to type {}, the last is {}",
                                                         this_type(), id, type_limit_ - 1));
        }
        target = id;
        return {};
    }

    [[nodiscard]] std::string this_type() const {
        const TypeId id = data_.first_id + static_cast<TypeId>(data_.types.size());
        const std::size_t own = data_.types.size() - (data_.base == nullptr ? 1 : 0);
        return fmt::format("type {} at offset {:#x} of the type section", id,
                           data_.word_index[own] * 4);
    }
    [[nodiscard]] std::string next_type(std::size_t at) const {
        return fmt::format("type {} at offset {:#x} of the type section",
                           data_.first_id + data_.word_index.size(), at * 4);
    }

    Data& data_;
    TypeId type_limit_ = 0;
};

Result<void> Btf::Data::decode() { return Decoder(*this).run(); }

} // namespace skep::btf
