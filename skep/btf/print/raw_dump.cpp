// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/print/raw_dump.hpp"

#include <iterator>

#include <fmt/format.h>

namespace skep::btf {
namespace {

std::string shown(std::string_view name) { return std::string(name.empty() ? "(anon)" : name); }

std::string encoding_word(std::uint8_t encoding) {
    switch (encoding) {
    case 0:
        return "(none)";
    case kIntSigned:
        return "SIGNED";
    case kIntChar:
        return "CHAR";
    case kIntBool:
        return "BOOL";
    default:
        return "UNKN";
    }
}

std::string linkage_word(Linkage linkage) {
    switch (linkage) {
    case Linkage::static_:
        return "static";
    case Linkage::global:
        return "global";
    case Linkage::external:
        return "extern";
    }
    return "(unknown)";
}

RawField number(std::string_view name, std::uint64_t value) {
    return {name, RawField::Is::number, value, {}};
}
RawField word(std::string_view name, std::string value) {
    return {name, RawField::Is::text, 0, std::move(value)};
}

void add_members(RawRecord& record, const Type& type) {
    record.fields = {number("size", type.size_bytes), number("vlen", type.members.size())};
    record.entries_name = "members";
    for (const Member& member : type.members) {
        RawEntry entry{{word("name", shown(member.name)), number("type_id", member.type),
                        number("bits_offset", member.bit_offset)},
                       {}};
        if (member.bit_size != 0) {
            entry.fields.push_back(number("bitfield_size", member.bit_size));
        }
        record.entries.push_back(std::move(entry));
    }
}

void add_enumerators(RawRecord& record, const Type& type) {
    record.fields = {word("encoding", type.kind_flag ? "SIGNED" : "UNSIGNED"),
                     number("size", type.size_bytes), number("vlen", type.enumerators.size())};
    record.entries_name = "values";
    for (const Enumerator& enumerator : type.enumerators) {
        const RawField value{"val",
                             type.kind_flag ? RawField::Is::signed_number : RawField::Is::number,
                             enumerator.value,
                             {}};
        record.entries.push_back({{word("name", shown(enumerator.name)), value}, {}});
    }
}

void add_parameters(RawRecord& record, const Type& type) {
    record.fields = {number("ret_type_id", type.target), number("vlen", type.members.size())};
    record.entries_name = "params";
    for (const Member& parameter : type.members) {
        record.entries.push_back(
            {{word("name", shown(parameter.name)), number("type_id", parameter.type)}, {}});
    }
}

void add_variables(RawRecord& record, const Btf& btf, const Type& type) {
    record.fields = {number("size", type.size_bytes), number("vlen", type.variables.size())};
    record.entries_name = "vars";
    for (const SectionVariable& variable : type.variables) {
        const Type& named = btf.type(variable.variable);
        record.entries.push_back(
            {{number("type_id", variable.variable), number("offset", variable.offset),
              number("size", variable.size_bytes)},
             fmt::format(" ({} '{}')", kind_word(named.kind), shown(named.name))});
    }
}

std::string value_text(const RawField& field) {
    switch (field.is) {
    case RawField::Is::number:
        return std::to_string(field.number);
    case RawField::Is::signed_number:
        return std::to_string(static_cast<std::int64_t>(field.number));
    case RawField::Is::text:
        break;
    }
    return field.text;
}

std::string entry_text(const RawRecord& record, const RawEntry& entry) {
    std::string line = "\t";
    for (const RawField& field : entry.fields) {
        line += line.size() > 1 ? " " : "";
        if (field.name == "name") {
            line += fmt::format("'{}'", value_text(field));
        } else if (field.name == "val" && record.kind == "ENUM64") {
            line += fmt::format("val={}{}", value_text(field),
                                field.is == RawField::Is::signed_number ? "LL" : "ULL");
        } else {
            line += fmt::format("{}={}", field.name, value_text(field));
        }
    }
    return line + entry.note + "\n";
}

} // namespace

RawRecord raw_record(const Btf& btf, TypeId id) {
    const Type& type = btf.type(id);
    RawRecord record;
    record.id = id;
    record.kind = kind_word(type.kind);
    record.name = shown(type.name);
    switch (type.kind) {
    case Kind::integer:
        record.fields = {
            number("size", type.size_bytes), number("bits_offset", type.int_bit_offset),
            number("nr_bits", type.int_bits), word("encoding", encoding_word(type.int_encoding))};
        break;
    case Kind::array:
        record.fields = {number("type_id", type.target), number("index_type_id", type.index_type),
                         number("nr_elems", type.count)};
        break;
    case Kind::structure:
    case Kind::union_:
        add_members(record, type);
        break;
    case Kind::enumeration:
    case Kind::enumeration64:
        add_enumerators(record, type);
        break;
    case Kind::forward:
        record.fields = {word("fwd_kind", type.kind_flag ? "union" : "struct")};
        break;
    case Kind::function:
    case Kind::variable:
        record.fields = {number("type_id", type.target),
                         word("linkage", linkage_word(type.linkage))};
        break;
    case Kind::function_prototype:
        add_parameters(record, type);
        break;
    case Kind::data_section:
        add_variables(record, btf, type);
        break;
    case Kind::floating:
        record.fields = {number("size", type.size_bytes)};
        break;
    case Kind::declaration_tag:
        record.fields = {number("type_id", type.target),
                         {"component_idx",
                          RawField::Is::signed_number,
                          static_cast<std::uint64_t>(std::int64_t{type.component}),
                          {}}};
        break;
    case Kind::pointer:
    case Kind::typedef_:
    case Kind::volatile_:
    case Kind::const_:
    case Kind::restrict_:
    case Kind::type_tag:
        record.fields = {number("type_id", type.target)};
        break;
    case Kind::void_:
        break;
    }
    return record;
}

std::string raw_text(const RawRecord& record) {
    std::string text = fmt::format("[{}] {} '{}'", record.id, record.kind, record.name);
    for (const RawField& field : record.fields) {
        // A variable's fields have a comma between them.
        const bool comma = record.kind == "VAR" && &field != &record.fields.front();
        text += fmt::format("{} {}={}", comma ? "," : "", field.name, value_text(field));
    }
    text += "\n";
    for (const RawEntry& entry : record.entries) {
        text += entry_text(record, entry);
    }
    return text;
}

std::string raw_dump(const Btf& btf, std::span<const TypeId> roots) {
    std::string text;
    if (roots.empty()) {
        for (TypeId id = btf.first_own_id(); id < btf.type_count(); ++id) {
            text += raw_text(raw_record(btf, id));
        }
    }
    for (const TypeId id : roots) {
        text += btf.has(id) ? raw_text(raw_record(btf, id)) : "";
    }
    return text;
}

} // namespace skep::btf
