// SPDX-License-Identifier: Apache-2.0
#include "skep/os/kernel/sampler.hpp"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skep::os {
namespace {

constexpr std::uint64_t kSamplesPerSecond = 3989; // beats with nothing that a program may do
constexpr std::size_t kRingPages = 128;           // what an ordinary user may lock for this

Error refused(Sampled what, int reason) {
    const char* const name = what == Sampled::cycles ? "cycles" : "time";
    std::string why = "perf_event_open: " + std::string(std::strerror(reason));
    if (reason == ENOENT || reason == ENODEV || reason == EOPNOTSUPP) {
        why = "this machine offers no performance counter for them, as most virtual machines (" +
              why + ")";
    } else if (reason == EACCES || reason == EPERM) {
        why = "the kernel does not let this user measure (" + why +
              "; kernel.perf_event_paranoid above 2, or a container's filter)";
    } else if (reason == ENOSYS) {
        why = "this kernel has no performance events (" + why + ")";
    }
    return Error{Code::unsupported, reason, std::string(name) + " cannot be measured: " + why};
}

perf_event_attr attributes_of(Sampled what) {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = what == Sampled::cycles ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE;
    attributes.config = what == Sampled::cycles ? std::uint64_t{PERF_COUNT_HW_CPU_CYCLES}
                                                : std::uint64_t{PERF_COUNT_SW_TASK_CLOCK};
    attributes.sample_freq = kSamplesPerSecond;
    attributes.freq = 1;
    attributes.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD;
    attributes.disabled = 1;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    return attributes;
}

// The ring wraps at any byte.
void copy_out(const std::uint8_t* ring, std::uint64_t ring_bytes, std::uint64_t at,
              std::span<std::uint8_t> into) {
    for (std::uint8_t& byte : into) {
        byte = ring[at++ % ring_bytes];
    }
}

template <class Record>
Record record_at(const std::uint8_t* ring, std::uint64_t ring_bytes, std::uint64_t at) {
    std::array<std::uint8_t, sizeof(Record)> bytes{};
    copy_out(ring, ring_bytes, at, bytes);
    return std::bit_cast<Record>(bytes);
}

struct LostRecord {
    std::uint64_t id = 0;
    std::uint64_t lost = 0;
};

} // namespace

Result<Sampler> Sampler::open(Sampled what) {
    perf_event_attr attributes = attributes_of(what);
    const long number = ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, // NOLINT: no wrapper
                                  PERF_FLAG_FD_CLOEXEC);
    if (number < 0) {
        return refused(what, errno);
    }
    Fd event(static_cast<int>(number));
    Result<Mapping> ring =
        Mapping::of(event, (kRingPages + 1) * page_size(), Protection::read_write);
    if (!ring.ok()) {
        return refused(what, errno_of(ring.error()));
    }
    return Sampler(std::move(event), std::move(*ring));
}

Result<void> Sampler::start() {
    if (::ioctl(event_.number(), PERF_EVENT_IOC_ENABLE, 0) != 0) { // NOLINT: as it is declared
        return error_from_errno(errno, "starting to sample");
    }
    return {};
}

Result<Samples> Sampler::stop() {
    if (::ioctl(event_.number(), PERF_EVENT_IOC_DISABLE, 0) != 0) { // NOLINT: as it is declared
        return error_from_errno(errno, "ending to sample");
    }
    auto& page = *reinterpret_cast<perf_event_mmap_page*>(ring_.data()); // NOLINT: its layout
    const std::uint8_t* ring = ring_.data() + page_size();
    const std::uint64_t ring_bytes = kRingPages * page_size();
    const std::uint64_t head = __atomic_load_n(&page.data_head, __ATOMIC_ACQUIRE);
    Samples result;
    std::uint64_t at = page.data_tail;
    while (at + sizeof(perf_event_header) <= head) {
        const auto header = record_at<perf_event_header>(ring, ring_bytes, at);
        if (header.size < sizeof header || at + header.size > head) {
            break; // the kernel writes no such record
        }
        const std::uint64_t body = at + sizeof header;
        const std::size_t body_bytes = header.size - sizeof header;
        if (header.type == PERF_RECORD_SAMPLE && body_bytes >= sizeof(Sample)) {
            result.samples.push_back(record_at<Sample>(ring, ring_bytes, body));
        } else if (header.type == PERF_RECORD_LOST && body_bytes >= sizeof(LostRecord)) {
            result.lost += record_at<LostRecord>(ring, ring_bytes, body).lost;
        }
        at += header.size;
    }
    __atomic_store_n(&page.data_tail, at, __ATOMIC_RELEASE);
    return result;
}

} // namespace skep::os
