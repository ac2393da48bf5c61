// SPDX-License-Identifier: Apache-2.0
//
// Maps of section .maps: variables whose type is the definition.
//
//   struct { int (*type)[BPF_MAP_TYPE_HASH];   a number: the count of the array pointed to
//            struct key *key;                  a type: what is pointed to
//            struct inner *values[]; } name;   inner maps, or programs
//
// The values are in the type, not in the section's bytes, which hold only initial slots.
#include <fmt/format.h>

#include "skep/load/maps/map_rules.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::load {
namespace {

using btf::Kind;
using btf::TypeId;

class DefinitionReader {
  public:
    DefinitionReader(Draft& draft, std::string name)
        : draft_(draft), types_(*draft.spec.types), name_(std::move(name)) {}

    // `depth`: a map of maps may not hold maps of maps.
    Result<ObjectMap> read(TypeId definition, bool is_inner) {
        const btf::Type& type = types_.type(types_.resolve(definition));
        if (type.kind != Kind::structure) {
            return fail(Code::invalid_input, fmt::format("its definition is {}, not a structure",
                                                         types_.where(types_.resolve(definition))));
        }
        ObjectMap map;
        map.spec.name = name_;
        map.section = ".maps";
        for (const btf::Member& member : type.members) {
            TRY_WHILE(fmt::format("field '{}'", member.name), take(map, member, is_inner));
        }
        if (spec::holds_maps(map.spec.type) || map.spec.type == spec::MapType::prog_array) {
            map.spec.key_size_bytes = map.spec.key_size_bytes == 0 ? 4 : map.spec.key_size_bytes;
            map.spec.value_size_bytes =
                map.spec.value_size_bytes == 0 ? 4 : map.spec.value_size_bytes;
        }
        if (map.spec.type == spec::MapType::unspec) {
            return fail(Code::invalid_input, "it has no type");
        }
        return map;
    }

  private:
    Result<void> take(ObjectMap& map, const btf::Member& member, bool is_inner) {
        spec::MapSpec& spec = map.spec;
        if (member.name == "key") {
            return take_type(member, spec.btf_key_type_id, spec.key_size_bytes);
        }
        if (member.name == "value") {
            return take_type(member, spec.btf_value_type_id, spec.value_size_bytes);
        }
        if (member.name == "values") {
            return is_inner ? Result<void>(fail(Code::invalid_input, "inner maps cannot hold maps"))
                            : take_values(map, member);
        }
        const auto number = number_of(member);
        if (!number) {
            draft_.warn(fmt::format("map '{}': field '{}' is not understood", name_, member.name));
            return {};
        }
        const auto small = static_cast<std::uint32_t>(*number);
        if (member.name == "type") {
            spec.type = static_cast<spec::MapType>(small);
        } else if (member.name == "max_entries") {
            spec.max_entries = small;
        } else if (member.name == "map_flags") {
            spec.flags = small;
        } else if (member.name == "key_size") {
            return take_size(spec.key_size_bytes, small);
        } else if (member.name == "value_size") {
            return take_size(spec.value_size_bytes, small);
        } else if (member.name == "numa_node") {
            spec.numa_node = small;
            spec.flags |= spec::kMapNumaNode;
        } else if (member.name == "map_extra") {
            spec.map_extra = *number;
        } else if (member.name == "pinning") {
            map.pinning = pinning_of(draft_, name_, small);
        } else {
            draft_.warn(fmt::format("map '{}': field '{}' is not understood", name_, member.name));
        }
        return {};
    }

    static Result<void> take_size(std::uint32_t& size, std::uint32_t given) {
        if (size != 0 && size != given) {
            return fail(Code::invalid_input,
                        fmt::format("{} bytes, but its type has {}", given, size));
        }
        size = given;
        return {};
    }

    Result<void> take_type(const btf::Member& member, std::uint32_t& type_id, std::uint32_t& size) {
        const btf::Type& pointer = types_.type(types_.resolve(member.type));
        if (pointer.kind != Kind::pointer) {
            return fail(Code::invalid_input, "it is not a pointer to the type");
        }
        const auto bytes = types_.size_of(pointer.target);
        if (!bytes.ok()) {
            return bytes.error();
        }
        type_id = pointer.target;
        return take_size(size, *bytes);
    }

    // int (*name)[N], or enum { x = N } *name.
    [[nodiscard]] std::optional<std::uint64_t> number_of(const btf::Member& member) const {
        const btf::Type& pointer = types_.type(types_.resolve(member.type));
        if (pointer.kind != Kind::pointer) {
            return std::nullopt;
        }
        const btf::Type& target = types_.type(types_.resolve(pointer.target));
        if (target.kind == Kind::array) {
            return target.count;
        }
        const bool is_enumeration =
            target.kind == Kind::enumeration || target.kind == Kind::enumeration64;
        return is_enumeration && !target.enumerators.empty()
                   ? std::optional(target.enumerators.front().value)
                   : std::nullopt;
    }

    // T *values[]: what T is says whether maps or programs go in.
    Result<void> take_values(ObjectMap& map, const btf::Member& member) {
        const btf::Type& array = types_.type(types_.resolve(member.type));
        const btf::Type* pointer =
            array.kind == Kind::array ? &types_.type(types_.resolve(array.target)) : nullptr;
        if (pointer == nullptr || pointer->kind != Kind::pointer) {
            return fail(Code::invalid_input, "it is not an array of pointers");
        }
        const TypeId target = types_.resolve(pointer->target);
        if (types_.type(target).kind == Kind::function_prototype) {
            return {};
        }
        DefinitionReader inner(draft_, name_ + ".inner");
        ObjectMap shape = TRY(inner.read(target, true));
        map.spec.inner = std::make_shared<spec::MapSpec>(std::move(shape.spec));
        return {};
    }

    Draft& draft_;
    const btf::Btf& types_;
    std::string name_;
};

} // namespace

Result<void> read_btf_maps(Draft& draft) {
    const Section* section = draft.elf.find_section(".maps");
    if (section == nullptr || section->size_bytes == 0) {
        return {};
    }
    if (!draft.spec.types) {
        return fail(Code::invalid_input,
                    "section '.maps' needs BTF, and the object has none: compile with -g");
    }
    const auto list = draft.spec.types->find(".maps", Kind::data_section);
    if (!list) {
        return fail(Code::invalid_input, "section '.maps' is not described by the object's BTF");
    }
    for (const btf::SectionVariable& entry : draft.spec.types->type(*list).variables) {
        const btf::Type& variable = draft.spec.types->type(entry.variable);
        if (variable.kind != Kind::variable) {
            return fail(Code::invalid_input, fmt::format("{} stands in '.maps' and is no variable",
                                                         draft.spec.types->where(entry.variable)));
        }
        const std::string name(variable.name);
        const std::string doing =
            fmt::format("map '{}' at offset {:#x} of section '.maps'", name, entry.offset);
        if (variable.linkage == btf::Linkage::external) {
            continue; // another object's: an error where it is used
        }
        const auto number = draft.elf.find_symbol(section->index, name);
        if (!number) {
            return fail(Code::invalid_input, doing + ": it has no symbol");
        }
        draft.map_symbols[*number] = add_map(
            draft, TRY_WHILE(doing, DefinitionReader(draft, name).read(variable.target, false)));
    }
    return {};
}

} // namespace skep::load
