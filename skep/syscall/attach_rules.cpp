// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/attach_rules.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <span>

namespace skep::syscall {
namespace {

using spec::ProgramType;

constexpr std::uint32_t kSleepable = 1U << 4;

struct Rule {
    ProgramType type;
    std::span<const std::uint32_t> attach_types;
};

constexpr std::array<std::uint32_t, 2> kSkb{0, 1};
constexpr std::array<std::uint32_t, 5> kSock{0, 2, 12, 13, 34};
constexpr std::array<std::uint32_t, 17> kSockAddr{8,  9,  10, 11, 14, 15, 19, 20, 29,
                                                  30, 31, 32, 49, 50, 51, 52, 53};
constexpr std::array<std::uint32_t, 3> kReuseport{0, 39, 40};
constexpr std::array<std::uint32_t, 2> kSockopt{21, 22};
constexpr std::array<std::uint32_t, 1> kLookup{36};
constexpr std::array<std::uint32_t, 1> kNetfilter{45};

constexpr std::array kRules{
    Rule{ProgramType::cgroup_skb, kSkb},
    Rule{ProgramType::cgroup_sock, kSock},
    Rule{ProgramType::cgroup_sock_addr, kSockAddr},
    Rule{ProgramType::sk_reuseport, kReuseport},
    Rule{ProgramType::cgroup_sockopt, kSockopt},
    Rule{ProgramType::sk_lookup, kLookup},
    Rule{ProgramType::netfilter, kNetfilter},
};

bool has_target(ProgramType type) {
    return type == ProgramType::tracing || type == ProgramType::ext || type == ProgramType::lsm ||
           type == ProgramType::struct_ops;
}

} // namespace

Result<void> check_attach_rules(ProgramType type, const abi::ProgLoadAttr& attr) {
    const auto refuse = [](const char* why) { return Error{Code::system, EINVAL, why}; };
    if (!has_target(type) && (attr.attach_btf_id != 0 || attr.attach_prog_fd != 0)) {
        return refuse("a program of this type has no target");
    }
    const auto* rule = std::find_if(kRules.begin(), kRules.end(),
                                    [type](const Rule& each) { return each.type == type; });
    const bool fits =
        rule == kRules.end() || std::find(rule->attach_types.begin(), rule->attach_types.end(),
                                          attr.expected_attach_type) != rule->attach_types.end();
    if (!fits) {
        return refuse("a program of this type cannot be attached so");
    }
    const bool may_sleep =
        has_target(type) || type == ProgramType::kprobe || type == ProgramType::syscall;
    if ((attr.prog_flags & kSleepable) != 0 && !may_sleep) {
        return refuse("a program of this type cannot sleep");
    }
    if (type == ProgramType::syscall && (attr.prog_flags & kSleepable) == 0) {
        return refuse("a syscall program must be sleepable");
    }
    return {};
}

} // namespace skep::syscall
