// SPDX-License-Identifier: Apache-2.0
#include "skep/os/trace_ring.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace skep::os {

namespace {
constexpr std::uint64_t kMagic = 0x736b657074726332; // "skeptrc2"
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kCommBytes = 16;
} // namespace

struct TraceRing::Header {
    std::uint64_t magic;
    std::uint64_t slots;
    alignas(64) std::atomic<std::uint64_t> head;
};

struct TraceRing::Slot {
    std::atomic<std::uint64_t> state;
    std::uint64_t time_ns;
    std::uint32_t cpu;
    std::uint32_t pid;
    std::uint32_t size;
    std::atomic<std::uint32_t> passed;
    char comm[kCommBytes];
    char text[kTextBytes];
};

namespace {
std::uint64_t writing(std::uint64_t ticket) { return 2 * ticket + 1; }
std::uint64_t done(std::uint64_t ticket) { return 2 * ticket + 2; }
std::uint32_t passed_by(std::uint64_t ticket) { return static_cast<std::uint32_t>(ticket + 1); }
} // namespace

TraceRing::Header& TraceRing::header() const {
    return *reinterpret_cast<Header*>(mapping_.data()); // NOLINT: shared memory of our own layout
}

TraceRing::Slot& TraceRing::slot(std::uint64_t ticket) const {
    static_assert(sizeof(Slot) == 1024);
    std::uint8_t* first = mapping_.data() + kHeaderBytes;
    return *reinterpret_cast<Slot*>(first + (ticket % kSlots) * sizeof(Slot)); // NOLINT: as above
}

Result<TraceRing> TraceRing::create() {
    constexpr std::size_t kSize = kHeaderBytes + kSlots * sizeof(Slot);
    Fd fd = TRY_WHILE("making the trace ring", make_memfd("skep-trace", kSize));
    Mapping mapping = TRY(Mapping::of(fd, kSize, Protection::read_write));
    TraceRing ring(std::move(fd), std::move(mapping));
    ring.header().magic = kMagic;
    ring.header().slots = kSlots;
    return ring;
}

Result<TraceRing> TraceRing::open(Fd memfd) {
    constexpr std::size_t kSize = kHeaderBytes + kSlots * sizeof(Slot);
    if (TRY(size_of(memfd)) != kSize) {
        return fail(Code::invalid_input, "this is not a trace ring of this version");
    }
    Mapping mapping = TRY(Mapping::of(memfd, kSize, Protection::read_write));
    TraceRing ring(std::move(memfd), std::move(mapping));
    if (ring.header().magic != kMagic || ring.header().slots != kSlots) {
        return fail(Code::invalid_input, "this is not a trace ring of this version");
    }
    return ring;
}

// False when somebody else writes there still, or a later writer was there already. A state of a
// ticket that nobody has is a peer's mischief, and no reason to pass.
bool TraceRing::claim(Slot& place, std::uint64_t ticket) const {
    std::uint64_t seen = place.state.load(std::memory_order_relaxed);
    const std::uint64_t other = (seen - 1) / 2;
    const bool is_known = seen != 0 && other < header().head.load(std::memory_order_relaxed);
    const bool is_later = is_known && other > ticket;
    const bool is_at_it = is_known && seen == writing(other) && !is_later &&
                          ticket - other < std::uint64_t{kLapsAlive} * kSlots;
    return !is_later && !is_at_it &&
           place.state.compare_exchange_strong(seen, writing(ticket), std::memory_order_acquire,
                                               std::memory_order_relaxed);
}

void TraceRing::write(std::uint64_t time_ns, std::uint32_t cpu, std::uint32_t pid,
                      std::string_view comm, std::string_view text) const {
    const std::uint64_t ticket = header().head.fetch_add(1, std::memory_order_relaxed);
    Slot& place = slot(ticket);
    if (!claim(place, ticket)) {
        place.passed.store(passed_by(ticket), std::memory_order_release);
        return;
    }
    std::atomic_thread_fence(std::memory_order_release);
    place.time_ns = time_ns;
    place.cpu = cpu;
    place.pid = pid;
    const std::size_t comm_size = std::min(comm.size(), kCommBytes - 1);
    std::memcpy(place.comm, comm.data(), comm_size);
    place.comm[comm_size] = 0;
    const std::size_t size = std::min<std::size_t>(text.size(), kTextBytes);
    std::memcpy(place.text, text.data(), size);
    place.size = static_cast<std::uint32_t>(size);
    std::uint64_t ours = writing(ticket); // unless we counted as dead meanwhile
    place.state.compare_exchange_strong(ours, done(ticket), std::memory_order_release,
                                        std::memory_order_relaxed);
}

TraceCursor::TraceCursor(const TraceRing& ring)
    : ring_(ring), ticket_(ring.header().head.load(std::memory_order_acquire)) {}

// A slot counts as abandoned when its writer has not finished although half the ring has gone by.
bool TraceCursor::abandoned(std::uint64_t ticket, std::uint64_t head) const {
    return head > ticket && head - ticket > TraceRing::kSlots / 2;
}

std::optional<TraceLine> TraceCursor::next() {
    for (;;) {
        const std::uint64_t head = ring_.header().head.load(std::memory_order_acquire);
        if (ticket_ >= head) {
            ticket_ = std::min(ticket_, head); // a peer that moves the head back must not stop us
            return std::nullopt;
        }
        if (head - ticket_ > TraceRing::kSlots) {
            lost_ += head - TraceRing::kSlots - ticket_;
            ticket_ = head - TraceRing::kSlots;
        }
        const TraceRing::Slot& place = ring_.slot(ticket_);
        const std::uint64_t before = place.state.load(std::memory_order_acquire);
        if (before < done(ticket_) && !abandoned(ticket_, head) &&
            place.passed.load(std::memory_order_acquire) != passed_by(ticket_)) {
            return std::nullopt; // its writer is still at it
        }
        TraceLine line{place.time_ns, place.cpu, place.pid, {}, {}};
        std::array<char, kCommBytes> comm{};
        std::memcpy(comm.data(), place.comm, comm.size() - 1);
        line.comm = comm.data();
        line.text.assign(place.text, std::min<std::size_t>(place.size, TraceRing::kTextBytes));
        std::atomic_thread_fence(std::memory_order_acquire);
        const std::uint64_t after = place.state.load(std::memory_order_relaxed);
        const bool whole = before == done(ticket_) && after == before;
        ++ticket_;
        if (whole) {
            return line;
        }
        ++lost_;
    }
}

std::string trace_pipe_form(const TraceLine& line) {
    return fmt::format("{:>16}-{:<7} [{:03}] ..... {:>5}.{:06}: bpf_trace_printk: {}", line.comm,
                       line.pid, line.cpu, line.time_ns / 1'000'000'000,
                       line.time_ns / 1000 % 1'000'000, line.text);
}

} // namespace skep::os
