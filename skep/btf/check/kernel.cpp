// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/check/kernel.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "skep/base/kernel_errno.hpp"
#include "skep/btf/check/members.hpp"
#include "skep/btf/data.hpp"

namespace skep::btf {
namespace {

constexpr std::uint64_t kMaxBytes = 16U << 20;
constexpr std::size_t kMaxNameChars = 511;

// Letters and printable characters as the kernel has them: those of Latin-1 too.
bool is_letter(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7);
}
bool is_printable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0;
}

bool is_identifier(std::string_view name) {
    const auto may_begin = [](char c) { return is_letter(c) || c == '_' || c == '.'; };
    return !name.empty() && name.size() <= kMaxNameChars && may_begin(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return may_begin(c) || (c >= '0' && c <= '9'); });
}

bool is_section_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxNameChars &&
           std::all_of(name.begin(), name.end(), is_printable);
}

// No bytes but the header, the types and the strings, in this order and without gaps.
Result<void> check_header(Bytes raw) {
    if (raw.size() > kMaxBytes) {
        return Error{Code::too_big, 0,
                     fmt::format("BTF of {} bytes, at most {} are taken", raw.size(), kMaxBytes)};
    }
    ByteReader reader(raw);
    if (TRY(reader.read<std::uint16_t>()) != kMagic) {
        return fail(Code::invalid_input, "not BTF of this machine's byte order");
    }
    const auto version = TRY(reader.read<std::uint8_t>());
    const auto flags = TRY(reader.read<std::uint8_t>());
    const auto header_bytes = TRY(reader.read<std::uint32_t>());
    const auto type_offset = TRY(reader.read<std::uint32_t>());
    const auto type_bytes = TRY(reader.read<std::uint32_t>());
    const auto string_offset = TRY(reader.read<std::uint32_t>());
    const auto string_bytes = TRY(reader.read<std::uint32_t>());
    constexpr std::uint32_t kMagicAlone = 2; // a header that ends before its version has version 0
    if (header_bytes == kMagicAlone) {
        return Error{Code::unsupported, kNotSupported, "a header of 2 bytes"};
    }
    if (header_bytes > raw.size()) {
        return fail(Code::invalid_input,
                    fmt::format("a header of {} bytes in BTF of {}", header_bytes, raw.size()));
    }
    for (std::uint64_t at = kHeaderBytes; at < header_bytes; ++at) {
        if (raw[at] != 0) {
            return Error{Code::too_big, 0,
                         fmt::format("the header has something unknown at offset {}", at)};
        }
    }
    if (version != 1 || flags != 0) {
        return Error{Code::unsupported, kNotSupported,
                     fmt::format("BTF version {} with flags {:#x}", version, flags)};
    }
    const std::uint64_t body = raw.size() - header_bytes;
    const bool in_order = type_offset == 0 && string_offset == type_bytes &&
                          std::uint64_t{string_offset} + string_bytes == body;
    if (!in_order || type_bytes == 0 || string_bytes == 0) {
        return fail(Code::invalid_input,
                    fmt::format("types at {}+{} and strings at {}+{} do not fill {} bytes",
                                type_offset, type_bytes, string_offset, string_bytes, body));
    }
    return {};
}

class TypeLaw {
  public:
    explicit TypeLaw(const Btf& btf) : btf_(btf), words_(btf) {}

    Result<void> check() {
        for (TypeId id = btf_.first_own_id(); id < btf_.type_count(); ++id) {
            TRY_WHILE(btf_.where(id), check_shape(id, btf_.type(id)));
        }
        for (TypeId id = btf_.first_own_id(); id < btf_.type_count(); ++id) {
            TRY_WHILE(btf_.where(id), check_references(id, btf_.type(id)));
        }
        return {};
    }

  private:
    static Error wrong(std::string what) { return fail(Code::invalid_input, std::move(what)); }
    static Result<void> require(bool holds, std::string_view what) {
        return holds ? Result<void>() : Result<void>(wrong(std::string(what)));
    }

    // ---- what a type says about itself

    Result<void> check_shape(TypeId id, const Type& type) {
        const std::uint32_t info = words_.word(id, 1).value_or(0);
        TRY(require((info & 0x60ff0000) == 0, "reserved bits of its info are set"));
        const std::uint32_t vlen = vlen_of_info(info);
        const bool may_have_flag = type.kind == Kind::structure || type.kind == Kind::union_ ||
                                   type.kind == Kind::enumeration ||
                                   type.kind == Kind::enumeration64 || type.kind == Kind::forward ||
                                   type.kind == Kind::type_tag ||
                                   type.kind == Kind::declaration_tag;
        TRY(require(!type.kind_flag || may_have_flag, "its kind takes no flag"));
        const bool may_have_entries =
            payload_of(type.kind).per_entry != 0 || type.kind == Kind::function;
        TRY(require(vlen == 0 || may_have_entries, "its kind has no entries"));
        TRY(check_name(id, type));
        return check_kind(id, type, vlen);
    }

    // A name is there when its offset is not 0: one that is there and empty is wrong.
    [[nodiscard]] bool has_name(TypeId id) const { return words_.word(id, 0) != 0U; }
    [[nodiscard]] bool entry_has_name(TypeId id, std::size_t entry,
                                      std::uint32_t words_each) const {
        return words_.word(id, 3 + static_cast<std::uint32_t>(entry) * words_each) != 0U;
    }

    Result<void> check_name(TypeId id, const Type& type) const {
        switch (type.kind) {
        case Kind::pointer:
        case Kind::const_:
        case Kind::volatile_:
        case Kind::restrict_:
        case Kind::array:
        case Kind::function_prototype:
            return require(!has_name(id), "its kind takes no name");
        case Kind::typedef_:
        case Kind::forward:
        case Kind::function:
        case Kind::variable:
            return require(is_identifier(type.name), "its name is no identifier");
        case Kind::structure:
        case Kind::union_:
        case Kind::enumeration:
        case Kind::enumeration64:
            return require(!has_name(id) || is_identifier(type.name), "its name is no identifier");
        case Kind::data_section:
            return require(is_section_name(type.name), "its name cannot be a section's");
        case Kind::type_tag:
        case Kind::declaration_tag:
            return require(!type.name.empty(), "it has no name");
        case Kind::void_:
        case Kind::integer:
        case Kind::floating:
            break;
        }
        return {};
    }

    Result<void> check_kind(TypeId id, const Type& type, std::uint32_t vlen) {
        switch (type.kind) {
        case Kind::integer:
            return check_integer(id, type);
        case Kind::array:
            TRY(require(words_.word(id, 2) == 0U, "its size word is not 0"));
            return require(type.target != 0 && type.index_type != 0,
                           "its element or index is void");
        case Kind::structure:
        case Kind::union_:
            return check_member_list(id, type);
        case Kind::enumeration:
        case Kind::enumeration64:
            return check_enumeration(type);
        case Kind::forward:
            return require(words_.word(id, 2) == 0U, "its type word is not 0");
        case Kind::function:
            return require(vlen <= 1, "its linkage is neither static nor global");
        case Kind::variable:
            TRY(require(type.target != 0, "it is void"));
            return require(type.linkage <= Linkage::global,
                           "its linkage is neither static nor global");
        case Kind::data_section:
            return check_section(type);
        case Kind::floating:
            return require(type.size_bytes == 2 || type.size_bytes == 4 || type.size_bytes == 8 ||
                               type.size_bytes == 12 || type.size_bytes == 16,
                           "its size is none of 2, 4, 8, 12, 16");
        case Kind::declaration_tag:
            return require(type.component >= -1, "its component is below -1");
        case Kind::void_:
        case Kind::pointer:
        case Kind::typedef_:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::function_prototype:
        case Kind::type_tag:
            break;
        }
        return {};
    }

    Result<void> check_integer(TypeId id, const Type& type) {
        const std::uint32_t data = words_.word(id, 3).value_or(0);
        TRY(require((data & 0xf0000000) == 0, "reserved bits of its data are set"));
        const std::uint32_t bits = std::uint32_t{type.int_bits} + type.int_bit_offset;
        TRY(require(bits <= 128 && (bits + 7) / 8 <= type.size_bytes,
                    "its bits do not fit its size"));
        const bool known = type.int_encoding == 0 || std::has_single_bit(type.int_encoding);
        if (!known || type.int_encoding > kIntBool) {
            return Error{Code::unsupported, kNotSupported,
                         fmt::format("encoding {:#x}", type.int_encoding)};
        }
        return {};
    }

    Result<void> check_member_list(TypeId id, const Type& type) const {
        std::uint32_t last = 0;
        for (const Member& member : type.members) {
            const auto entry = static_cast<std::size_t>(&member - type.members.data());
            TRY(require(!entry_has_name(id, entry, 3) || is_identifier(member.name),
                        "a member's name is no identifier"));
            TRY(require(member.type != 0, "a member is void"));
            TRY(require(type.kind == Kind::structure || member.bit_offset == 0,
                        "a member of a union has an offset"));
            TRY(require(member.bit_offset >= last, "members do not rise by offset"));
            TRY(require((std::uint64_t{member.bit_offset} + 7) / 8 <= type.size_bytes,
                        "a member begins past the end"));
            last = member.bit_offset;
        }
        return {};
    }

    static Result<void> check_enumeration(const Type& type) {
        TRY(require(type.size_bytes <= 8 && std::has_single_bit(type.size_bytes),
                    "its size is none of 1, 2, 4, 8"));
        for (const Enumerator& enumerator : type.enumerators) {
            TRY(require(is_identifier(enumerator.name), "an enumerator's name is no identifier"));
        }
        return {};
    }

    static Result<void> check_section(const Type& type) {
        TRY(require(type.size_bytes != 0, "its size is 0"));
        std::uint64_t end = 0;
        for (const SectionVariable& variable : type.variables) {
            TRY(require(variable.variable != 0, "a variable of it is void"));
            TRY(require(variable.offset >= end && variable.offset < type.size_bytes,
                        "variables overlap or lie outside"));
            TRY(require(variable.size_bytes != 0 && variable.size_bytes <= type.size_bytes,
                        "a variable's size does not fit"));
            end = std::uint64_t{variable.offset} + variable.size_bytes;
            TRY(require(end <= type.size_bytes, "a variable ends outside"));
        }
        return {};
    }

    // ---- what it refers to

    [[nodiscard]] bool may_be_referred_to(TypeId id) const {
        const Kind kind = btf_.type(id).kind;
        return kind != Kind::variable && kind != Kind::data_section &&
               kind != Kind::declaration_tag;
    }
    [[nodiscard]] bool has_size(TypeId id) const {
        return may_be_referred_to(id) && btf_.size_of(id).ok();
    }
    [[nodiscard]] bool is_plain_integer(TypeId id) const {
        const Type& type = btf_.type(btf_.resolve(id));
        return type.kind == Kind::integer && type.int_bit_offset == 0 && type.int_bits >= 8 &&
               std::has_single_bit(type.int_bits);
    }

    Result<void> check_references(TypeId id, const Type& type) {
        switch (type.kind) {
        case Kind::pointer:
        case Kind::typedef_:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::type_tag: {
            TRY(check_tag_order(id));
            const bool is_function = btf_.type(type.target).kind == Kind::function;
            return require(may_be_referred_to(type.target) &&
                               !(is_function && type.kind == Kind::pointer),
                           "it refers to what is no type");
        }
        case Kind::array:
            return check_array(type);
        case Kind::structure:
        case Kind::union_:
            for (const Member& member : type.members) {
                TRY(require(may_be_referred_to(member.type), "a member is no type"));
                TRY(check_member_place(btf_, type, member));
            }
            return {};
        case Kind::variable:
            return require(has_size(type.target), "its type has no size");
        case Kind::data_section:
            return check_section_variables(type);
        case Kind::function:
            return check_function(type);
        case Kind::function_prototype:
            return check_prototype(id, type);
        case Kind::declaration_tag:
            return check_tag(type);
        case Kind::void_:
        case Kind::integer:
        case Kind::enumeration:
        case Kind::enumeration64:
        case Kind::forward:
        case Kind::floating:
            break;
        }
        return {};
    }

    // From a type outwards, type tags come before modifiers.
    Result<void> check_tag_order(TypeId id) const {
        bool in_tags = btf_.type(id).kind == Kind::type_tag;
        for (TypeId at = id; is_transparent(btf_.type(at).kind); at = btf_.type(at).target) {
            const bool is_tag = btf_.type(at).kind == Kind::type_tag;
            TRY(require(!is_tag || in_tags, "a type tag comes after a modifier"));
            in_tags = in_tags && is_tag;
        }
        return {};
    }

    Result<void> check_array(const Type& type) {
        TRY(require(may_be_referred_to(type.index_type) && is_plain_integer(type.index_type),
                    "its index is no plain integer"));
        TRY(require(has_size(type.target), "its element has no size"));
        const bool is_odd = btf_.type(btf_.resolve(type.target)).kind == Kind::integer &&
                            !is_plain_integer(type.target);
        TRY(require(!is_odd, "its element is no plain integer"));
        const std::uint64_t bytes = std::uint64_t{TRY(btf_.size_of(type.target))} * type.count;
        return require(bytes <= UINT32_MAX, "its size does not fit 32 bits");
    }

    Result<void> check_section_variables(const Type& type) {
        for (const SectionVariable& entry : type.variables) {
            const Type& variable = btf_.type(entry.variable);
            TRY(require(variable.kind == Kind::variable, "it lists what is no variable"));
            TRY(require(btf_.size_of(variable.target).value_or(UINT32_MAX) <= entry.size_bytes,
                        "a variable is larger than its place"));
        }
        return {};
    }

    Result<void> check_function(const Type& type) {
        const Type& prototype = btf_.type(type.target);
        TRY(require(prototype.kind == Kind::function_prototype,
                    "it refers to what is no prototype"));
        return require(std::all_of(prototype.members.begin(), prototype.members.end(),
                                   [](const Member& parameter) {
                                       return !parameter.name.empty() || parameter.type == 0;
                                   }),
                       "a parameter has no name");
    }

    Result<void> check_prototype(TypeId id, const Type& type) {
        TRY(require(type.target == 0 || has_size(type.target), "its result has no size"));
        for (std::size_t i = 0; i < type.members.size(); ++i) {
            const Member& parameter = type.members[i];
            const bool is_ellipsis =
                parameter.type == 0 && !entry_has_name(id, i, 2) && i + 1 == type.members.size();
            TRY(require(is_ellipsis || has_size(parameter.type), "a parameter has no size"));
            TRY(require(!entry_has_name(id, i, 2) || is_identifier(parameter.name),
                        "a parameter's name is no identifier"));
        }
        return {};
    }

    Result<void> check_tag(const Type& type) {
        const Type& tagged = btf_.type(type.target);
        const bool composite = tagged.kind == Kind::structure || tagged.kind == Kind::union_;
        TRY(require(composite || tagged.kind == Kind::function || tagged.kind == Kind::variable ||
                        tagged.kind == Kind::typedef_,
                    "it marks what takes no tag"));
        if (type.component < 0) {
            return {};
        }
        TRY(require(composite || tagged.kind == Kind::function,
                    "it marks a component of what has none"));
        const std::size_t components =
            composite ? tagged.members.size() : btf_.type(tagged.target).members.size();
        return require(static_cast<std::size_t>(type.component) < components,
                       "it marks a component that is not there");
    }

    const Btf& btf_;
    Editor words_;
};

} // namespace

Result<Btf> parse_for_kernel(Bytes raw) {
    TRY(check_header(raw));
    Btf btf = TRY(Btf::parse(raw));
    TRY(TypeLaw(btf).check());
    return btf;
}

} // namespace skep::btf
