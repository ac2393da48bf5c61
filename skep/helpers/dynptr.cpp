// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Dynptrs: memory whose size is known only while the program runs.
//
// Sixteen bytes of the program's stack that it cannot touch itself:
//
//   { address u64 | size, 24 bits; is a ring record, bit 28; read only, bit 31 | offset u32 }
//
// An address of 0 is the null dynptr, which every operation refuses.
//
// Proved by: memory_test.cpp.
#include <cerrno>
#include <cstring>

#include "skep/helpers/adapter.hpp"
#include "skep/helpers/reservations.hpp"

namespace skep::helpers {
namespace {

using maps::Commit;
using spec::Helper;

constexpr std::uint32_t kSizeMost = (1U << 24) - 1;
constexpr std::uint32_t kRingRecord = 1U << 28;
constexpr std::uint32_t kReadOnly = 1U << 31;

struct Dynptr {
    std::uint8_t* data;
    std::uint32_t size_and_kind;
    std::uint32_t offset;

    [[nodiscard]] std::uint32_t size() const { return size_and_kind & kSizeMost; }
    [[nodiscard]] bool is_read_only() const { return (size_and_kind & kReadOnly) != 0; }
    // 0, or the error of a slice that does not lie inside.
    [[nodiscard]] std::int64_t check(std::uint64_t at, std::uint64_t length) const {
        return data == nullptr ? -EINVAL : at > size() || length > size() - at ? -E2BIG : 0;
    }
    [[nodiscard]] std::uint8_t* at(std::uint64_t position) const {
        return data + offset + position;
    }
};
static_assert(sizeof(Dynptr) == 16);

std::int64_t make_null(Dynptr& dynptr, std::int64_t error) {
    dynptr = Dynptr{};
    return error;
}

std::int64_t dynptr_from_mem(Invocation&, std::uint8_t* data, std::uint32_t size_bytes,
                             std::uint64_t flags, Dynptr& dynptr) {
    if (size_bytes > kSizeMost) {
        return make_null(dynptr, -E2BIG);
    }
    if (flags != 0) {
        return make_null(dynptr, -EINVAL);
    }
    dynptr = Dynptr{data, size_bytes, 0};
    return 0;
}

std::int64_t ringbuf_reserve_dynptr(Invocation& invocation, maps::Map& map,
                                    std::uint32_t size_bytes, std::uint64_t flags, Dynptr& dynptr) {
    if (flags != 0) {
        return make_null(dynptr, -EINVAL);
    }
    if (size_bytes > kSizeMost) {
        return make_null(dynptr, -E2BIG);
    }
    std::uint8_t* record = reserve(invocation, *map.ring(), size_bytes);
    if (record == nullptr) {
        return make_null(dynptr, -EINVAL);
    }
    dynptr = Dynptr{record, size_bytes | kRingRecord, 0};
    return 0;
}

void ringbuf_submit_dynptr(Invocation& invocation, Dynptr& dynptr, std::uint64_t flags) {
    commit(invocation, dynptr.data, flags, Commit::submit);
    dynptr = Dynptr{};
}

void ringbuf_discard_dynptr(Invocation& invocation, Dynptr& dynptr, std::uint64_t flags) {
    commit(invocation, dynptr.data, flags, Commit::discard);
    dynptr = Dynptr{};
}

std::int64_t dynptr_read(Invocation&, std::uint8_t* to, std::uint32_t length, const Dynptr& dynptr,
                         std::uint32_t at, std::uint64_t flags) {
    if (dynptr.data == nullptr || flags != 0) {
        return -EINVAL;
    }
    const std::int64_t wrong = dynptr.check(at, length);
    if (wrong == 0) {
        std::memmove(to, dynptr.at(at), length);
    }
    return wrong;
}

std::int64_t dynptr_write(Invocation&, const Dynptr& dynptr, std::uint32_t at,
                          const std::uint8_t* from, std::uint32_t length, std::uint64_t flags) {
    if (dynptr.data == nullptr || dynptr.is_read_only() || flags != 0) {
        return -EINVAL;
    }
    const std::int64_t wrong = dynptr.check(at, length);
    if (wrong == 0) {
        std::memmove(dynptr.at(at), from, length);
    }
    return wrong;
}

std::uint8_t* dynptr_data(Invocation&, const Dynptr& dynptr, std::uint32_t at,
                          std::uint32_t length) {
    return dynptr.check(at, length) != 0 || dynptr.is_read_only() ? nullptr : dynptr.at(at);
}

constexpr Row kRows[] = {
    {Helper::dynptr_from_mem, kNative<dynptr_from_mem>},
    {Helper::ringbuf_reserve_dynptr, kNative<ringbuf_reserve_dynptr>},
    {Helper::ringbuf_submit_dynptr, kNative<ringbuf_submit_dynptr>},
    {Helper::ringbuf_discard_dynptr, kNative<ringbuf_discard_dynptr>},
    {Helper::dynptr_read, kNative<dynptr_read>},
    {Helper::dynptr_write, kNative<dynptr_write>},
    {Helper::dynptr_data, kNative<dynptr_data>},
};

} // namespace

std::span<const Row> dynptr_helpers() { return kRows; }

} // namespace skep::helpers
