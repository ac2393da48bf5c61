// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/map_programs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/spec/program_types.hpp"
#include "skep/verify/explain/codes.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE

// Programs that may run anywhere, also while the lock that they would wait for is held.
constexpr spec::ProgramTypeSet kProbes =
    spec::program_sets::kprobe | spec::program_sets::tracepoint | spec::program_sets::perf_event |
    spec::program_sets::raw_tracepoint | spec::program_sets::raw_tracepoint_writable;

struct FieldRule {
    std::string_view field;
    std::string_view called; // in the message
    bool in_filters;         // socket filters may not name such a map either
};
constexpr FieldRule kRules[] = {
    {"bpf_list_head", "bpf_{list_head,rb_root}", false},
    {"bpf_rb_root", "bpf_{list_head,rb_root}", false},
    {"bpf_spin_lock", "bpf_spin_lock", true},
    {"bpf_timer", "bpf_timer", false},
    {"bpf_wq", "bpf_wq", false},
};

Ruling<void> check_fields(const Subject& subject, std::size_t map) {
    const spec::ProgramType program = subject.program.type;
    const bool is_filter = program == spec::ProgramType::socket_filter;
    const std::vector<SpecialField>& fields =
        special_fields(subject, subject.environment.maps[map]);
    for (const FieldRule& rule : kRules) {
        const bool has = std::ranges::find(fields, rule.field, &SpecialField::name) != fields.end();
        if (!has || !(kProbes.contains(program) || (is_filter && rule.in_filters))) {
            continue;
        }
        return refuse(FindingCode::wrong_map, EINVAL,
                      fmt::format("{} progs cannot use {} yet",
                                  is_filter ? "socket filter" : "tracing", rule.called),
                      fmt::format("the values of map '{}' have a {}, which programs of this type "
                                  "may not use",
                                  subject.environment.maps[map].name, rule.field));
    }
    return {};
}

Ruling<void> check_sleeping(const Subject& subject, const spec::MapSpec& map) {
    const spec::MapTypeRow* row = spec::find(map.type);
    const bool sleeps = (subject.program.flags & kSleepable) != 0;
    if (!sleeps || (row != nullptr && row->sleepable == spec::MapInSleepable::allowed)) {
        return {};
    }
    return refuse(FindingCode::wrong_map, EINVAL,
                  "Sleepable programs can only use array, hash, ringbuf and local storage maps",
                  fmt::format("map '{}' is of type {}, and the program may sleep", map.name,
                              row == nullptr ? "unknown" : row->name));
}

} // namespace

Ruling<void> check_maps_of_program(const Subject& subject) {
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        if (!insn.refers_to_map()) {
            continue;
        }
        const auto map = static_cast<std::size_t>(insn.imm); // check_structure saw that it is there
        Ruling<void> fits = check_fields(subject, map);
        fits = fits.ok() ? check_sleeping(subject, subject.environment.maps[map]) : std::move(fits);
        if (!fits.ok()) {
            Finding finding = *std::move(fits).error();
            finding.place.insn = InsnIndex{at};
            return finding;
        }
    }
    return {};
}

} // namespace skep::verify
