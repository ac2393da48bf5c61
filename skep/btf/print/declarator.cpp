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
                break; // bpftool 7.1 leaves them out of C
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
    // A qualifier of a pointer stands at the name's side of the star, any other before the base.
    void qualify(Declarator& grown, TypeId target, std::string_view word) {
        TypeId end = target;
        while (is_transparent(btf_.type(end).kind) && btf_.type(end).kind != Kind::typedef_) {
            end = btf_.type(end).target;
        }
        if (btf_.type(end).kind == Kind::pointer) {
            const bool spaced = !grown.text.empty() && grown.text.front() != ' ';
            grown.text.insert(0, fmt::format(" {}{}", word, spaced ? " " : ""));
        } else if (grown.qualifiers.find(word) ==
                   std::string::npos) { // of an array and of its element
            grown.qualifiers += fmt::format("{} ", word);
        }
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
    std::string text = declarator.qualifiers + base;
    if (!declarator.text.empty()) {
        text += " " + declarator.text;
    }
    return text;
}

std::string plain_base_text(const Btf& btf, TypeId base) {
    const Type& type = btf.type(base);
    const std::string name(type.name.empty() ? std::string_view("{...}") : type.name);
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
