// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "tests/verdicts/probes/probe.hpp"

namespace skep::tests::probes {
namespace {

using spec::AttachCheck;
using spec::AttachType;
using spec::ProgramType;

constexpr std::uint32_t kSleepable = 1U << 4;

std::uint32_t number(AttachType type) { return static_cast<std::uint32_t>(type); }

Caller caller(ProgramType type, std::uint32_t attach, std::uint32_t flags = 0) {
    return {fmt::format("{}/{}{}", spec::find(type)->name, attach, flags == 0 ? "" : "/sleepable"),
            type, attach, flags, 0};
}

void add_untyped(std::vector<Caller>& all) {
    for (const spec::ProgramTypeRow& row : spec::kProgramTypes) {
        if (row.type == ProgramType::unspec || row.attach == AttachCheck::by_target) {
            continue;
        }
        const std::uint32_t flags = row.sleeping == spec::Sleeping::required ? kSleepable : 0;
        if (row.attach == AttachCheck::unchecked || row.type == ProgramType::syscall) {
            all.push_back(caller(row.type, 0, flags));
            continue;
        }
        for (const spec::AttachTypeRow& attach : spec::kAttachTypes) {
            if (spec::programs_of(attach.type).contains(row.type)) {
                all.push_back(caller(row.type, number(attach.type), flags));
            }
        }
    }
    all.push_back(caller(ProgramType::kprobe, 0, kSleepable));
    for (const AttachType attach :
         {AttachType::trace_kprobe_multi, AttachType::trace_uprobe_multi,
          AttachType::trace_kprobe_session, AttachType::trace_uprobe_session}) {
        all.push_back(caller(ProgramType::kprobe, number(attach)));
    }
    for (const AttachType attach :
         {AttachType::xdp, AttachType::xdp_devmap, AttachType::xdp_cpumap}) {
        all.push_back(caller(ProgramType::xdp, number(attach)));
    }
    all.push_back(caller(ProgramType::sched_cls, number(AttachType::tcx_ingress)));
}

void add_typed(std::vector<Caller>& all, const btf::Btf& types, AttachType attach,
               std::string_view name, std::uint32_t flags = 0) {
    const auto kind =
        attach == AttachType::trace_raw_tp ? btf::Kind::typedef_ : btf::Kind::function;
    if (const auto target = types.find(name, kind)) {
        Caller made = caller(ProgramType::tracing, number(attach), flags);
        made.name += fmt::format("/{}", name);
        made.target = *target;
        all.push_back(made);
    }
}

void add_struct_ops(std::vector<Caller>& all, const btf::Btf& types, std::string_view name,
                    bool sleepable) {
    const auto target = types.find(name, btf::Kind::structure);
    if (!target) {
        return;
    }
    for (std::uint32_t member = 0; member < types.type(*target).members.size(); ++member) {
        const btf::Member& one = types.type(*target).members[member];
        const btf::TypeId pointer = types.resolve(one.type);
        if (types.type(pointer).kind != btf::Kind::pointer ||
            types.type(types.resolve(types.type(pointer).target)).kind !=
                btf::Kind::function_prototype) {
            continue;
        }
        Caller made = caller(ProgramType::struct_ops, member, sleepable ? kSleepable : 0);
        made.name += fmt::format("/{}", name);
        made.target = *target;
        all.push_back(made);
    }
}

} // namespace

std::vector<Caller> callers(const btf::Btf& types) {
    std::vector<Caller> all;
    add_untyped(all);
    for (const char* name :
         {"btf_trace_sched_switch", "btf_trace_task_newtask", "btf_trace_sys_enter",
          "btf_trace_kfree_skb", "btf_trace_netif_receive_skb", "btf_trace_inet_sock_set_state",
          "btf_trace_block_rq_issue", "btf_trace_tcp_probe"}) {
        add_typed(all, types, AttachType::trace_raw_tp, name);
    }
    for (const char* name :
         {"bpf_iter_task", "bpf_iter_task_file", "bpf_iter_task_vma", "bpf_iter_bpf_map",
          "bpf_iter_bpf_map_elem", "bpf_iter_bpf_sk_storage_map", "bpf_iter_sockmap",
          "bpf_iter_tcp", "bpf_iter_udp", "bpf_iter_unix", "bpf_iter_netlink",
          "bpf_iter_ipv6_route", "bpf_iter_cgroup", "bpf_iter_bpf_prog", "bpf_iter_bpf_link",
          "bpf_iter_ksym", "bpf_iter_kmem_cache", "bpf_iter_dmabuf"}) {
        add_typed(all, types, AttachType::trace_iter, name);
    }
    for (const char* name : {"bpf_iter_task", "bpf_iter_tcp", "bpf_iter_cgroup"}) {
        add_typed(all, types, AttachType::trace_iter, name, kSleepable);
    }
    add_typed(all, types, AttachType::trace_fentry, "do_unlinkat");
    add_typed(all, types, AttachType::trace_fexit, "do_unlinkat");
    add_struct_ops(all, types, "tcp_congestion_ops", false);
    add_struct_ops(all, types, "bpf_dummy_ops", false);
    add_struct_ops(all, types, "Qdisc_ops", false);
    add_struct_ops(all, types, "bpf_dummy_ops", true);
    return all;
}

ProgramSpec program_of(const Caller& caller, std::vector<RawInsn> insns) {
    ProgramSpec program;
    program.name = "probe";
    program.type = caller.type;
    program.expected_attach_type = caller.attach_type;
    program.flags = caller.flags;
    program.attach_btf_id = caller.target;
    program.license = "GPL";
    program.insns = std::move(insns);
    return program;
}

std::int32_t allowed_answer(const Caller& caller) {
    std::int32_t answer = 0;
    for (const spec::ReturnRangeRow& row : spec::kReturnRanges) {
        if (row.program == caller.type &&
            row.attach_types.contains(AttachType{caller.attach_type}) && row.range.minimum > 0) {
            answer = row.range.minimum;
        }
    }
    return answer;
}

} // namespace skep::tests::probes
