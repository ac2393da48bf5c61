// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/btf.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "skep/btf/data.hpp"

namespace skep::btf {

std::string_view kind_word(Kind kind) {
    static constexpr std::array<std::string_view, kKindCount> kWords{
        "VOID", "INT",     "PTR",      "ARRAY",    "STRUCT",   "UNION", "ENUM",
        "FWD",  "TYPEDEF", "VOLATILE", "CONST",    "RESTRICT", "FUNC",  "FUNC_PROTO",
        "VAR",  "DATASEC", "FLOAT",    "DECL_TAG", "TYPE_TAG", "ENUM64"};
    const auto number = static_cast<std::uint8_t>(kind);
    return number < kWords.size() ? kWords[number] : "UNKNOWN";
}

const Type* Btf::Data::find_type(TypeId id) const {
    const Data* holder = this;
    while (id < holder->first_id && holder->base != nullptr) {
        holder = holder->base->data_.get();
    }
    const std::size_t own = id - holder->first_id;
    return own < holder->types.size() ? &holder->types[own] : nullptr;
}

std::optional<std::string_view> Btf::Data::name_at(std::uint32_t offset) const {
    if (offset < base_string_bytes) {
        return base->data_->name_at(offset);
    }
    const std::size_t own = offset - base_string_bytes;
    if (own >= strings.size()) {
        return own == 0 ? std::optional<std::string_view>("") : std::nullopt;
    }
    return std::string_view(strings.data() + own); // a zero ends the section
}

std::string Btf::Data::where(TypeId id) const {
    const Type* type = find_type(id);
    if (type == nullptr || id < first_id) {
        return fmt::format("type {}", id);
    }
    return fmt::format("type {} ({}{}{}{}, offset {:#x})", id, kind_word(type->kind),
                       type->name.empty() ? "" : " '", type->name, type->name.empty() ? "" : "'",
                       word_index[id - first_id] * 4);
}

std::uint32_t Btf::type_count() const { return data_->count(); }
TypeId Btf::first_own_id() const { return std::max<TypeId>(data_->first_id, 1); }
std::string_view Btf::strings() const { return data_->strings; }
const std::shared_ptr<const Btf>& Btf::base() const { return data_->base; }

const Type& Btf::type(TypeId id) const {
    const Type* type = data_->find_type(id);
    SKEP_ASSERT(type != nullptr);
    return *type;
}

std::string Btf::where(TypeId id) const { return data_->where(id); }

Result<std::string_view> Btf::text(std::uint32_t string_offset) const {
    const auto text = data_->name_at(string_offset);
    if (!text) {
        return fail(Code::invalid_input,
                    fmt::format("string offset {} of {}", string_offset,
                                data_->base_string_bytes + data_->strings.size()));
    }
    return *text;
}

std::string_view essential_name(std::string_view name) {
    for (std::size_t i = name.size() < 5 ? 0 : name.size() - 4; i-- > 0;) {
        if (name[i] != '_' && name.substr(i + 1, 3) == "___" && name[i + 4] != '_') {
            return name.substr(0, i + 1);
        }
    }
    return name;
}

// The index is made when first asked for, and then shared by all copies.
const Btf::Data::Index& Btf::Data::essential_names() const {
    std::call_once(index_once, [this] {
        index.reserve(types.size());
        TypeId id = first_id;
        for (const Type& type : types) {
            if (!type.name.empty()) {
                index.emplace(essential_name(type.name), id);
            }
            ++id;
        }
    });
    return index;
}

std::optional<TypeId> Btf::find(std::string_view name, Kind kind) const {
    if (data_->base != nullptr) {
        if (const auto found = data_->base->find(name, kind)) {
            return found;
        }
    }
    std::optional<TypeId> first;
    const auto [begin, end] = data_->essential_names().equal_range(essential_name(name));
    for (auto it = begin; it != end; ++it) {
        const Type& candidate = type(it->second);
        if (candidate.kind == kind && candidate.name == name && (!first || it->second < *first)) {
            first = it->second;
        }
    }
    return first;
}

std::vector<TypeId> Btf::find_flavours(std::string_view essential) const {
    std::vector<TypeId> found;
    if (data_->base != nullptr) {
        found = data_->base->find_flavours(essential);
    }
    const auto [begin, end] = data_->essential_names().equal_range(essential);
    for (auto it = begin; it != end; ++it) {
        found.push_back(it->second);
    }
    std::sort(found.begin(), found.end());
    return found;
}

TypeId Btf::resolve(TypeId id) const {
    while (is_transparent(type(id).kind)) { // acyclic: parse refuses cycles
        id = type(id).target;
    }
    return id;
}

bool is_transparent(Kind kind) {
    return kind == Kind::typedef_ || kind == Kind::const_ || kind == Kind::volatile_ ||
           kind == Kind::restrict_ || kind == Kind::type_tag;
}

namespace {

// The bytes of one value, where the type itself says it: an array and a variable ask their target.
std::optional<std::uint32_t> own_size_bytes(const Type& type) {
    switch (type.kind) {
    case Kind::integer:
    case Kind::structure:
    case Kind::union_:
    case Kind::enumeration:
    case Kind::enumeration64:
    case Kind::floating:
    case Kind::data_section:
        return type.size_bytes;
    case Kind::pointer:
        return 8;
    case Kind::array:
    case Kind::variable:
    case Kind::void_:
    case Kind::forward:
    case Kind::typedef_:
    case Kind::volatile_:
    case Kind::const_:
    case Kind::restrict_:
    case Kind::function:
    case Kind::function_prototype:
    case Kind::declaration_tag:
    case Kind::type_tag:
        return std::nullopt;
    }
    return std::nullopt;
}

} // namespace

Result<std::uint32_t> Btf::size_of(TypeId id) const {
    std::optional<std::uint32_t> elements = 1;
    TypeId at = resolve(id);
    while (type(at).kind == Kind::array || type(at).kind == Kind::variable) {
        const Type& outer = type(at);
        elements = checked_multiply(*elements, outer.kind == Kind::array ? outer.count : 1);
        if (!elements) {
            return fail(Code::invalid_input, fmt::format("{} has a size past 32 bits", where(id)));
        }
        at = resolve(outer.target);
    }
    const auto element_bytes = own_size_bytes(type(at));
    if (!element_bytes) {
        return fail(Code::invalid_input, fmt::format("{} has no size", where(at)));
    }
    const auto bytes = checked_multiply(*elements, *element_bytes);
    if (!bytes) {
        return fail(Code::invalid_input, fmt::format("{} has a size past 32 bits", where(id)));
    }
    return *bytes;
}

bool Btf::is_signed(TypeId id) const {
    const Type& found = type(resolve(id));
    if (found.kind == Kind::integer) {
        return (found.int_encoding & kIntSigned) != 0;
    }
    return (found.kind == Kind::enumeration || found.kind == Kind::enumeration64) &&
           found.kind_flag;
}

} // namespace skep::btf
