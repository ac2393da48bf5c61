// SPDX-License-Identifier: Apache-2.0
//
// The helper table against the running kernel: who is offered what, and what each argument takes.
// Where the two differ the kernel is right and the row is to be mended.
#include <gtest/gtest.h>

#include "tests/law/law_bench.hpp"

namespace skep::tests {
namespace {

using spec::ArgKind;
using spec::AttachType;
using spec::Helper;
using spec::ProgramType;

// Types whose programs can be loaded without a target.
struct Caller {
    ProgramType type;
    AttachType attach{};
    bool sleepable = false;
};
const std::vector<Caller> kCallers{
    {ProgramType::sched_cls},
    {ProgramType::xdp},
    {ProgramType::socket_filter},
    {ProgramType::kprobe},
    {ProgramType::tracepoint},
    {ProgramType::perf_event},
    {ProgramType::raw_tracepoint},
    {ProgramType::raw_tracepoint_writable},
    {ProgramType::sched_act},
    {ProgramType::cgroup_skb},
    {ProgramType::cgroup_sock, AttachType::cgroup_inet_sock_create},
    {ProgramType::lwt_in},
    {ProgramType::lwt_out},
    {ProgramType::lwt_xmit},
    {ProgramType::lwt_seg6local},
    {ProgramType::sock_ops},
    {ProgramType::sk_skb},
    {ProgramType::sk_msg},
    {ProgramType::cgroup_device},
    {ProgramType::cgroup_sock_addr, AttachType::cgroup_inet4_connect},
    {ProgramType::cgroup_sock_addr, AttachType::cgroup_inet4_bind},
    {ProgramType::cgroup_sock_addr, AttachType::cgroup_udp4_recvmsg},
    {ProgramType::cgroup_sysctl},
    {ProgramType::cgroup_sysctl, AttachType::cgroup_sysctl},
    {ProgramType::cgroup_device, AttachType::cgroup_device},
    {ProgramType::sock_ops, AttachType::cgroup_sock_ops},
    {ProgramType::cgroup_skb, AttachType::cgroup_inet_egress},
    {ProgramType::cgroup_sock, AttachType::cgroup_inet4_post_bind},
    {ProgramType::cgroup_sock, AttachType::cgroup_inet_sock_release},
    {ProgramType::cgroup_sock_addr, AttachType::cgroup_udp4_sendmsg},
    {ProgramType::cgroup_sock_addr, AttachType::cgroup_inet6_getpeername},
    {ProgramType::cgroup_sock_addr, AttachType::cgroup_unix_connect},
    {ProgramType::cgroup_sock_addr, AttachType::cgroup_unix_recvmsg},
    {ProgramType::xdp, AttachType::xdp},
    {ProgramType::xdp, AttachType::xdp_devmap},
    {ProgramType::sched_cls, AttachType::tcx_ingress},
    {ProgramType::flow_dissector, AttachType::flow_dissector},
    {ProgramType::sk_skb, AttachType::sk_skb_verdict},
    {ProgramType::sk_msg, AttachType::sk_msg_verdict},
    {ProgramType::kprobe, AttachType::trace_kprobe_multi},
    {ProgramType::kprobe, AttachType::trace_uprobe_multi},
    {ProgramType::kprobe, AttachType::trace_kprobe_session},
    {ProgramType::perf_event, AttachType::perf_event},
    {ProgramType::sk_reuseport, AttachType::sk_reuseport_select_or_migrate},
    {ProgramType::cgroup_sockopt, AttachType::cgroup_setsockopt},
    {ProgramType::cgroup_sockopt, AttachType::cgroup_getsockopt},
    {ProgramType::sk_reuseport, AttachType::sk_reuseport_select},
    {ProgramType::sk_lookup, AttachType::sk_lookup},
    {ProgramType::flow_dissector},
    {ProgramType::netfilter, AttachType::netfilter},
    {ProgramType::syscall, AttachType{}, true},
    {ProgramType::kprobe, AttachType{}, true},
};

class HelperLaw : public testing::Test {
  protected:
    void SetUp() override {
        if (!LawBench::is_available()) {
            GTEST_SKIP() << "bpf(2) is not available to this user";
        }
        bench_ = std::make_unique<LawBench>();
    }
    const LawBench& bench() const { return *bench_; }

  private:
    std::unique_ptr<LawBench> bench_;
};

bool says_not_offered(const Answer& answer) {
    return answer.line.find("cannot use helper") != std::string::npos ||
           answer.line.find("is not allowed in probe") != std::string::npos;
}

// Built without the option, or locked down: the kernel's own choice, not the law.
bool is_by_configuration(Helper helper) {
    return helper == Helper::override_return || helper == Helper::probe_write_user;
}

TEST_F(HelperLaw, AHelperIsOfferedToTheProgramsThatItsRowNames) {
    for (const spec::HelperRow& row : spec::helpers()) {
        if (is_by_configuration(row.id)) {
            continue;
        }
        for (const Caller& caller : kCallers) {
            const Call call{row.id, caller.type, caller.attach, caller.sleepable, true, {}};
            const bool ours = spec::is_offered(row, {.type = caller.type,
                                                     .attach_type = caller.attach,
                                                     .sleepable = caller.sleepable,
                                                     .target = {}});
            const Answer kernel = bench().kernel(call);
            EXPECT_EQ(!says_not_offered(kernel), ours) << text_of(call) << ": " << kernel.line;
        }
    }
}

TEST_F(HelperLaw, ALicenceIsAskedForWhereTheRowSaysSo) {
    for (const spec::HelperRow& row : spec::helpers()) {
        for (const Caller& caller : kCallers) {
            Call call{row.id, caller.type, caller.attach, caller.sleepable, false, {}};
            const Answer kernel = bench().kernel(call);
            if (says_not_offered(kernel)) {
                continue;
            }
            const bool asks = kernel.line.find("GPL-restricted") != std::string::npos;
            EXPECT_EQ(asks, row.licence == spec::Licence::gpl_only)
                << text_of(call) << ": " << kernel.line;
            break;
        }
    }
}

// What an argument of the kind is given in a call that is to be accepted; nothing when this bench
// has no such thing.
Offer good_offer(ArgKind kind) {
    switch (kind) {
    case ArgKind::none:
    case ArgKind::anything:
        return Offer::zero;
    case ArgKind::ctx:
    case ArgKind::ctx_or_null:
        return Offer::context;
    case ArgKind::const_map_ptr:
        return Offer::map;
    case ArgKind::map_key:
    case ArgKind::map_value:
    case ArgKind::map_value_or_null:
    case ArgKind::uninit_map_value:
    case ArgKind::mem:
    case ArgKind::mem_or_null:
    case ArgKind::uninit_mem:
    case ArgKind::fixed_mem:
    case ArgKind::uninit_fixed_mem:
    case ArgKind::stack_ptr_or_null:
        return Offer::stack;
    case ArgKind::const_size:
    case ArgKind::const_size_or_zero:
    case ArgKind::const_alloc_size_or_zero:
        return Offer::sixteen;
    case ArgKind::socket_or_null:
    case ArgKind::btf_id_sock_common_or_null:
    case ArgKind::btf_id_or_null:
        return Offer::zero;
    case ArgKind::const_str:
    case ArgKind::sock_common:
    case ArgKind::btf_id_sock_common:
    case ArgKind::btf_id:
    case ArgKind::percpu_btf_id:
    case ArgKind::ringbuf_mem:
    case ArgKind::spin_lock:
    case ArgKind::timer:
    case ArgKind::kptr:
    case ArgKind::kptr_or_null:
    case ArgKind::func:
    case ArgKind::dynptr:
    case ArgKind::ringbuf_dynptr:
    case ArgKind::new_local_dynptr:
    case ArgKind::new_ringbuf_dynptr:
        return Offer::nothing;
    }
    return Offer::nothing;
}

// Refusals that come after the call, or that are about how the kernel rewrites it.
bool concerns_something_else(const Answer& kernel) {
    for (const std::string_view words : {"Unreleased reference", "reference leak",
                                         "At program exit", "R0 !read_ok", "verifier bug"}) {
        if (kernel.line.find(words) != std::string::npos) {
            return true;
        }
    }
    return false;
}

bool is_unknown_to_us(const Answer& ours) {
    return ours.line.find("not supported yet") != std::string::npos;
}

// The first caller that is offered the helper.
const Caller* caller_for(const spec::HelperRow& row) {
    for (const Caller& caller : kCallers) {
        if (spec::is_offered(row, {.type = caller.type,
                                   .attach_type = caller.attach,
                                   .sleepable = caller.sleepable,
                                   .target = {}})) {
            return &caller;
        }
    }
    return nullptr;
}

struct Tally {
    int compared = 0;
    int not_judged = 0;
};

void compare(const LawBench& bench, const Call& call, Tally& tally) {
    const Answer ours = bench.ours(call);
    if (is_unknown_to_us(ours)) {
        ++tally.not_judged;
        return;
    }
    const Answer kernel = bench.kernel(call);
    if (kernel.line.find("Sleepable programs can only use") != std::string::npos) {
        ++tally.not_judged; // asked when maps are resolved, before any call
        return;
    }
    const bool accepted = kernel.accepted || concerns_something_else(kernel);
    ++tally.compared;
    EXPECT_EQ(ours.accepted, accepted)
        << text_of(call) << "\n  kernel: " << kernel.line << "\n  ours:   " << ours.line;
    if (!ours.accepted && !accepted) {
        EXPECT_EQ(ours.line, kernel.line) << text_of(call);
    }
}

TEST_F(HelperLaw, EachArgumentTakesWhatItsRowSaysAndRefusesOthersInTheKernelsWords) {
    constexpr Offer kOffers[] = {Offer::zero,    Offer::one, Offer::negative, Offer::stack,
                                 Offer::context, Offer::map, Offer::map_value};
    Tally tally;
    for (const spec::HelperRow& row : spec::helpers()) {
        const Caller* caller = caller_for(row);
        if (caller == nullptr || is_by_configuration(row.id) || !bench().has_map_for(row.id) ||
            row.effects.has(spec::Effect::calls_back)) {
            continue;
        }
        const spec::Arguments& arguments = spec::arguments(row, caller->type);
        Call call{row.id, caller->type, caller->attach, caller->sleepable, true, {}};
        for (unsigned i = 0; i < 5; ++i) {
            call.offers[i] = good_offer(arguments[i].kind);
        }
        compare(bench(), call, tally);
        for (unsigned i = 0; i < 5 && arguments[i].kind != ArgKind::none; ++i) {
            Call changed = call;
            for (const Offer offer : kOffers) {
                changed.offers[i] = offer;
                compare(bench(), changed, tally);
            }
        }
    }
    EXPECT_GT(tally.compared, 2000);
    RecordProperty("not_judged_yet", tally.not_judged);
}

} // namespace
} // namespace skep::tests
