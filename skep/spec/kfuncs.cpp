// SPDX-License-Identifier: Apache-2.0
//
// The table of kernel functions, put together from its families, and who is offered them.
#include "skep/spec/kfuncs.hpp"

#include <algorithm>
#include <unordered_map>

namespace skep::spec {
namespace {

// The words of the flags column.
namespace flag_words {
#define KFUNC_FLAG(word)                                                                           \
    constexpr KfuncFlags word { static_cast<std::uint16_t>(KfuncFlag::word) }
[[maybe_unused]] KFUNC_FLAG(no_flags);
[[maybe_unused]] KFUNC_FLAG(acquires);
[[maybe_unused]] KFUNC_FLAG(releases);
[[maybe_unused]] KFUNC_FLAG(maybe_null);
[[maybe_unused]] KFUNC_FLAG(trusted);
[[maybe_unused]] KFUNC_FLAG(rcu);
[[maybe_unused]] KFUNC_FLAG(in_rcu);
[[maybe_unused]] KFUNC_FLAG(sleeps);
[[maybe_unused]] KFUNC_FLAG(destroys);
[[maybe_unused]] KFUNC_FLAG(moves_packet);
#undef KFUNC_FLAG

constexpr KfuncFlags operator|(KfuncFlags a, KfuncFlags b) {
    return {static_cast<std::uint16_t>(a.bits | b.bits)};
}
} // namespace flag_words

// The words of the callers column. What tracing programs are offered, LSM programs are too.
namespace caller_words {
using namespace program_sets;

constexpr KfuncCallers everyone{ProgramTypeSet(~std::uint64_t{0})};
constexpr ProgramTypeSet kTracers = tracepoint | perf_event | tracing | lsm;
constexpr ProgramTypeSet kControlGroups = cgroup_skb | cgroup_sock | cgroup_sock_addr |
                                          cgroup_sockopt | cgroup_sysctl | cgroup_device | sock_ops;
constexpr KfuncCallers generic{sched_cls | program_sets::xdp | kControlGroups | kTracers |
                               struct_ops | syscall};
constexpr KfuncCallers tracers_and_interfaces{kTracers | struct_ops | syscall};
constexpr KfuncCallers tracers{kTracers};
constexpr KfuncCallers interfaces{struct_ops};
constexpr KfuncCallers syscalls{syscall};
constexpr KfuncCallers security{lsm};
constexpr KfuncCallers xdp_only{program_sets::xdp};
constexpr KfuncCallers traffic{sched_cls};
constexpr KfuncCallers all_traffic{sched_cls | sched_act};
constexpr KfuncCallers traffic_and_xdp{sched_cls | program_sets::xdp};
constexpr KfuncCallers all_traffic_and_xdp{sched_cls | sched_act | program_sets::xdp};
constexpr KfuncCallers control_groups{kControlGroups};
constexpr KfuncCallers packet_holders{socket_filter | sched_cls | sched_act | kControlGroups |
                                      sk_skb | lwt_in | lwt_out | lwt_xmit | lwt_seg6local |
                                      netfilter | kTracers};
constexpr KfuncCallers iterators{tracing, KfuncLimit::iterators};
constexpr KfuncCallers probe_sessions{kprobe, KfuncLimit::probe_sessions};
constexpr KfuncCallers device_bound{program_sets::xdp, KfuncLimit::device_bound};
} // namespace caller_words

std::span<const KfuncRow> all_rows() {
    using namespace flag_words;
#define KFUNC(name, flags, rule, callers, since, says)                                             \
    {#name, flags, KfuncRule::rule, caller_words::callers, since, says},
    static constexpr KfuncRow kRows[] = {
#include "skep/spec/kfuncs/all.def"
    };
#undef KFUNC
    return kRows;
}

} // namespace

std::span<const KfuncRow> kfuncs() { return all_rows(); }

const KfuncRow* find_kfunc(std::string_view name) {
    static const auto kByName = [] {
        std::unordered_map<std::string_view, const KfuncRow*> rows;
        for (const KfuncRow& row : all_rows()) {
            rows.emplace(row.name, &row);
        }
        return rows;
    }();
    const auto found = kByName.find(name);
    return found == kByName.end() ? nullptr : found->second;
}

bool is_offered(const KfuncRow& row, const CallerSite& caller) {
    if (!row.callers.types.contains(caller.type)) {
        return false;
    }
    switch (row.callers.limit) {
    case KfuncLimit::none:
        return true;
    case KfuncLimit::iterators:
        return caller.attach_type == AttachType::trace_iter;
    case KfuncLimit::probe_sessions:
        return caller.attach_type == AttachType::trace_kprobe_session ||
               caller.attach_type == AttachType::trace_uprobe_session;
    case KfuncLimit::device_bound:
        return false;
    }
    return false;
}

} // namespace skep::spec
