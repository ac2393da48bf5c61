// SPDX-License-Identifier: Apache-2.0
#include "skep/observe/listing.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace skep::observe {

namespace {

constexpr int kMaxTypeDepth = 32;

std::string type_text(const btf::Btf& types, btf::TypeId id, int depth = 0) {
    if (!types.has(id) || depth > kMaxTypeDepth) {
        return "?";
    }
    const btf::Type& type = types.type(id);
    const auto target = [&] { return type_text(types, type.target, depth + 1); };
    switch (type.kind) {
    case btf::Kind::void_:
        return "void";
    case btf::Kind::pointer:
        return target() + " *";
    case btf::Kind::structure:
        return fmt::format("struct {}", type.name);
    case btf::Kind::union_:
        return fmt::format("union {}", type.name);
    case btf::Kind::enumeration:
    case btf::Kind::enumeration64:
        return fmt::format("enum {}", type.name);
    case btf::Kind::forward:
        return fmt::format("{} {}", type.kind_flag ? "union" : "struct", type.name);
    case btf::Kind::const_:
        return "const " + target();
    case btf::Kind::volatile_:
        return "volatile " + target();
    case btf::Kind::restrict_:
        return "restrict " + target();
    case btf::Kind::type_tag:
        return target();
    case btf::Kind::array:
        return fmt::format("{}[{}]", target(), type.count);
    case btf::Kind::function_prototype:
        return target() + " (*)()";
    case btf::Kind::integer:
    case btf::Kind::typedef_:
    case btf::Kind::floating:
    case btf::Kind::function:
    case btf::Kind::variable:
    case btf::Kind::data_section:
    case btf::Kind::declaration_tag:
        break;
    }
    return std::string(type.name);
}

std::string text_or_empty(const btf::Btf& types, std::uint32_t offset) {
    const Result<std::string_view> text = types.text(offset);
    return text.ok() ? std::string(*text) : std::string();
}

std::string without_indent(std::string text) {
    text.erase(0, std::min(text.size(), text.find_first_not_of(" \t")));
    return text;
}

} // namespace

std::optional<std::string> prototype_text(const btf::Btf& types, btf::TypeId function) {
    if (!types.has(function) || types.type(function).kind != btf::Kind::function ||
        !types.has(types.type(function).target)) {
        return std::nullopt;
    }
    const btf::Type& prototype = types.type(types.type(function).target);
    if (prototype.kind != btf::Kind::function_prototype) {
        return std::nullopt;
    }
    std::string text =
        fmt::format("{} {}(", type_text(types, prototype.target), types.type(function).name);
    bool is_first = true;
    for (const btf::Member& parameter : prototype.members) {
        text += is_first ? "" : ", ";
        is_first = false;
        text += parameter.type == 0 && parameter.name.empty() ? "..."
                                                              : type_text(types, parameter.type);
        text += parameter.name.empty() ? "" : fmt::format(" {}", parameter.name);
    }
    return text + (prototype.members.empty() ? "void)" : ")");
}

SourceLine source_line(const btf::Btf& types, const std::array<std::uint32_t, 4>& line) {
    return {without_indent(text_or_empty(types, line[2])), text_or_empty(types, line[1]),
            line[3] >> 10, line[3] & 0x3ff};
}

std::string source_words(const SourceLine& source, LineNumbers numbers) {
    std::string words = "; " + source.text;
    if (numbers == LineNumbers::show) {
        words += fmt::format(" [file:{} line_num:{} line_col:{}]", source.file, source.line,
                             source.column);
    }
    return words;
}

namespace {

// Engines mark instructions of their own in the offset, where no program may write: a marked move
// is shown as the move that it is, and the offset of a call of a subprogram is its true distance.
std::variant<Insn, DecodeError> decode_leniently(std::span<const RawInsn> insns, InsnIndex at) {
    auto decoded = decode(insns, at);
    if (std::holds_alternative<DecodeError>(decoded)) {
        constexpr std::uint8_t kCall = 0x85;
        RawInsn unmarked = insns[at.value];
        unmarked.imm = unmarked.opcode == kCall ? unmarked.offset : unmarked.imm;
        unmarked.offset = 0;
        auto again = decode({&unmarked, 1}, InsnIndex(0));
        if (std::holds_alternative<Insn>(again)) {
            decoded = std::move(again);
        }
    }
    return decoded;
}

} // namespace

std::vector<ListedInsn> make_listing(const ListedProgram& program, const Names& names) {
    std::vector<ListedInsn> listing;
    std::size_t next_function = 0;
    std::size_t next_line = 0;
    for (std::uint32_t at = 0; at < program.insns.size();) {
        ListedInsn listed;
        listed.index = InsnIndex(at);
        const auto decoded = decode_leniently(program.insns, listed.index);
        const Insn* insn = std::get_if<Insn>(&decoded);
        const std::uint32_t slots =
            std::min<std::uint32_t>(insn == nullptr ? 1 : insn->slots(),
                                    static_cast<std::uint32_t>(program.insns.size()) - at);
        listed.slots.assign(program.insns.begin() + at, program.insns.begin() + at + slots);
        listed.text = insn != nullptr ? disassemble_with_opcode(*insn, listed.index, names)
                                      : fmt::format("({:02x}) {}", listed.slots[0].opcode,
                                                    opcode_bytes(listed.slots));
        for (;
             next_function < program.functions.size() && program.functions[next_function][0] <= at;
             ++next_function) {
            if (program.types != nullptr && program.functions[next_function][0] == at) {
                listed.prototype =
                    prototype_text(*program.types, program.functions[next_function][1]);
            }
        }
        for (; next_line < program.lines.size() && program.lines[next_line][0] <= at; ++next_line) {
            if (program.types != nullptr && program.lines[next_line][0] == at) {
                listed.source = source_line(*program.types, program.lines[next_line]);
            }
        }
        listing.push_back(std::move(listed));
        at += slots;
    }
    return listing;
}

void print_listing_text(Output& output, std::span<const ListedInsn> listing,
                        const ListingStyle& style) {
    for (const ListedInsn& insn : listing) {
        if (insn.prototype.has_value()) {
            output.write(fmt::format("{}:\n", *insn.prototype));
        }
        if (insn.source.has_value()) {
            output.write(source_words(*insn.source, style.line_numbers) + "\n");
        }
        output.write(fmt::format("{:4}: {}\n", insn.index.value, insn.text));
        if (style.opcodes) {
            output.write(fmt::format("       {}\n", opcode_bytes(insn.slots)));
        }
    }
}

namespace {

template <class Number>
Bytes bytes_of(const Number& number) {
    return {reinterpret_cast<const std::uint8_t*>(&number),
            sizeof(number)}; // NOLINT: bytes of a local
}

// The fields of an instruction as they lie in memory; a wide one's immediate goes on to its end.
void print_opcodes_json(JsonWriter& json, const ListedInsn& insn) {
    const RawInsn& first = insn.slots.front();
    json.begin_object("opcodes");
    json.member("code", std::string_view(fmt::format("0x{:02x}", first.opcode)));
    json.member("src_reg", std::string_view(fmt::format("0x{:x}", first.src())));
    json.member("dst_reg", std::string_view(fmt::format("0x{:x}", first.dst())));
    json.name("off");
    json.hex_bytes(bytes_of(first.offset));
    ByteWriter immediate;
    immediate.write(first.imm);
    if (insn.slots.size() > 1) {
        immediate.write_bytes(bytes_of(insn.slots[1]));
    }
    json.name("imm");
    json.hex_bytes(immediate.bytes());
    json.end_object();
}

// Only what the line information knows.
void print_source_json(JsonWriter& json, const SourceLine& source, const ListingStyle& style) {
    json.member("src", std::string_view(source.text));
    if (style.line_numbers != LineNumbers::show) {
        return;
    }
    if (!source.file.empty()) {
        json.member("file", std::string_view(source.file));
    }
    if (source.line != 0) {
        json.member("line_num", source.line);
    }
    if (source.column != 0) {
        json.member("line_col", source.column);
    }
}

} // namespace

void print_listing_json(JsonWriter& json, std::span<const ListedInsn> listing,
                        const ListingStyle& style) {
    json.begin_array();
    for (const ListedInsn& insn : listing) {
        json.begin_object();
        if (insn.prototype.has_value()) {
            json.member("proto", std::string_view(*insn.prototype));
        }
        if (insn.source.has_value()) {
            print_source_json(json, *insn.source, style);
        }
        json.member("disasm", std::string_view(insn.text));
        if (style.opcodes) {
            print_opcodes_json(json, insn);
        }
        json.end_object();
    }
    json.end_array();
}

} // namespace skep::observe
