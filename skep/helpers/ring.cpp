// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Helpers on ring buffers.
//
// Proved by: memory_test.cpp; maps/queue/ring_buffer_test.cpp.
#include <bit>
#include <cerrno>

#include "skep/helpers/adapter.hpp"
#include "skep/helpers/reservations.hpp"

namespace skep::helpers {
namespace {

using maps::Commit;
using maps::Map;
using spec::Helper;

std::int64_t ringbuf_output(Invocation&, Map& map, const std::uint8_t* data,
                            std::uint64_t size_bytes, std::uint64_t flags) {
    return map.ring()->output(data, size_bytes, flags);
}

std::uint8_t* ringbuf_reserve(Invocation& invocation, Map& map, std::uint64_t size_bytes,
                              std::uint64_t flags) {
    return flags != 0 ? nullptr : reserve(invocation, *map.ring(), size_bytes);
}

void ringbuf_submit(Invocation& invocation, const void* record, std::uint64_t flags) {
    commit(invocation, record, flags, Commit::submit);
}

void ringbuf_discard(Invocation& invocation, const void* record, std::uint64_t flags) {
    commit(invocation, record, flags, Commit::discard);
}

std::uint64_t ringbuf_query(Invocation&, Map& map, std::uint64_t what) {
    return map.ring()->query(what);
}

constexpr Row kRows[] = {
    {Helper::ringbuf_output, kNative<ringbuf_output>},
    {Helper::ringbuf_reserve, kNative<ringbuf_reserve>},
    {Helper::ringbuf_submit, kNative<ringbuf_submit>},
    {Helper::ringbuf_discard, kNative<ringbuf_discard>},
    {Helper::ringbuf_query, kNative<ringbuf_query>},
};

} // namespace

std::uint8_t* reserve(Invocation& invocation, maps::RingBuffer& ring, std::uint64_t size_bytes) {
    const auto place = static_cast<std::uint32_t>(std::countr_one(invocation.reserved));
    std::uint8_t* record = place < kReservationsMost ? ring.reserve(size_bytes) : nullptr;
    if (record != nullptr) {
        invocation.reservations[place] = {&ring, record};
        invocation.reserved |= 1U << place;
    }
    return record;
}

void commit(Invocation& invocation, const void* record, std::uint64_t flags, Commit how) {
    for (std::uint32_t left = invocation.reserved; left != 0; left &= left - 1) {
        const auto place = static_cast<std::uint32_t>(std::countr_zero(left));
        const Reservation& held = invocation.reservations[place];
        if (held.record == record) {
            held.ring->commit(held.record, flags, how);
            invocation.reserved &= ~(1U << place);
            return;
        }
    }
}

void give_up_records(Invocation& invocation) {
    while (invocation.reserved != 0) {
        const auto place = static_cast<std::uint32_t>(std::countr_zero(invocation.reserved));
        commit(invocation, invocation.reservations[place].record, 0, Commit::discard);
    }
}

std::span<const Row> ring_helpers() { return kRows; }

} // namespace skep::helpers
