// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Helpers on ring buffers.
//
// Proved by: memory_test.cpp; maps/queue/ring_buffer_test.cpp.
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
    for (Reservation& place : invocation.reservations) {
        if (place.record == nullptr) {
            place = {&ring, ring.reserve(size_bytes), size_bytes};
            return place.record;
        }
    }
    return nullptr;
}

void commit(Invocation& invocation, const void* record, std::uint64_t flags, Commit how) {
    for (Reservation& place : invocation.reservations) {
        if (place.record == record && record != nullptr) {
            place.ring->commit(place.record, flags, how);
            place.record = nullptr;
            return;
        }
    }
}

void end_run(Invocation& invocation) {
    for (Reservation& place : invocation.reservations) {
        if (place.record != nullptr) {
            place.ring->commit(place.record, 0, Commit::discard);
            place.record = nullptr;
        }
    }
}

std::span<const Row> ring_helpers() { return kRows; }

} // namespace skep::helpers
