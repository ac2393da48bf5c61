// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/shape/kernel_needs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/kernels/features.hpp"
#include "skep/spec/kfuncs.hpp"
#include "skep/spec/map_types.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/verify/explain/codes.hpp"
#include "skep/verify/shape/control_flow.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

using spec::Feature;

constexpr std::size_t kShortProgram = 4096;     // instructions, before 5.2
constexpr std::uint64_t kShortWalk = 131'072;   // the same, processed
constexpr std::uint32_t kSleepable = 1U << 4;   // BPF_F_SLEEPABLE of linux/bpf.h
constexpr std::uint32_t kFragments = 1U << 5;   // BPF_F_XDP_HAS_FRAGS
constexpr std::uint32_t kDeviceBound = 1U << 6; // BPF_F_XDP_DEV_BOUND_ONLY

// What a loader leaves out where the kernel does not know it: the attach type that a type of
// programs had before it had several.
bool is_left_out_for_old_kernels(const ProgramSpec& program) {
    const auto attach = static_cast<spec::AttachType>(program.expected_attach_type);
    return program.expected_attach_type == 0 || program.type == spec::ProgramType::struct_ops ||
           (program.type == spec::ProgramType::xdp && attach == spec::AttachType::xdp) ||
           attach == spec::AttachType::sk_reuseport_select ||
           attach == spec::AttachType::perf_event;
}

// A path leads back to an instruction that it came through, in one function.
class LoopSearch {
  public:
    explicit LoopSearch(const Subject& subject)
        : subject_(subject), visits_(subject.insns.size(), Visit::never) {}

    // The instruction that goes back.
    std::optional<InsnIndex> from(InsnIndex start) {
        open(start);
        while (!path_.empty()) {
            Step& step = path_.back();
            if (step.next == step.successors.count) {
                visits_[step.at.value] = Visit::done;
                path_.pop_back();
                continue;
            }
            const InsnIndex to = step.successors.list[step.next++];
            if (to.value < visits_.size() && visits_[to.value] == Visit::open) {
                return step.at;
            }
            if (to.value < visits_.size() && visits_[to.value] == Visit::never) {
                open(to);
            }
        }
        return std::nullopt;
    }

  private:
    enum class Visit : std::uint8_t { never, open, done };
    struct Step {
        InsnIndex at;
        Successors successors;
        unsigned next = 0;
    };
    void open(InsnIndex at) {
        visits_[at.value] = Visit::open;
        path_.push_back({at, successors(subject_, at), 0});
    }

    const Subject& subject_;
    std::vector<Visit> visits_;
    std::vector<Step> path_;
};

class Collector {
  public:
    Collector(const Subject& subject, const std::vector<bool>& reached)
        : subject_(subject), reached_(reached), maps_seen_(subject.environment.maps.size(), false) {
    }

    std::vector<KernelNeed> collect(const Walked& walked) {
        program();
        for (std::uint32_t at = 0; at < subject_.insns.size(); at += subject_.insns[at].slots()) {
            insn(subject_.insns[at], InsnIndex{at});
        }
        functions();
        if (subject_.insns.size() > kShortProgram) {
            need(Feature::long_programs, InsnIndex{0});
        }
        if (walked.processed > kShortWalk) {
            need(Feature::long_walks, InsnIndex{0});
        }
        if (walked.barrier.has_value()) {
            need(Feature::guess_barriers, *walked.barrier);
        }
        std::stable_sort(needs_.begin(), needs_.end(),
                         [](const auto& a, const auto& b) { return a.since < b.since; });
        return std::move(needs_);
    }

  private:
    void need(std::string_view since, std::string feature, InsnIndex at) {
        const auto version = spec::kernel_version(since);
        const bool is_known = std::any_of(needs_.begin(), needs_.end(), [&](const KernelNeed& one) {
            return one.feature == feature;
        });
        if (version.has_value() && *version > spec::kOldestKernel && !is_known) {
            needs_.push_back({*version, std::move(feature), at});
        }
    }
    void need(Feature feature, InsnIndex at) {
        need(spec::row(feature).since, std::string(spec::row(feature).says), at);
    }

    void program() {
        const ProgramSpec& program = subject_.program;
        if (const spec::ProgramTypeRow* row = spec::find(program.type)) {
            need(row->since, fmt::format("program type {}", row->name), InsnIndex{0});
        }
        const auto* attach =
            spec::find(static_cast<spec::AttachType>(program.expected_attach_type));
        if (attach != nullptr && !is_left_out_for_old_kernels(program)) {
            need(attach->since, fmt::format("attach type {}", attach->name), InsnIndex{0});
        }
        if ((program.flags & kSleepable) != 0 && program.type == spec::ProgramType::kprobe) {
            need(Feature::sleepable_uprobes, InsnIndex{0});
        } else if ((program.flags & kSleepable) != 0) {
            need(Feature::sleepable_programs, InsnIndex{0});
        }
        if ((program.flags & kFragments) != 0) {
            need(Feature::packet_fragments, InsnIndex{0});
        }
        if ((program.flags & kDeviceBound) != 0) {
            need(Feature::device_bound_programs, InsnIndex{0});
        }
    }

    void insn(const Insn& insn, InsnIndex at) {
        switch (insn.kind) {
        case InsnKind::alu:
            operation(spec::row(insn.alu_op).since, spec::row(insn.alu_op).text, at);
            return;
        case InsnKind::jump:
            operation(spec::row(insn.jump_op).since, spec::row(insn.jump_op).text, at);
            if (insn.width == Width::w32) {
                need(Feature::jumps_by_low_half, at);
            }
            return;
        case InsnKind::atomic:
            operation(spec::row(insn.atomic_op).since,
                      fmt::format("atomic {}", spec::row(insn.atomic_op).text), at);
            return;
        case InsnKind::load:
            if (insn.extend == Extend::sign) {
                need(Feature::sign_extending_loads, at);
            }
            return;
        case InsnKind::load_wide:
            wide(insn, at);
            return;
        case InsnKind::jump_always:
            if (insn.long_jump) {
                need(Feature::long_jumps, at);
            }
            return;
        case InsnKind::may_goto:
            need(Feature::open_ended_loops, at);
            return;
        case InsnKind::address_space_cast:
            need(Feature::address_spaces, at);
            return;
        case InsnKind::call_subprogram:
            need(Feature::subprogram_calls, at);
            return;
        case InsnKind::call_helper:
        case InsnKind::call_kfunc:
            call(insn, at);
            return;
        case InsnKind::store_imm:
        case InsnKind::store_reg:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::call_register:
        case InsnKind::exit:
            return;
        }
    }
    void operation(std::string_view since, std::string_view text, InsnIndex at) {
        need(since, fmt::format("instruction {}", text), at);
    }

    // A loader hands maps over by descriptor where the kernel does not take places in a list.
    void wide(const Insn& insn, InsnIndex at) {
        if (insn.wide_source == WideSource::map_value_index ||
            insn.wide_source == WideSource::map_value_fd) {
            need(Feature::global_variables, at);
        } else if (insn.wide_source == WideSource::function) {
            need(Feature::function_addresses, at);
        } else if (insn.wide_source == WideSource::btf_variable) {
            need(spec::row(insn.wide_source).since, "variables of the kernel", at);
        }
        const auto index = static_cast<std::size_t>(insn.imm);
        const bool by_index = insn.wide_source == WideSource::map_value_index ||
                              insn.wide_source == WideSource::map_index;
        if (by_index && index < maps_seen_.size() && !maps_seen_[index]) {
            maps_seen_[index] = true;
            map(subject_.environment.maps[index], at);
            fields(index, at);
        }
    }
    void map(const spec::MapSpec& map, InsnIndex at) {
        if (const spec::MapTypeRow* row = spec::find(map.type)) {
            need(row->since, fmt::format("map type {}", row->name), at);
        }
        if (map.inner != nullptr && map.inner->inner == nullptr) {
            this->map(*map.inner, at);
        }
    }
    void fields(std::size_t map, InsnIndex at) {
        if (map >= subject_.environment.maps.size()) {
            return;
        }
        for (const SpecialField& field : special_fields(subject_, subject_.environment.maps[map])) {
            const auto row = std::find_if(
                spec::kFieldFeatures.begin(), spec::kFieldFeatures.end(),
                [&field](const spec::FieldFeatureRow& one) { return one.name == field.name; });
            if (row != spec::kFieldFeatures.end()) {
                need(row->since, fmt::format("{} in map values", row->name), at);
            }
        }
    }

    void call(const Insn& insn, InsnIndex at) {
        const bool is_reached = at.value < reached_.size() && reached_[at.value];
        if (!is_reached) {
            return;
        }
        if (insn.kind == InsnKind::call_helper) {
            const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
            if (row != nullptr) {
                need(row->since, fmt::format("helper {}", row->name), at);
            }
            if (insn.imm == number_of(spec::Helper::tail_call) && subject_.subprograms.size() > 1) {
                need(Feature::tail_calls_in_functions, at);
            }
            return;
        }
        need(insn.offset == 0 ? Feature::kernel_functions : Feature::module_functions, at);
        if (const btf::Type* function = subject_.called_kfunc(insn)) {
            const spec::KfuncRow* row = subject_.kfunc_row(insn);
            need(row == nullptr ? "?" : row->since,
                 fmt::format("kernel function {}", function->name), at);
        }
    }

    void functions() {
        for (const Subprogram& subprogram : subject_.subprograms) {
            if (const auto loop = LoopSearch(subject_).from(subprogram.start)) {
                need(Feature::bounded_loops, *loop);
            }
            const bool is_main = subprogram.start.value == 0;
            if (subprogram.is_global && !is_main) {
                parameters(subprogram);
            }
        }
    }
    void parameters(const Subprogram& subprogram) {
        const btf::Btf& types = *subject_.environment.program_types;
        const btf::Type& prototype = types.type(types.type(subprogram.btf_function).target);
        const bool takes_more_than_context =
            std::any_of(prototype.members.begin(), prototype.members.end(), [&](const auto& one) {
                if (!types.has(one.type)) {
                    return false;
                }
                const btf::Type& type = types.type(types.resolve(one.type));
                return type.kind == btf::Kind::pointer && types.has(type.target) &&
                       !is_context(types.type(types.resolve(type.target)));
            });
        if (takes_more_than_context) {
            need(Feature::global_function_memory, subprogram.start);
        }
        for (btf::TypeId id = 1; id < types.type_count(); ++id) {
            const btf::Type& type = types.type(id);
            if (type.kind == btf::Kind::declaration_tag && type.name.starts_with("arg:") &&
                type.target == subprogram.btf_function && type.name != "arg:ctx") {
                need(type.name == "arg:untrusted" ? Feature::untrusted_argument_tag
                                                  : Feature::argument_tags,
                     subprogram.start);
            }
        }
    }
    [[nodiscard]] bool is_context(const btf::Type& target) const {
        const spec::ProgramTypeRow* row = spec::find(subject_.program.type);
        return row != nullptr && row->context != spec::ContextId::none &&
               target.name == spec::context(row->context).structure;
    }

    const Subject& subject_;
    const std::vector<bool>& reached_;
    std::vector<bool> maps_seen_;
    std::vector<KernelNeed> needs_;
};

std::string version_text(std::uint32_t version) {
    return fmt::format("{}.{}", spec::major_of(version), spec::minor_of(version));
}

} // namespace

std::vector<KernelNeed> kernel_needs(const Subject& subject, const Walked& walked) {
    return Collector(subject, walked.reached).collect(walked);
}

std::vector<Finding> unmet_needs(const Environment& environment,
                                 std::span<const KernelNeed> needs) {
    std::vector<Finding> findings;
    for (const KernelNeed& need : needs) {
        if (need.since <= environment.kernel_version) {
            continue;
        }
        const std::string meant = version_text(environment.kernel_version);
        const std::string since = version_text(need.since);
        Finding finding = refuse(
            FindingCode::not_in_this_kernel, EINVAL,
            fmt::format("Linux {} has no {}, which came with Linux {}", meant, need.feature, since),
            fmt::format("the program is judged for Linux {}, and {} came with Linux {}", meant,
                        need.feature, since));
        finding.what = fmt::format("{} is not in Linux {}", need.feature, meant);
        finding.place.insn = need.insn;
        findings.push_back(std::move(finding));
    }
    return findings;
}

} // namespace skep::verify
