// SPDX-License-Identifier: Apache-2.0
//
// The access rules against the recorded answers of a kernel: every row of context_access.tsv is
// expanded, and so are our rules; both must allow the same.
#include "skep/spec/contexts/contexts.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::spec {
namespace {

const AccessRow* load(ContextId context, ProgramType program, std::int64_t offset,
                      std::uint32_t bytes) {
    return find_access({.context = context, .program = program, .offset = offset, .bytes = bytes});
}

TEST(Contexts, AFieldIsReadInTheWidthsThatItsRowNames) {
    ASSERT_NE(load(ContextId::xdp, ProgramType::xdp, 0, 4), nullptr);
    EXPECT_EQ(load(ContextId::xdp, ProgramType::xdp, 0, 4)->yields.kind, YieldKind::packet);
    EXPECT_EQ(load(ContextId::xdp, ProgramType::xdp, 0, 8), nullptr);
    EXPECT_EQ(load(ContextId::xdp, ProgramType::xdp, 2, 4), nullptr);
    EXPECT_NE(load(ContextId::skb, ProgramType::sched_cls, 9, 1), nullptr);
    EXPECT_EQ(load(ContextId::skb, ProgramType::socket_filter, 76, 4), nullptr);
}

TEST(Contexts, OffsetsOutsideAreRefused) {
    for (const std::int64_t offset : {std::int64_t{-8}, std::int64_t{24}, std::int64_t{1} << 32}) {
        EXPECT_EQ(load(ContextId::xdp, ProgramType::xdp, offset, 4), nullptr) << offset;
    }
}

TEST(Contexts, EveryFieldOfAHostRecordLiesInIt) {
    for (const ContextField& field : fields(ContextId::xdp)) {
        EXPECT_GT(field.host.bytes, 0) << field.name;
        EXPECT_LE(field.host.offset + field.host.bytes, sizeof(HostXdp)) << field.name;
    }
    for (const ContextField& field : fields(ContextId::skb)) {
        EXPECT_GT(field.host.bytes, 0) << field.name;
        EXPECT_LE(field.host.offset + field.host.bytes, sizeof(HostSkb)) << field.name;
    }
}

// The recorded answers.

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

std::string shared_folder() {
    const char* given = std::getenv("SKEP_SHARED");
    return given != nullptr ? given : std::string(SKEP_SOURCE_DIR) + "/../shared";
}

const std::map<std::string, ContextId> kRecordedNames = {
    {"__sk_buff", ContextId::skb},
    {"xdp_md", ContextId::xdp},
    {"bpf_sock", ContextId::cgroup_sock},
    {"bpf_sock_ops", ContextId::sock_ops},
    {"bpf_sock_addr", ContextId::sock_addr},
    {"sk_msg_md", ContextId::sk_msg},
    {"sk_reuseport_md", ContextId::sk_reuseport},
    {"bpf_sk_lookup", ContextId::sk_lookup},
    {"bpf_nf_ctx", ContextId::netfilter},
    {"bpf_cgroup_dev_ctx", ContextId::device},
    {"bpf_sysctl", ContextId::sysctl},
    {"bpf_sockopt", ContextId::sockopt},
    {"bpf_user_pt_regs_t", ContextId::kprobe},
    {"bpf_perf_event_data", ContextId::perf_event},
    {"bpf_raw_tracepoint_args", ContextId::raw_tracepoint},
    {"tracepoint record", ContextId::tracepoint},
    {"caller-defined", ContextId::syscall},
    {"pointer sock (bpf_sk_fullsock)", ContextId::sock},
    {"pointer sock_common (from __sk_buff.sk)", ContextId::sock_common},
    {"pointer tcp_sock (bpf_tcp_sock)", ContextId::tcp_sock},
    {"pointer xdp_sock (xskmap lookup)", ContextId::xdp_sock},
    {"pointer flow_keys (__sk_buff.flow_keys)", ContextId::flow_keys},
};

// One kind of caller in the record.
struct Caller {
    ContextId context;
    ProgramType program;
    AttachType attach;
    auto operator<=>(const Caller&) const = default;
};
struct Access {
    bool is_store;
    std::uint32_t bytes;
    std::int64_t offset;
    auto operator<=>(const Access&) const = default;
};
// What the record says about a caller: from which offset to which it was asked, and what it
// accepted.
struct Answers {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::map<Access, std::string> accepted;
    std::set<std::pair<bool, std::uint32_t>> asked;
};

std::vector<AttachType> attach_types_of(const std::string& cell) {
    if (cell == "any" || cell == "0 (unset)") {
        return {AttachType{}};
    }
    if (cell == "any but xdp_devmap") {
        return {AttachType::xdp, AttachType{}};
    }
    std::vector<AttachType> types;
    for (const std::string& name : split(cell, ',')) {
        types.push_back(name == "0 (unset)" ? AttachType{} : attach_type_named(name).value());
    }
    return types;
}

void add_row(const std::vector<std::string>& cells, Answers& answers) {
    const bool is_store = cells[4].starts_with("write");
    const auto bytes = static_cast<std::uint32_t>(std::stoul(cells[5]));
    const std::int64_t first = std::stoll(cells[7]);
    const std::int64_t last = std::stoll(cells[8]);
    answers.first = std::min(answers.first, first);
    answers.last = std::max(answers.last, last);
    answers.asked.emplace(is_store, bytes);
    if (cells[6] != "accept") {
        return;
    }
    const std::int64_t step = std::stoll(cells[9]);
    for (std::int64_t offset = first; offset <= last; offset += std::max<std::int64_t>(step, 1)) {
        answers.accepted[{is_store, bytes, offset}] = cells[10];
    }
}

std::map<Caller, Answers> read_answers(std::ifstream& file) {
    std::map<Caller, Answers> all;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::vector<std::string> cells = split(line, '\t');
        const auto context = kRecordedNames.find(cells[0]);
        if (context == kRecordedNames.end() || cells[4] == "read_sx") {
            continue;
        }
        for (const std::string& program : split(cells[1], ',')) {
            for (const AttachType attach : attach_types_of(cells[2])) {
                add_row(cells, all[{context->second, program_type_named(program).value(), attach}]);
            }
        }
    }
    return all;
}

std::string text_of(const Yield& yields) {
    switch (yields.kind) {
    case YieldKind::number:
        return "scalar";
    case YieldKind::packet:
        return "pkt";
    case YieldKind::packet_end:
        return "pkt_end";
    case YieldKind::packet_meta:
        return "pkt_meta";
    case YieldKind::socket:
        return "sock";
    case YieldKind::socket_or_null:
        return "sock_or_null";
    case YieldKind::sock_common_or_null:
        return "sock_common_or_null";
    case YieldKind::flow_keys:
        return "flow_keys";
    case YieldKind::tracepoint_buffer:
        return "tp_buffer";
    case YieldKind::trusted:
        return "trusted_ptr_" + std::string(yields.type);
    }
    return {};
}

// Tracepoint records were accepted before their beginning: a defect of that kernel that is not
// copied.
bool is_known_defect(const Caller& caller, const Access& access) {
    return caller.context == ContextId::tracepoint && access.offset < 0;
}

void compare(const Caller& caller, const Answers& answers) {
    for (const auto& [is_store, bytes] : answers.asked) {
        for (std::int64_t offset = answers.first; offset <= answers.last; ++offset) {
            const Access access{is_store, bytes, offset};
            const auto theirs = answers.accepted.find(access);
            const AccessRow* ours = find_access(
                {.context = caller.context,
                 .program = caller.program,
                 .attach = caller.attach,
                 .offset = offset,
                 .bytes = bytes,
                 .direction = is_store ? AccessDirection::store : AccessDirection::load});
            if (is_known_defect(caller, access)) {
                EXPECT_EQ(ours, nullptr);
                continue;
            }
            ASSERT_EQ(ours != nullptr, theirs != answers.accepted.end())
                << context(caller.context).name << " program type "
                << static_cast<unsigned>(caller.program) << " attach type "
                << static_cast<unsigned>(caller.attach) << (is_store ? " store " : " load ")
                << bytes << " at " << offset;
            if (ours != nullptr && !is_store) {
                EXPECT_EQ(text_of(ours->yields), theirs->second)
                    << context(caller.context).name << " at " << offset;
            }
        }
    }
}

TEST(Contexts, TheRulesAllowExactlyWhatTheRecordedKernelAllowed) {
    std::ifstream file(shared_folder() + "/spec/tables/context_access.tsv");
    if (!file) {
        GTEST_SKIP() << "no recorded answers beside the project (SKEP_SHARED)";
    }
    const std::map<Caller, Answers> all = read_answers(file);
    EXPECT_GT(all.size(), 50U);
    for (const auto& [caller, answers] : all) {
        compare(caller, answers);
    }
}

} // namespace
} // namespace skep::spec
