// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Where a program runs, chance, and loops that call back.
//
// Proved by: control_test.cpp.
#include <cerrno>

#include "skep/helpers/adapter.hpp"
#include "skep/os/sharing/owner_lock.hpp"
#include "skep/spec/limits.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;

// xorshift64*: fast, good enough for sampling, not for secrets; as the kernel's generator is.
std::uint32_t get_prandom_u32(Invocation& invocation) {
    std::uint64_t& state = invocation.random_state;
    while (state == 0) {
        state = os::random_number() | 1;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    constexpr std::uint64_t kMultiplier = 0x2545f4914f6cdd1d;
    return static_cast<std::uint32_t>((state * kMultiplier) >> 32);
}

std::uint32_t get_smp_processor_id(Invocation& invocation) { return invocation.cpu; }

// A slot is not tied to a node; the user engine has one.
std::uint32_t get_numa_node_id(Invocation&) { return 0; }

std::int64_t loop(Invocation& invocation, std::uint32_t count, std::uint64_t callback,
                  std::uint64_t callback_context, std::uint64_t flags) {
    if (flags != 0) {
        return -EINVAL;
    }
    if (count > spec::limits::loop_iterations) {
        return -E2BIG;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        if (invocation.call_back(invocation, callback, i, callback_context, 0, 0, 0) != 0) {
            return std::int64_t{i} + 1;
        }
    }
    return count;
}

constexpr Row kRows[] = {
    {Helper::get_prandom_u32, kNative<get_prandom_u32>},
    {Helper::get_smp_processor_id, kNative<get_smp_processor_id>},
    {Helper::get_numa_node_id, kNative<get_numa_node_id>},
    {Helper::loop, kNative<loop>},
};

} // namespace

std::span<const Row> control_helpers() { return kRows; }

} // namespace skep::helpers
