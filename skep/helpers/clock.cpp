// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Clocks. A host may give its own (Services::clock_ns), so that tests and replays
// decide what time it is; the number it is asked with is that of clock_gettime.
//
// Proved by: control_test.cpp.
#include "skep/os/clock.hpp"
#include "skep/helpers/adapter.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;

constexpr int kMonotonic = 1;
constexpr int kMonotonicCoarse = 6;
constexpr int kBoot = 7;
constexpr int kTai = 11;

std::uint64_t now(Invocation& invocation, int clock_id, os::Clock clock) {
    const Services* services = invocation.services;
    return services != nullptr && services->clock_ns != nullptr
               ? services->clock_ns(services->owner, clock_id)
               : os::clock_ns(clock);
}

std::uint64_t ktime_get_ns(Invocation& invocation) {
    return now(invocation, kMonotonic, os::Clock::monotonic);
}
std::uint64_t ktime_get_boot_ns(Invocation& invocation) {
    return now(invocation, kBoot, os::Clock::boot);
}
std::uint64_t ktime_get_coarse_ns(Invocation& invocation) {
    return now(invocation, kMonotonicCoarse, os::Clock::monotonic_coarse);
}
std::uint64_t ktime_get_tai_ns(Invocation& invocation) {
    return now(invocation, kTai, os::Clock::tai);
}
std::uint64_t jiffies64(Invocation&) { return os::jiffies(); }

constexpr Row kRows[] = {
    {Helper::ktime_get_ns, kNative<ktime_get_ns>},
    {Helper::ktime_get_boot_ns, kNative<ktime_get_boot_ns>},
    {Helper::ktime_get_coarse_ns, kNative<ktime_get_coarse_ns>},
    {Helper::ktime_get_tai_ns, kNative<ktime_get_tai_ns>},
    {Helper::jiffies64, kNative<jiffies64>},
};

} // namespace

std::span<const Row> clock_helpers() { return kRows; }

} // namespace skep::helpers
