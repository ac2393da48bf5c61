// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/print/c_dump.hpp"

#include <iterator>
#include <map>

#include <fmt/format.h>

#include "skep/btf/print/c_layout.hpp"
#include "skep/btf/print/c_order.hpp"
#include "skep/btf/print/declarator.hpp"

namespace skep::btf {
namespace {

constexpr int kMaxDepth = 2000;
constexpr int kMaxNesting = 64; // anonymous types inside each other, each a tab deeper
constexpr std::size_t kMaxGapBytes = 1U << 20; // of fillers in one structure

bool is_composite(const Type& type) {
    return type.kind == Kind::structure || type.kind == Kind::union_;
}
// The compiler has this one itself.
bool is_built_in(const Type& type) {
    return type.kind == Kind::typedef_ && type.name == "__builtin_va_list";
}

class Emitter {
  public:
    explicit Emitter(const Btf& btf)
        : btf_(btf), layout_(btf), states_(btf.type_count()), names_(btf.type_count()) {}

    Result<std::string> run(const std::vector<TypeId>& order) {
        for (const TypeId id : order) {
            emit_definition(id);
            if (is_too_big_ || out_.size() > kMaxCBytes) {
                return fail(Code::too_big,
                            fmt::format("{}: its definition in C is too large", btf_.where(id)));
            }
        }
        return std::move(out_);
    }

  private:
    enum class Progress : std::uint8_t { untouched, open, done };
    struct State {
        Progress progress = Progress::untouched;
        bool is_declared = false; // a forward declaration is out
    };

    // ---- what must be declared before a definition

    void emit_definition(TypeId id) {
        const Type& type = btf_.type(id);
        State& state = states_[id];
        if (state.progress == Progress::done) {
            return;
        }
        switch (type.kind) {
        case Kind::structure:
        case Kind::union_:
            state.progress = Progress::open;
            declare_members(type, id, 0);
            out_ += composite_text(id, 0);
            out_ += ";\n\n";
            break;
        case Kind::enumeration:
        case Kind::enumeration64:
            out_ += enumeration_text(id, 0);
            out_ += ";\n\n";
            break;
        case Kind::forward:
            out_ += base_text(id, 0);
            out_ += ";\n\n";
            break;
        case Kind::typedef_:
            declare(id, 0, 0);
            break;
        case Kind::void_:
        case Kind::integer:
        case Kind::pointer:
        case Kind::array:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::function:
        case Kind::function_prototype:
        case Kind::variable:
        case Kind::data_section:
        case Kind::floating:
        case Kind::declaration_tag:
        case Kind::type_tag:
            break;
        }
        states_[id].progress = Progress::done;
    }

    void declare_members(const Type& composite, TypeId container, int depth) {
        for (const Member& member : composite.members) {
            declare(member.type, container, depth + 1);
        }
    }

    // Makes sure that a type may be named within the definition of `container`.
    void declare(TypeId id, TypeId container, int depth) {
        if (depth > kMaxDepth || out_.size() > kMaxCBytes || ++work_ > kMaxWork) {
            is_too_big_ = true;
            return;
        }
        const Type& type = btf_.type(id);
        if (states_[id].progress == Progress::done) {
            return;
        }
        switch (type.kind) {
        case Kind::pointer:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::type_tag:
        case Kind::array:
            declare(type.target, container, depth + 1);
            break;
        case Kind::function_prototype:
            declare(type.target, container, depth + 1);
            declare_members(type, container, depth);
            break;
        case Kind::structure:
        case Kind::union_:
            declare_composite(id, container, depth);
            break;
        case Kind::typedef_:
            declare_typedef(id, depth);
            break;
        case Kind::void_:
        case Kind::integer:
        case Kind::enumeration:
        case Kind::enumeration64:
        case Kind::forward:
        case Kind::function:
        case Kind::variable:
        case Kind::data_section:
        case Kind::floating:
        case Kind::declaration_tag:
            break;
        }
    }

    void declare_composite(TypeId id, TypeId container, int depth) {
        const Type& type = btf_.type(id);
        if (type.name.empty()) { // written out where it is used
            if (states_[id].progress != Progress::open) {
                states_[id].progress = Progress::open;
                declare_members(type, container, depth);
                states_[id].progress = Progress::untouched;
            }
            return;
        }
        if (id != container && !states_[id].is_declared) {
            fmt::format_to(std::back_inserter(out_), "{};\n\n", base_text(id, 0));
            states_[id].is_declared = true;
        }
    }

    void declare_typedef(TypeId id, int depth) {
        const Type& type = btf_.type(id);
        if (states_[id].progress == Progress::untouched) {
            states_[id].progress = Progress::open;
            declare(type.target, id, depth + 1);
            states_[id].progress = Progress::done;
        }
        // Open: its own target leads back to it by a pointer, for which the definition will do now.
        if (!states_[id].is_declared) {
            states_[id].is_declared = true;
            if (!is_built_in(type)) {
                out_ += "typedef " + variable_text(type.target, name_of(id), 0) + ";\n\n";
            }
        }
    }

    // ---- text

    std::string variable_text(TypeId id, std::string_view name, int level) {
        const BaseText words = [this, level](TypeId base) { return base_text(base, level); };
        const Declarator declarator = declarator_of(btf_, id, name, words);
        return join(declarator, words(declarator.base));
    }

    // A type where it is used: by name, or written out when it has none.
    std::string base_text(TypeId id, int level) {
        const Type& type = btf_.type(id);
        const bool is_enumeration =
            type.kind == Kind::enumeration || type.kind == Kind::enumeration64;
        if (type.name.empty() && is_composite(type)) {
            return composite_text(id, level);
        }
        if (type.name.empty() && is_enumeration) {
            return enumeration_text(id, level);
        }
        if (is_composite(type)) {
            return fmt::format("{} {}", type.kind == Kind::structure ? "struct" : "union",
                               name_of(id));
        }
        if (is_enumeration) {
            return fmt::format("enum {}", name_of(id));
        }
        if (type.kind == Kind::forward) {
            return fmt::format("{} {}", type.kind_flag ? "union" : "struct", name_of(id));
        }
        return type.kind == Kind::typedef_ ? name_of(id) : plain_base_text(btf_, id);
    }

    std::string composite_text(TypeId id, int level) {
        const Type& type = btf_.type(id);
        const std::string indent(static_cast<std::size_t>(level) + 1, '\t');
        const bool packed = layout_.is_packed(id);
        std::string text =
            fmt::format("{}{}{} {{", type.kind == Kind::structure ? "struct" : "union",
                        type.name.empty() ? "" : " ", type.name.empty() ? "" : name_of(id));
        if (level > kMaxNesting || ++work_ > kMaxWork || is_too_big_) {
            is_too_big_ = true;
            return text + "}";
        }
        std::uint64_t at_bits = 0;
        bool was_bit_field = false;
        for (const Member& member : type.members) {
            if (btf_.resolve(member.type) == 0) {
                continue; // a function of a C++ class: compilers leave it here without a type
            }
            const std::uint32_t alignment = packed ? 1 : layout_.alignment_of(member.type);
            text += filler(
                {at_bits, member.bit_offset, alignment, was_bit_field && member.bit_size != 0},
                indent);
            text +=
                "\n" + indent + variable_text(member.type, as_identifier(member.name), level + 1);
            if (member.bit_size != 0) {
                text += fmt::format(": {}", member.bit_size);
            }
            text += ";";
            was_bit_field = member.bit_size != 0;
            const std::uint64_t bits =
                was_bit_field ? member.bit_size
                              : std::uint64_t{8} * btf_.size_of(member.type).value_or(0);
            at_bits = member.bit_offset + bits;
            is_too_big_ = is_too_big_ || text.size() > kMaxCBytes;
        }
        if (type.kind == Kind::structure) {
            const std::uint32_t alignment = packed ? 1 : layout_.alignment_of(id);
            text += filler({at_bits, std::uint64_t{type.size_bytes} * 8, alignment, false}, indent);
        }
        if (!type.members.empty() || type.size_bytes != 0) {
            text += "\n" + std::string(static_cast<std::size_t>(level), '\t');
        }
        return text + (packed ? "} __attribute__((packed))" : "}");
    }

    std::string filler(const Gap& gap, const std::string& indent) {
        if (gap.end_bits > gap.begin_bits &&
            (gap.end_bits - gap.begin_bits) / 64 > kMaxGapBytes / 8) {
            is_too_big_ = true;
            return "";
        }
        return gap_text(gap, indent);
    }

    std::string enumeration_text(TypeId id, int level) {
        const Type& type = btf_.type(id);
        const std::string indent(static_cast<std::size_t>(level) + 1, '\t');
        std::string text = fmt::format("enum{}{}", type.name.empty() ? "" : " ",
                                       type.name.empty() ? "" : name_of(id));
        if (type.enumerators.empty()) {
            return text;
        }
        text += " {";
        for (const Enumerator& enumerator : type.enumerators) {
            const std::string name = unique(identifiers_, enumerator.name);
            const auto number = static_cast<std::int64_t>(enumerator.value);
            if (type.kind == Kind::enumeration64) {
                text += type.kind_flag
                            ? fmt::format("\n{}{} = {}LL,", indent, name, number)
                            : fmt::format("\n{}{} = {}ULL,", indent, name, enumerator.value);
            } else if (type.kind_flag) {
                text += fmt::format("\n{}{} = {},", indent, name, number);
            } else {
                text += fmt::format("\n{}{} = {},", indent, name, enumerator.value);
            }
        }
        text += "\n" + std::string(static_cast<std::size_t>(level), '\t') + "}";
        return text;
    }

    // ---- names: those that occur twice get a number

    // Names of other languages ("Map<int, 2>") become names of C.
    static std::string as_identifier(std::string_view name) {
        std::string text(name);
        for (char& character : text) {
            const bool is_fine = (character >= 'a' && character <= 'z') ||
                                 (character >= 'A' && character <= 'Z') ||
                                 (character >= '0' && character <= '9') || character == '_' ||
                                 character == '$' || (character & 0x80) != 0;
            character = is_fine ? character : '_';
        }
        return text;
    }

    std::string unique(std::map<std::string, std::uint32_t, std::less<>>& taken,
                       std::string_view typed) {
        std::string name = as_identifier(typed);
        const std::uint32_t times = ++taken.try_emplace(name, 0).first->second;
        return times > 1 ? fmt::format("{}___{}", name, times) : name;
    }

    std::string name_of(TypeId id) {
        if (names_[id].empty()) {
            const Type& type = btf_.type(id);
            names_[id] = unique(type.kind == Kind::typedef_ ? identifiers_ : tags_, type.name);
        }
        return names_[id];
    }

    static constexpr std::size_t kMaxWork = 20'000'000;

    const Btf& btf_;
    Layout layout_;
    std::vector<State> states_;
    std::vector<std::string> names_;
    std::map<std::string, std::uint32_t, std::less<>> tags_; // of structures, unions, enumerations
    std::map<std::string, std::uint32_t, std::less<>> identifiers_; // of typedefs and enumerators
    std::string out_;
    std::size_t work_ = 0;
    bool is_too_big_ = false;
};

} // namespace

Result<std::string> c_definitions(const Btf& btf, std::span<const TypeId> roots) {
    return Emitter(btf).run(TRY(definition_order(btf, roots)));
}

Result<std::string> c_header(const Btf& btf, std::span<const TypeId> roots) {
    return "#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n"
           "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
           "#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = "
           "record)\n"
           "#endif\n\n" +
           TRY(c_definitions(btf, roots)) +
           "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n"
           "#endif /* __VMLINUX_H__ */\n";
}

} // namespace skep::btf
