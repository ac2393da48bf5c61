// SPDX-License-Identifier: Apache-2.0
//
// The object's BTF as BTF_LOAD takes it: data sections get the sizes and offsets that the compiler
// left to the linker; externs, which the kernel's BTF does not know, become plain definitions.
//
//   .kconfig  its variables become global, at the offsets laid out for the map
//   .ksyms    functions become global; variables become plain ints, and in the section each entry
//   is
//             a variable of four bytes, since nobody reads the section itself
#include <algorithm>

#include <fmt/format.h>

#include "skep/load/draft.hpp"

namespace skep::load {
namespace {

using btf::Kind;
using btf::TypeId;

constexpr std::uint32_t kGlobal = 1; // linkage

class TypeFinisher {
  public:
    explicit TypeFinisher(Draft& draft)
        : draft_(draft), types_(*draft.spec.types), editor_(types_) {}

    Result<btf::Btf> finish() && {
        for (TypeId id = types_.first_own_id(); id < types_.type_count(); ++id) {
            const btf::Type& type = types_.type(id);
            if (type.kind != Kind::data_section) {
                continue;
            }
            if (type.name == ".kconfig") {
                finish_kconfig(id);
            } else if (type.name == ".ksyms") {
                finish_ksyms(id);
            } else {
                finish_section(id, draft_.elf.find_section(type.name));
            }
        }
        return std::move(editor_).finish();
    }

  private:
    void write_section(TypeId id, std::uint64_t size, std::vector<btf::SectionVariable> variables) {
        std::stable_sort(variables.begin(), variables.end(),
                         [](const auto& a, const auto& b) { return a.offset < b.offset; });
        editor_.set_word(id, 2, static_cast<std::uint32_t>(size));
        std::uint32_t index = 3;
        for (const btf::SectionVariable& variable : variables) {
            editor_.set_word(id, index++, variable.variable);
            editor_.set_word(id, index++, variable.offset);
            editor_.set_word(id, index++, variable.size_bytes);
        }
    }

    // Old compilers list constants under .rodata that they put elsewhere (.rodata.cst4), and the
    // object may have no .rodata at all. Such a variable is listed behind the section's end, for
    // the kernel takes no types with variables that overlap, and nobody reads them there.
    void finish_section(TypeId id, const Section* section) {
        const auto& listed = types_.type(id).variables;
        std::vector<btf::SectionVariable> variables(listed.begin(), listed.end());
        std::uint64_t size = section == nullptr ? 0 : section->size_bytes;
        for (btf::SectionVariable& variable : variables) {
            const std::string_view name = types_.type(variable.variable).name;
            const auto symbol =
                section == nullptr ? std::nullopt : draft_.elf.find_symbol(section->index, name);
            if (symbol) {
                variable.offset = static_cast<std::uint32_t>(draft_.elf.symbols()[*symbol].value);
            } else if (section == nullptr || is_known(name)) {
                variable.offset = static_cast<std::uint32_t>(size);
                size += variable.size_bytes;
            }
        }
        write_section(id, size, std::move(variables));
    }

    [[nodiscard]] bool is_known(std::string_view name) const {
        const auto& symbols = draft_.elf.symbols();
        return std::any_of(symbols.begin(), symbols.end(),
                           [name](const Symbol& symbol) { return symbol.name == name; });
    }

    void finish_kconfig(TypeId id) {
        const auto& listed = types_.type(id).variables;
        std::vector<btf::SectionVariable> variables(listed.begin(), listed.end());
        std::uint64_t size = 0;
        for (btf::SectionVariable& variable : variables) {
            const auto found = std::find_if(
                draft_.externs.begin(), draft_.externs.end(),
                [&variable](const auto& entry) { return entry.second.type == variable.variable; });
            if (found != draft_.externs.end()) {
                variable.offset = found->second.kconfig_offset;
            }
            variable.size_bytes = types_.size_of(variable.variable).value_or(variable.size_bytes);
            editor_.set_word(variable.variable, 3, kGlobal);
            size =
                std::max<std::uint64_t>(size, std::uint64_t{variable.offset} + variable.size_bytes);
        }
        write_section(id, size, std::move(variables));
    }

    void finish_ksyms(TypeId id) {
        const auto& listed = types_.type(id).variables;
        std::vector<btf::SectionVariable> variables(listed.begin(), listed.end());
        std::uint32_t offset = 0;
        for (btf::SectionVariable& variable : variables) {
            const btf::Type& type = types_.type(variable.variable);
            if (type.kind == Kind::function) {
                editor_.set_word(variable.variable, 1,
                                 (std::uint32_t{static_cast<std::uint8_t>(Kind::function)} << 24) |
                                     kGlobal);
                name_parameters(type.target);
                variable.variable = placeholder();
            } else {
                editor_.set_word(variable.variable, 3, kGlobal);
                editor_.set_word(variable.variable, 2, integer());
            }
            variable.offset = offset;
            variable.size_bytes = 4;
            offset += 4;
        }
        write_section(id, offset, std::move(variables));
    }

    // The kernel wants parameters of a defined function to have names.
    void name_parameters(TypeId prototype) {
        const btf::Type& type = types_.type(prototype);
        for (std::uint32_t i = 0; type.kind == Kind::function_prototype && i < type.members.size();
             ++i) {
            if (type.members[i].name.empty() && type.members[i].type != 0) {
                editor_.set_word(prototype, 3 + 2 * i, placeholder_name());
            }
        }
    }

    TypeId integer() {
        if (integer_ == 0) {
            const auto found = types_.find("int", Kind::integer);
            const std::uint32_t words[] = {editor_.add_string("int"), std::uint32_t{1} << 24, 4,
                                           (1U << 24) | 32};
            integer_ = found ? *found : editor_.add_type(words);
        }
        return integer_;
    }
    std::uint32_t placeholder_name() {
        if (placeholder_name_ == 0) {
            placeholder_name_ = editor_.add_string("extern_of_kernel");
        }
        return placeholder_name_;
    }
    TypeId placeholder() {
        if (placeholder_ == 0) {
            const TypeId type = integer();
            const std::uint32_t words[] = {placeholder_name(), std::uint32_t{14} << 24, type,
                                           kGlobal};
            placeholder_ = editor_.add_type(words);
        }
        return placeholder_;
    }

    Draft& draft_;
    const btf::Btf& types_;
    btf::Editor editor_;
    TypeId integer_ = 0;
    TypeId placeholder_ = 0;
    std::uint32_t placeholder_name_ = 0;
};

} // namespace

Result<void> finish_types(Draft& draft) {
    if (draft.spec.types) {
        btf::Btf finished = TRY(TypeFinisher(draft).finish());
        draft.spec.types = std::move(finished);
    }
    return {};
}

} // namespace skep::load
