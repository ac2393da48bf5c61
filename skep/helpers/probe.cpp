// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Reads from any address: see own_memory.hpp for which ones succeed.
//
// A failed read fills its destination with zeroes, as the kernel's does.
//
// Proved by: memory_test.cpp.
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "skep/helpers/adapter.hpp"
#include "skep/helpers/own_memory.hpp"
#include "skep/maps/map.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;

bool lies_in(const MemoryRange& range, std::uint64_t address, std::uint64_t size_bytes) {
    return address >= range.begin && address <= range.end && size_bytes <= range.end - address;
}

// Inside one part, as a read of a map's values is inside the values of one CPU.
bool lies_in(const PlainValues& values, std::uint64_t address, std::uint64_t size_bytes) {
    const auto begin = std::bit_cast<std::uint64_t>(values.begin);
    if (address < begin || address - begin >= values.part_bytes * values.parts) {
        return false;
    }
    return size_bytes <= values.part_bytes - (address - begin) % values.part_bytes;
}

std::int64_t probe_read(Invocation& invocation, std::uint8_t* to, std::uint32_t size_bytes,
                        std::uint64_t address) {
    if (!may_read(invocation, address, size_bytes)) {
        std::memset(to, 0, size_bytes);
        return -EFAULT;
    }
    std::memmove(to, reinterpret_cast<const void*>(address), size_bytes); // NOLINT: proved above
    return 0;
}

std::int64_t probe_read_str(Invocation& invocation, char* to, std::uint32_t size_bytes,
                            std::uint64_t address) {
    if (size_bytes == 0) {
        return 0;
    }
    const std::int64_t copied = copy_own_text(invocation, to, size_bytes, address);
    if (copied < 0) {
        std::memset(to, 0, size_bytes);
    }
    return copied;
}

// User memory does not exist here: no process is being traced.
std::int64_t copy_from_user(Invocation&, std::uint8_t* to, std::uint32_t size_bytes,
                            std::uint64_t) {
    std::memset(to, 0, size_bytes);
    return size_bytes == 0 ? 0 : -EFAULT;
}

constexpr Row kRows[] = {
    {Helper::probe_read, kNative<probe_read>},
    {Helper::probe_read_kernel, kNative<probe_read>},
    {Helper::probe_read_str, kNative<probe_read_str>},
    {Helper::probe_read_kernel_str, kNative<probe_read_str>},
    {Helper::probe_read_user, kNative<probe_read>},
    {Helper::probe_read_user_str, kNative<probe_read_str>},
    {Helper::copy_from_user, kNative<copy_from_user>},
};

} // namespace

bool may_read(const Invocation& invocation, std::uint64_t address, std::uint64_t size_bytes) {
    if (lies_in(invocation.stack, address, size_bytes) ||
        lies_in(invocation.packet, address, size_bytes)) {
        return true;
    }
    const auto* const asked = std::bit_cast<const void*>(address); // not followed
    for (const maps::Map* map : invocation.maps) {
        if (map != nullptr && map->owns(asked, size_bytes)) {
            return true;
        }
    }
    return std::any_of(invocation.plain_values.begin(), invocation.plain_values.end(),
                       [address, size_bytes](const PlainValues& values) {
                           return lies_in(values, address, size_bytes);
                       });
}

std::int64_t copy_own_text(const Invocation& invocation, char* to, std::uint32_t size_bytes,
                           std::uint64_t address) {
    for (std::uint32_t at = 0; at < size_bytes; ++at) {
        if (!may_read(invocation, address + at, 1)) {
            return -EFAULT;
        }
        const char next = *reinterpret_cast<const char*>(address + at); // NOLINT: proved above
        const bool last = at + 1 == size_bytes;
        to[at] = last ? '\0' : next;
        if (next == '\0' || last) {
            return std::int64_t{at} + 1;
        }
    }
    return 0;
}

std::span<const Row> probe_helpers() { return kRows; }

} // namespace skep::helpers
