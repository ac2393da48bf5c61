// SPDX-License-Identifier: Apache-2.0
//
// Global data: each .bss, .data* and .rodata* section is one array map of one element, whose value
// is the section; and the initial slots of maps of maps and program arrays, which the compiler
// leaves as relocations of section .maps.
//
// Names: a plain section is named after the object file as far as 15 characters allow ("hello.bss",
// "hello_fu.rodata": seven are kept for the section); a section with a name of its own keeps it.
#include <algorithm>

#include <fmt/format.h>

#include "skep/load/maps/map_rules.hpp"
#include "skep/spec/limits.hpp"

namespace skep::load {
namespace {

constexpr std::size_t kNameChars = spec::limits::name_bytes;
constexpr std::size_t kSectionChars = 7; // ".rodata"

bool is_named(std::string_view section, std::string_view stem) {
    return section == stem || (section.starts_with(stem) && section[stem.size()] == '.');
}

// "dir/hello-func.bpf.o" -> "hello-func"
std::string_view object_name(std::string_view file) {
    file = file.substr(file.find_last_of('/') + 1); // npos + 1 is 0
    return file.substr(0, file.find('.'));
}

} // namespace

std::string data_map_name(std::string_view file, std::string_view section) {
    if (section.find('.', 1) != std::string_view::npos) {
        return std::string(section);
    }
    const std::size_t room = kNameChars - std::max(kSectionChars, section.size());
    std::string name =
        fmt::format("{}{}", object_name(file).substr(0, room), section).substr(0, kNameChars);
    std::replace_if(
        name.begin(), name.end(),
        [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.';
        },
        '_');
    return name;
}

Result<void> read_data_maps(Draft& draft) {
    for (const Section& section : draft.elf.sections()) {
        const bool is_bss = is_named(section.name, ".bss");
        const bool is_constant = is_named(section.name, ".rodata");
        if ((!is_bss && !is_constant && !is_named(section.name, ".data")) || section.is_code ||
            section.size_bytes == 0) {
            continue;
        }
        if (section.size_bytes > kMaxDataBytes) {
            return fail(Code::too_big,
                        fmt::format("section '{}' has {} bytes, at most {} are taken", section.name,
                                    section.size_bytes, kMaxDataBytes));
        }
        ObjectMap map;
        map.section = section.name;
        map.spec.name = data_map_name(draft.spec.file, section.name);
        map.spec.type = spec::MapType::array;
        map.spec.key_size_bytes = 4;
        map.spec.value_size_bytes = static_cast<std::uint32_t>(section.size_bytes);
        map.spec.max_entries = 1;
        map.spec.flags = spec::kMapMmapable | (is_constant ? spec::kMapReadOnlyProgram : 0U);
        map.read_only_data = is_constant;
        map.initial_value.assign(section.contents.begin(), section.contents.end());
        map.initial_value.resize(section.size_bytes);
        if (draft.spec.types) {
            map.spec.btf_value_type_id =
                draft.spec.types->find(section.name, btf::Kind::data_section).value_or(0);
        }
        if (is_constant) {
            map.spec.constant_value = map.initial_value;
        }
        draft.data_maps[section.index] = add_map(draft, std::move(map));
    }
    return {};
}

namespace {

// The maps of section .maps that have slots to fill, by where their variable begins.
struct SlotOwner {
    std::uint32_t map = 0;        // place in spec.maps
    std::uint64_t first_slot = 0; // offset in the section
    std::uint64_t end = 0;
};
using SlotOwners = std::map<std::uint64_t, SlotOwner>;

SlotOwners slot_owners(const Draft& draft, std::uint32_t section) {
    SlotOwners owners;
    const btf::Btf& types = *draft.spec.types;
    for (const auto& [number, place] : draft.map_symbols) {
        const Symbol& symbol = draft.elf.symbols()[number];
        const auto variable =
            symbol.section == section ? types.find(symbol.name, btf::Kind::variable) : std::nullopt;
        if (!variable) {
            continue;
        }
        for (const btf::Member& member :
             types.type(types.resolve(types.type(*variable).target)).members) {
            if (member.name == "values") {
                owners[symbol.value] = {place, symbol.value + member.bit_offset / 8,
                                        symbol.value + symbol.size_bytes};
            }
        }
    }
    return owners;
}

const SlotOwner* owner_of(const SlotOwners& owners, std::uint64_t offset) {
    const auto after = owners.upper_bound(offset);
    if (after == owners.begin()) {
        return nullptr;
    }
    const SlotOwner& owner = std::prev(after)->second;
    return offset >= owner.first_slot && offset < owner.end && (offset - owner.first_slot) % 8 == 0
               ? &owner
               : nullptr;
}

Result<std::uint32_t> slot_target(const Draft& draft, const ObjectMap& map,
                                  const Relocation& relocation) {
    const Symbol& symbol = draft.elf.symbols()[relocation.symbol];
    if (map.spec.type != spec::MapType::prog_array) {
        const auto inner = draft.map_symbols.find(relocation.symbol);
        if (inner == draft.map_symbols.end()) {
            return fail(Code::invalid_input, fmt::format("'{}' is not a map", symbol.name));
        }
        return inner->second;
    }
    const auto program =
        draft.program_at.find({symbol.section, static_cast<std::uint32_t>(symbol.value / 8)});
    if (symbol.section != 0 && program != draft.program_at.end()) {
        return program->second;
    }
    return fail(Code::invalid_input, fmt::format("'{}' is not a program", symbol.name));
}

} // namespace

Result<void> fill_initial_slots(Draft& draft) {
    const Section* section = draft.elf.find_section(".maps");
    if (section == nullptr || !draft.spec.types) {
        return {};
    }
    const SlotOwners owners = slot_owners(draft, section->index);
    for (const Relocation& relocation : draft.elf.relocations(section->index)) {
        const std::string doing = fmt::format("section '.maps' offset {:#x}", relocation.offset);
        const SlotOwner* owner = owner_of(owners, relocation.offset);
        if (owner == nullptr || relocation.kind != RelocationKind::absolute64) {
            return fail(Code::invalid_input, doing + ": a relocation that fills no slot of a map");
        }
        ObjectMap& map = draft.spec.maps[owner->map];
        const auto slot = static_cast<std::uint32_t>((relocation.offset - owner->first_slot) / 8);
        const std::uint32_t target = TRY_WHILE(doing, slot_target(draft, map, relocation));
        map.initial_slots.push_back({slot, target});
    }
    return {};
}

} // namespace skep::load
