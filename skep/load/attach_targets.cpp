// SPDX-License-Identifier: Apache-2.0
//
// What programs that are typed by the kernel are typed by: the BTF id of the function, typedef or
// structure that the section's name, or a struct_ops variable, tells. Without a target BTF the ids
// stay 0.
//
// struct_ops: a variable of section .struct_ops* whose type is a kernel structure of function
// pointers. It becomes a map whose value has the kernel's layout, bpf_struct_ops_NAME: the
// programs' places are initial slots by byte offset, the other members are copied by name.
#include <algorithm>

#include <fmt/format.h>

#include "skep/load/draft.hpp"
#include "skep/load/maps/map_rules.hpp"
#include "skep/spec/section_names.hpp"

namespace skep::load {
namespace {

using btf::Kind;
using btf::TypeId;

// The kernel's name and kind for what a section's target means.
std::optional<std::pair<std::string, Kind>> kernel_name(spec::AttachTarget target,
                                                        std::string_view name) {
    switch (target) {
    case spec::AttachTarget::kernel_function:
        return std::pair(std::string(name), Kind::function);
    case spec::AttachTarget::trace_typedef:
        return std::pair(fmt::format("btf_trace_{}", name), Kind::typedef_);
    case spec::AttachTarget::lsm_hook:
        return std::pair(fmt::format("bpf_lsm_{}", name), Kind::function);
    case spec::AttachTarget::iterator:
        return std::pair(fmt::format("bpf_iter_{}", name), Kind::function);
    case spec::AttachTarget::none:
    case spec::AttachTarget::structure:
    case spec::AttachTarget::program_function:
        break;
    }
    return std::nullopt;
}

void resolve_program(const btf::TypesOnDemand& target, ObjectProgram& program) {
    std::string_view section = program.spec.section;
    section.remove_prefix(section.starts_with('?') ? 1 : 0);
    const auto match = spec::match_section_name(section);
    if (!match || match->row->type != program.spec.type || match->target.empty()) {
        return;
    }
    const auto wanted = kernel_name(match->row->target, match->target);
    if (!wanted || target == nullptr) {
        return;
    }
    const auto id = target->find(wanted->first, wanted->second);
    if (id) {
        program.spec.attach_btf_id = *id;
    } else if (!program.error) {
        program.error =
            fail(Code::not_found,
                 fmt::format(
                     "program '{}' attaches to '{}', which the target kernel does not have as '{}'",
                     program.spec.name, match->target, wanted->first));
    }
}

constexpr std::size_t kMaxOperations = 1024; // members of one structure; variables of one section

class StructOpsReader {
  public:
    StructOpsReader(Draft& draft, const Section& section)
        : draft_(draft), section_(section), types_(*draft.spec.types) {}

    Result<void> read(TypeId list) {
        if (types_.type(list).variables.size() > kMaxOperations) {
            return fail(Code::too_big, fmt::format("section '{}' has more than {} variables",
                                                   section_.name, kMaxOperations));
        }
        for (const btf::SectionVariable& entry : types_.type(list).variables) {
            const btf::Type& variable = types_.type(entry.variable);
            const auto symbol = draft_.elf.find_symbol(section_.index, variable.name);
            if (variable.kind != Kind::variable || !symbol) {
                continue;
            }
            TRY_WHILE(fmt::format("'{}' of section '{}'", variable.name, section_.name),
                      read_one(variable, draft_.elf.symbols()[*symbol].value, *symbol));
        }
        return {};
    }

  private:
    Result<void> read_one(const btf::Type& variable, std::uint64_t offset, std::uint32_t symbol) {
        const btf::Type& local = types_.type(types_.resolve(variable.target));
        if (local.kind != Kind::structure || local.members.size() > kMaxOperations) {
            return fail(Code::invalid_input,
                        fmt::format("not a structure of at most {} members", kMaxOperations));
        }
        ObjectMap map;
        map.section = section_.name;
        map.spec.name = variable.name;
        map.spec.type = spec::MapType::struct_ops;
        map.spec.key_size_bytes = 4;
        map.spec.max_entries = 1;
        map.spec.flags = section_.name.ends_with(".link") ? std::uint32_t{spec::kMapLink} : 0U;
        map.spec.value_size_bytes = local.size_bytes;
        const std::string_view name = btf::essential_name(local.name);
        if (draft_.options.target_btf != nullptr) {
            TRY(fill(map, *draft_.options.target_btf, name, local, offset));
        }
        draft_.map_symbols[symbol] = add_map(draft_, std::move(map));
        return {};
    }

    Result<void> fill(ObjectMap& map, const btf::Btf& kernel, std::string_view name,
                      const btf::Type& local, std::uint64_t offset) {
        const auto operations = kernel.find(name, Kind::structure);
        const auto value = kernel.find(fmt::format("bpf_struct_ops_{}", name), Kind::structure);
        if (!operations || !value) {
            draft_.warn(fmt::format("the target kernel has no struct_ops '{}'", name));
            return {};
        }
        map.spec.btf_vmlinux_value_type_id = *value;
        map.spec.value_size_bytes = kernel.type(*value).size_bytes;
        if (map.spec.value_size_bytes > kMaxDataBytes) {
            return fail(Code::too_big, "the kernel's structure is too large");
        }
        map.initial_value.resize(map.spec.value_size_bytes);
        std::uint64_t data_offset = 0;
        for (const btf::Member& member : kernel.type(*value).members) {
            data_offset = member.name == "data" ? member.bit_offset / 8 : data_offset;
        }
        const btf::Type& target = kernel.type(*operations);
        for (const btf::Member& member : local.members) {
            for (std::uint32_t place = 0; place < target.members.size(); ++place) {
                if (target.members[place].name != member.name) {
                    continue;
                }
                TRY(fill_member(map, kernel, {*operations, place, data_offset}, member, offset));
            }
        }
        return {};
    }

    struct KernelMember {
        TypeId structure;
        std::uint32_t place;
        std::uint64_t data_offset;
    };

    Result<void> fill_member(ObjectMap& map, const btf::Btf& kernel, KernelMember in_kernel,
                             const btf::Member& member, std::uint64_t variable_offset) {
        const btf::Member& target = kernel.type(in_kernel.structure).members[in_kernel.place];
        const std::uint64_t from = variable_offset + member.bit_offset / 8;
        const std::uint64_t to = in_kernel.data_offset + target.bit_offset / 8;
        const auto& relocations = draft_.elf.relocations(section_.index);
        const auto at = std::lower_bound(relocations.begin(), relocations.end(), from,
                                         [](const Relocation& relocation, std::uint64_t offset) {
                                             return relocation.offset < offset;
                                         });
        if (at != relocations.end() && at->offset == from) {
            set_program(map, *at, in_kernel, static_cast<std::uint32_t>(to));
            return {};
        }
        const std::uint32_t size = std::min(types_.size_of(member.type).value_or(0),
                                            kernel.size_of(target.type).value_or(0));
        const Bytes bytes = TRY(slice(section_.contents, from, size));
        if (to + size <= map.initial_value.size()) {
            std::copy(bytes.begin(), bytes.end(),
                      map.initial_value.begin() + static_cast<std::ptrdiff_t>(to));
        }
        return {};
    }

    void set_program(ObjectMap& map, const Relocation& relocation, KernelMember in_kernel,
                     std::uint32_t to) {
        const Symbol& symbol = draft_.elf.symbols()[relocation.symbol];
        const auto program =
            draft_.program_at.find({symbol.section, static_cast<std::uint32_t>(symbol.value / 8)});
        if (symbol.section == 0 || program == draft_.program_at.end()) {
            draft_.warn(fmt::format("'{}' in '{}' is no program", symbol.name, map.spec.name));
            return;
        }
        ProgramSpec& spec = draft_.spec.programs[program->second].spec;
        spec.attach_btf_id = in_kernel.structure;
        spec.expected_attach_type = in_kernel.place;
        map.initial_slots.push_back({to, program->second});
    }

    Draft& draft_;
    const Section& section_;
    const btf::Btf& types_;
};

} // namespace

Result<void> read_struct_ops(Draft& draft) {
    for (const Section& section : draft.elf.sections()) {
        const bool is_named =
            section.name.starts_with(".struct_ops") || section.name.starts_with("?.struct_ops");
        if (!is_named || !draft.spec.types || !section.has_contents) {
            continue;
        }
        if (const auto list = draft.spec.types->find(section.name, Kind::data_section)) {
            TRY(StructOpsReader(draft, section).read(*list));
        }
    }
    return {};
}

Result<void> resolve_attach_targets(Draft& draft) {
    for (ObjectProgram& program : draft.spec.programs) {
        resolve_program(draft.options.target_btf, program);
    }
    return {};
}

} // namespace skep::load
