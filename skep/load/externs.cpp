// SPDX-License-Identifier: Apache-2.0
//
// Externs: names that the object uses and something else defines.
//
//   .kconfig  variables whose values are the target kernel's configuration; together they become
//   one
//             read-only map, laid out here by falling alignment
//   .ksyms    functions and variables of the target kernel, found by name in its BTF
//   ("name___flavour"
//             is looked for as "name"); variables without a type by address
//
// A weak extern that is not found is zero; a strong one is an error.
#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "skep/load/maps/map_rules.hpp"

namespace skep::load {
namespace {

using btf::Kind;
using btf::TypeId;

class ExternReader {
  public:
    explicit ExternReader(Draft& draft) : draft_(draft) {}

    Result<void> read() {
        for (std::uint32_t number = 0; number < draft_.elf.symbols().size(); ++number) {
            const Symbol& symbol = draft_.elf.symbols()[number];
            if (symbol.is_extern() && symbol.kind != SymbolKind::file &&
                symbol.kind != SymbolKind::section) {
                by_name_[symbol.name] = number;
                Extern found;
                found.symbol = number;
                found.is_weak = symbol.binding == Binding::weak;
                draft_.externs[number] = found;
            }
        }
        if (!draft_.spec.types || by_name_.empty()) {
            return {};
        }
        if (const auto section = draft_.spec.types->find(".kconfig", Kind::data_section)) {
            TRY(read_kconfig(*section));
        }
        if (const auto section = draft_.spec.types->find(".ksyms", Kind::data_section)) {
            TRY(read_ksyms(*section));
        }
        return {};
    }

  private:
    struct Setting {
        Extern* extern_ = nullptr;
        std::string_view name;
        TypeId type = 0;
        std::uint32_t size_bytes = 0;
        std::uint32_t offset = 0;
        std::uint64_t alignment = 1;
    };

    Result<void> read_kconfig(TypeId section) {
        const btf::Btf& types = *draft_.spec.types;
        std::vector<Setting> settings;
        for (const btf::SectionVariable& entry : types.type(section).variables) {
            const btf::Type& variable = types.type(entry.variable);
            const auto symbol = by_name_.find(variable.name);
            if (symbol == by_name_.end()) {
                continue;
            }
            Setting setting{
                &draft_.externs[symbol->second], variable.name, variable.target, 0, 0, 1};
            setting.size_bytes =
                TRY_WHILE(fmt::format("'{}'", variable.name), types.size_of(variable.target));
            setting.alignment = alignment_of(variable.target);
            setting.extern_->type = entry.variable;
            setting.extern_->is_kconfig = true;
            settings.push_back(setting);
        }
        // The order of other loaders: falling alignment, rising size, name.
        std::stable_sort(settings.begin(), settings.end(), [](const Setting& a, const Setting& b) {
            return std::tuple(b.alignment, a.size_bytes, a.name) <
                   std::tuple(a.alignment, b.size_bytes, b.name);
        });
        std::uint64_t total = 0;
        for (Setting& setting : settings) {
            const std::uint64_t alignment = setting.alignment;
            total = (total + alignment - 1) / alignment * alignment;
            setting.offset = static_cast<std::uint32_t>(total);
            setting.extern_->kconfig_offset = setting.offset;
            total += setting.size_bytes;
            if (total > kMaxDataBytes) {
                return fail(Code::too_big, "the variables of .kconfig are too large");
            }
        }
        ObjectMap map;
        map.section = ".kconfig";
        map.spec.name = data_map_name(draft_.spec.file, ".kconfig");
        map.spec.type = spec::MapType::array;
        map.spec.key_size_bytes = 4;
        map.spec.value_size_bytes = static_cast<std::uint32_t>(total);
        map.spec.max_entries = 1;
        map.spec.flags = spec::kMapMmapable | spec::kMapReadOnlyProgram;
        map.spec.btf_value_type_id = section;
        map.read_only_data = true;
        map.initial_value.resize(total);
        for (const Setting& setting : settings) {
            TRY_WHILE(fmt::format("'{}'", setting.name), fill(map.initial_value, setting));
        }
        map.spec.constant_value = map.initial_value;
        if (total > 0) {
            draft_.kconfig_map = add_map(draft_, std::move(map));
        }
        return {};
    }

    [[nodiscard]] std::uint64_t alignment_of(TypeId id) const {
        const btf::Btf& types = *draft_.spec.types;
        TypeId at = types.resolve(id);
        while (types.type(at).kind == Kind::array) {
            at = types.resolve(types.type(at).target);
        }
        const auto size = types.size_of(at);
        const std::uint32_t bytes = size.ok() ? *size : 1;
        return bytes == 2 || bytes == 4 || bytes == 8 ? bytes : 1;
    }

    Result<void> fill(std::vector<std::uint8_t>& value, const Setting& setting) {
        std::string text;
        if (setting.name == "LINUX_KERNEL_VERSION") {
            text = std::to_string(draft_.options.kernel_version);
        } else if (const std::string* given = configured(setting.name)) {
            text = *given;
        } else if (setting.extern_->is_weak) {
            return {};
        } else if (setting.name.starts_with("LINUX_HAS_")) {
            text = "y"; // what loaders find out by trying; true of every kernel since 5.15
        } else if (!configuration_.has_value()) {
            draft_.warn(
                fmt::format("'{}' is taken as 0: no kernel configuration is known", setting.name));
            return {};
        } else {
            return fail(Code::not_found,
                        "the kernel configuration that was given does not have it");
        }
        return store(value, setting, text);
    }

    const std::string* configured(std::string_view name) {
        if (!std::exchange(configuration_was_read_, true) && draft_.options.kernel_configuration) {
            configuration_ = draft_.options.kernel_configuration();
        }
        const auto found = configuration_.has_value() ? configuration_->find(name)
                                                      : KernelConfiguration::const_iterator();
        return configuration_.has_value() && found != configuration_->end() ? &found->second
                                                                            : nullptr;
    }

    Result<void> store(std::vector<std::uint8_t>& value, const Setting& setting,
                       const std::string& text) {
        const btf::Type& type = draft_.spec.types->type(draft_.spec.types->resolve(setting.type));
        if (type.kind == Kind::array) {
            const std::string_view bare =
                text.size() >= 2 && text.front() == '"' && text.back() == '"'
                    ? std::string_view(text).substr(1, text.size() - 2)
                    : std::string_view(text);
            const std::size_t room = setting.size_bytes == 0 ? 0 : setting.size_bytes - 1;
            std::copy_n(bare.begin(), std::min(room, bare.size()), value.begin() + setting.offset);
            return {};
        }
        std::uint64_t number = 0;
        const bool is_character = type.size_bytes == 1 && (type.int_encoding & btf::kIntBool) == 0;
        if (text == "y" || text == "n" || text == "m") {
            // bool: 0 or 1; char: the letter; enum libbpf_tristate and numbers: no 0, yes 1,
            // module 2.
            number = is_character  ? static_cast<std::uint64_t>(text[0])
                     : text == "y" ? 1
                     : text == "m" ? 2
                                   : 0;
        } else {
            number = std::strtoull(text.c_str(), nullptr, 0);
        }
        for (std::uint32_t i = 0; i < std::min(setting.size_bytes, 8U); ++i) {
            value[setting.offset + i] = static_cast<std::uint8_t>(number >> (8 * i));
        }
        return {};
    }

    Result<void> read_ksyms(TypeId section) {
        const btf::Btf& types = *draft_.spec.types;
        for (const btf::SectionVariable& entry : types.type(section).variables) {
            const btf::Type& type = types.type(entry.variable);
            const auto symbol = by_name_.find(type.name);
            if (symbol == by_name_.end()) {
                continue;
            }
            Extern& found = draft_.externs[symbol->second];
            found.type = entry.variable;
            found.is_function = type.kind == Kind::function;
            find_in_target(found, type);
        }
        return {};
    }

    void find_in_target(Extern& found, const btf::Type& type) {
        const std::string_view name = btf::essential_name(type.name);
        const bool has_type =
            type.kind == Kind::function || draft_.spec.types->resolve(type.target) != 0;
        if (!has_type) {
            const auto address = draft_.options.kernel_address
                                     ? draft_.options.kernel_address(type.name)
                                     : std::nullopt;
            found.is_found = address.has_value();
            found.address = address.value_or(0);
            return;
        }
        if (draft_.options.target_btf == nullptr) {
            return;
        }
        const auto id = draft_.options.target_btf->find(name, found.is_function ? Kind::function
                                                                                : Kind::variable);
        found.is_found = id.has_value();
        found.target_id = id.value_or(0);
    }

    Draft& draft_;
    std::map<std::string, std::uint32_t, std::less<>> by_name_;
    std::optional<KernelConfiguration> configuration_;
    bool configuration_was_read_ = false;
};

} // namespace

Result<void> read_externs(Draft& draft) { return ExternReader(draft).read(); }

} // namespace skep::load
