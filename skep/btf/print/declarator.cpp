// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/print/declarator.hpp"

#include <fmt/format.h>

namespace skep::btf {
namespace {

constexpr int kMaxParameters = 2000; // of one declaration, prototypes within prototypes included

class Grower {
  public:
    Grower(const Btf& btf, const BaseText& base_text) : btf_(btf), base_text_(base_text) {}

    Declarator grow(TypeId id, std::string_view name) {
        Declarator grown;
        grown.text = name;
        for (;;) {
            const Type& type = btf_.type(id);
            switch (type.kind) {
            case Kind::pointer:
                grown.text.insert(0, grown.text.starts_with('(') ? "* " : "*");
                break;
            case Kind::const_:
                qualify(grown, type.target, "const");
                break;
            case Kind::volatile_:
                qualify(grown, type.target, "volatile");
                break;
            case Kind::restrict_:
                qualify(grown, type.target, "restrict");
                break;
            case Kind::type_tag:
                tag(grown, type);
                break;
            case Kind::array:
                enclose_pointer(grown.text);
                grown.text += fmt::format("[{}]", type.count);
                break;
            case Kind::function_prototype:
                enclose_pointer(grown.text);
                grown.text += parameters(type);
                break;
            case Kind::void_:
            case Kind::integer:
            case Kind::structure:
            case Kind::union_:
            case Kind::enumeration:
            case Kind::forward:
            case Kind::typedef_:
            case Kind::function:
            case Kind::variable:
            case Kind::data_section:
            case Kind::floating:
            case Kind::declaration_tag:
            case Kind::enumeration64:
                grown.base = id;
                return grown;
            }
            id = type.target;
        }
    }

  private:
    // What is qualified or tagged: the end of a row of qualifiers and tags.
    Kind kind_behind(TypeId id) const {
        while (is_transparent(btf_.type(id).kind) && btf_.type(id).kind != Kind::typedef_) {
            id = btf_.type(id).target;
        }
        return btf_.type(id).kind;
    }

    static void put_behind_star(Declarator& grown, std::string_view word) {
        const bool spaced = !grown.text.empty() && grown.text.front() != ' ';
        grown.text.insert(0, fmt::format(" {}{}", word, spaced ? " " : ""));
    }

    // A qualifier of a pointer stands at the name's side of the star, any other before the base;
    // one may be told twice, of an array and of its element.
    void qualify(Declarator& grown, TypeId target, std::string_view word) {
        if (kind_behind(target) == Kind::pointer) {
            put_behind_star(grown, word);
        } else if (grown.qualifiers.find(word) == std::string::npos) {
            grown.qualifiers.insert(0, fmt::format("{} ", word));
        }
    }

    // A tag of a pointer stands with its qualifiers, any other behind the base. For arrays and
    // functions C has no place.
    void tag(Declarator& grown, const Type& type) {
        const std::string word =
            fmt::format("__attribute__((btf_type_tag({})))", quoted(type.name));
        const Kind behind = kind_behind(type.target);
        if (behind == Kind::pointer) {
            put_behind_star(grown, word);
        } else if (behind != Kind::array && behind != Kind::function_prototype) {
            grown.tags.insert(0, " " + word);
        }
    }

    static std::string quoted(std::string_view name) {
        std::string text = "\"";
        for (const char character : name) {
            text += character == '"' || character == '\\' ? "\\" : "";
            text += character;
        }
        return text + "\"";
    }

    static void enclose_pointer(std::string& text) {
        if (!text.empty() && text.front() == '*') {
            text.insert(0, "(").push_back(')');
        }
    }

    std::string parameters(const Type& prototype) {
        if (prototype.members.empty() ||
            (prototype.members.size() == 1 && prototype.members[0].type == 0)) {
            return "(void)";
        }
        std::string list = "(";
        for (const Member& parameter : prototype.members) {
            if (--budget_ < 0) {
                return list + "...)";
            }
            list += list.size() > 1 ? ", " : "";
            const bool is_ellipsis = parameter.type == 0 && &parameter == &prototype.members.back();
            if (is_ellipsis) {
                list += "...";
                break;
            }
            const Declarator inner = grow(parameter.type, parameter.name);
            list += join(inner, base_text_(inner.base));
        }
        return list + ")";
    }

    const Btf& btf_;
    const BaseText& base_text_;
    int budget_ = kMaxParameters;
};

} // namespace

Declarator declarator_of(const Btf& btf, TypeId id, std::string_view name,
                         const BaseText& base_text) {
    return Grower(btf, base_text).grow(id, name);
}

std::string join(const Declarator& declarator, const std::string& base) {
    std::string text = declarator.qualifiers + base + declarator.tags;
    if (!declarator.text.empty()) {
        text += " " + declarator.text;
    }
    return text;
}

std::string plain_base_text(const Btf& btf, TypeId base) {
    const Type& type = btf.type(base);
    std::string name(type.name.empty() ? std::string_view("{...}") : type.name);
    switch (type.kind) {
    case Kind::void_:
        return "void";
    case Kind::structure:
        return "struct " + name;
    case Kind::union_:
        return "union " + name;
    case Kind::forward:
        return (type.kind_flag ? "union " : "struct ") + name;
    case Kind::enumeration:
    case Kind::enumeration64:
        return "enum " + name;
    case Kind::integer:
    case Kind::pointer:
    case Kind::array:
    case Kind::typedef_:
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
    return name;
}

std::string declaration(const Btf& btf, TypeId id, std::string_view variable_name) {
    const BaseText words = [&btf](TypeId base) { return plain_base_text(btf, base); };
    const Declarator declarator = declarator_of(btf, id, variable_name, words);
    return join(declarator, words(declarator.base));
}

} // namespace skep::btf
