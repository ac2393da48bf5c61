// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/shape/references.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/base/kernel_errno.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/maps/map_contents.hpp"
#include "skep/spec/rights/licences.hpp"
#include "skep/verify/explain/refusal.hpp"

namespace skep::verify {
namespace {

constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE

Finding wrong_reference(int os_errno, std::string kernel, std::string because) {
    return refuse({.code = FindingCode::wrong_reference,
                   .os_errno = os_errno,
                   .kernel = std::move(kernel),
                   .because = std::move(because)});
}

Ruling<const spec::MapSpec*> named_map(const Subject& subject, const Insn& insn) {
    const auto& maps = subject.environment.maps;
    const bool by_index = insn.wide_source == WideSource::map_index ||
                          insn.wide_source == WideSource::map_value_index;
    if (!by_index || insn.imm < 0 || static_cast<std::size_t>(insn.imm) >= maps.size()) {
        return wrong_reference(
            EBADF, fmt::format("fd {} is not pointing to valid bpf_map", insn.imm),
            fmt::format("the instruction names map {}, and there are {}", insn.imm, maps.size()));
    }
    return &maps[static_cast<std::size_t>(insn.imm)];
}

// An address inside a value: of an array of one element, or of an arena.
Ruling<void> check_value_address(const Insn& insn, const spec::MapSpec& map) {
    const bool array = map.type == spec::MapType::array;
    if (!array && map.type != spec::MapType::arena) {
        return wrong_reference(
            EINVAL, "no direct value access support for this map type",
            fmt::format("values of map {} have no address that could be known beforehand",
                        map.name));
    }
    const bool single = !array || map.max_entries == 1;
    const bool inside = !array || insn.imm_high < map.value_size_bytes;
    if (single && inside) {
        return {};
    }
    return wrong_reference(
        single ? EINVAL : kNotSupported,
        fmt::format("invalid access to map value pointer, value_size={} off={}",
                    map.value_size_bytes, insn.imm_high),
        single ? fmt::format("the value of map {} has {} bytes", map.name, map.value_size_bytes)
               : fmt::format("map {} has {} elements, and an address is of one alone", map.name,
                             map.max_entries));
}

Ruling<void> check_map(const Subject& subject, const Insn& insn) {
    const spec::MapSpec& map = *TRY(named_map(subject, insn));
    const Capabilities& has = subject.environment.capabilities;
    if (map.type == spec::MapType::arena && !(has.bpf && has.perfmon)) {
        return refuse({.code = FindingCode::not_permitted,
                       .os_errno = EPERM,
                       .kernel = "CAP_BPF and CAP_PERFMON are required to use arena",
                       .because = fmt::format("map {} is an arena", map.name)});
    }
    const bool inner_is_plain = map.inner != nullptr && !spec::holds_maps(map.inner->type);
    if (spec::holds_maps(map.type) && !inner_is_plain) {
        Finding finding = wrong_reference(
            EINVAL, "", fmt::format("map {} does not say what maps it holds", map.name));
        finding.what = "a map of maps whose inner maps have no shape";
        return finding;
    }
    const spec::MapTypeRow* row = spec::find(map.type);
    const bool sleepable = (subject.program.flags & kSleepable) != 0;
    if (sleepable && row != nullptr && row->sleepable == spec::MapInSleepable::refused) {
        return wrong_reference(
            EINVAL, "Sleepable programs can only use array, hash, ringbuf and local storage maps",
            fmt::format("the program may sleep, and map {} is of type {}", map.name, row->name));
    }
    return insn.wide_source == WideSource::map_value_index ? check_value_address(insn, map)
                                                           : Ruling<void>();
}

Ruling<void> check_kernel_function(const Subject& subject, const Insn& insn) {
    const btf::Btf* types = subject.environment.kernel_types;
    if (types == nullptr) {
        return {}; // said when the call is reached
    }
    if (!spec::is_gpl_compatible(subject.program.license)) {
        return refuse({.code = FindingCode::licence,
                       .os_errno = EINVAL,
                       .kernel = "cannot call kernel function from non-GPL compatible program",
                       .because = fmt::format("kernel functions are only for GPL-compatible "
                                              "programs, and the licence is \"{}\"",
                                              subject.program.license)});
    }
    if (insn.offset != 0) {
        return wrong_reference(
            EINVAL, "failed to find BTF for kernel function",
            "the function lies in the types of a module, of which none is known");
    }
    const auto id = static_cast<btf::TypeId>(insn.imm);
    const bool is_type = insn.imm > 0 && types->has(id);
    if (!is_type || types->type(id).kind != btf::Kind::function) {
        return wrong_reference(EINVAL, fmt::format("kernel btf_id {} is not a function", id),
                               fmt::format("type {} of the kernel is not a function", insn.imm));
    }
    const spec::KfuncRow* row = spec::find_kfunc(types->type(id).name);
    if (row != nullptr && row->callers.limit == spec::KfuncLimit::device_bound) {
        return refuse(
            {.code = FindingCode::function_not_offered,
             .os_errno = EINVAL,
             .kernel = "metadata kfuncs require device-bound program",
             .because = fmt::format("{} asks the card that a program was loaded for", row->name)});
    }
    return {};
}

// Without types nobody knows whether a function may end with a number.
Ruling<void> check_described(const Subject& subject, const Insn& insn, bool in_main) {
    if (!subject.program.functions.empty()) {
        return {};
    }
    std::string kernel;
    if (!in_main &&
        (insn.kind == InsnKind::packet_absolute || insn.kind == InsnKind::packet_indirect)) {
        kernel = "LD_ABS is not allowed in subprogs without BTF";
    } else if (!in_main && insn.kind == InsnKind::call_helper &&
               insn.imm == number_of(spec::Helper::tail_call)) {
        kernel = "tail_call is not allowed in subprogs without BTF";
    }
    if (kernel.empty()) {
        return {};
    }
    return refuse({.code = FindingCode::wrong_function_info,
                   .os_errno = EINVAL,
                   .kernel = std::move(kernel),
                   .because = "this instruction needs the types of the program's functions, and "
                              "none came along"});
}

Ruling<void> check_one(const Subject& subject, const Insn& insn, bool in_main) {
    TRY(check_described(subject, insn, in_main));
    if (insn.refers_to_map()) {
        return check_map(subject, insn);
    }
    return insn.kind == InsnKind::call_kfunc ? check_kernel_function(subject, insn)
                                             : Ruling<void>();
}

} // namespace

Ruling<void> check_references(const Subject& subject) {
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        const bool in_main = at < subject.subprograms.front().end.value;
        Ruling<void> ruling = check_one(subject, subject.insns[at], in_main);
        if (!ruling.ok()) {
            Finding finding = std::move(*std::move(ruling).error());
            finding.place.insn = InsnIndex{at};
            return finding;
        }
    }
    return {};
}

} // namespace skep::verify
