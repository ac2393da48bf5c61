// SPDX-License-Identifier: Apache-2.0
//
// HomeLanes: what generated code must know to try a key's home lane itself, as HashTable's readers
// do first (table.hpp). Keys of up to sixteen bytes only.
//
//   part    = the key, filled up with zeroes to two words, low and high
//   product = (low ^ secret_low) * (high ^ secret_high), of 128 bits
//   hash    = its low half ^ its high half
//   lane    = ((hash >> 32) * lanes) >> 32
//   tag     at buckets + (lane / 16) * 32 + lane % 16, found when it is 0x80 | (hash & 0x7f)
//   element at elements + lane * stride_bytes: sequence, mark, key, value
//
// Why code that reads so keeps the readers' contract: it takes the very steps of `find_where`
// and `holds` with the same orders of memory (the tag by acquire; the sequence by acquire; the key
// by words, relaxed; a fence of acquire; the sequence again), and takes the answer only when that
// one function would. Whatever else it sees, another tag, an odd or a changed sequence, another
// key, it knows nothing and calls the map's look-up function, which begins anew. That it asked
// before takes nothing back: readers write nothing but the mark of an element that was found.
#pragma once

#include <cstdint>

namespace skep::maps {

inline constexpr std::uint32_t kLanesPerBucket = 16;

struct HomeLanes {
    static constexpr std::uint32_t kKeyMost = 16;
    static constexpr std::uint32_t kBucketBytes = 32;
    static constexpr std::uint32_t kSequenceAt = 0;
    static constexpr std::uint32_t kMarkAt = 4;
    static constexpr std::uint32_t kKeyAt = 8;

    // The same in every process, for maps of one shape.
    struct Shape {
        std::uint32_t lanes = 0; // 0: there are none to try
        bool marks = false;      // sets the mark of what it finds, unless it is set
        bool per_cpu = false; // values lie apart: at cpu_values + cpu * cpu_stride + lane * value
        std::uint64_t stride_bytes = 0;
        std::uint64_t value_at = 0; // in an element; 0 when they lie apart
        std::uint64_t cpu_value_bytes = 0;
        std::uint64_t cpu_stride_bytes = 0;
    } shape;
    // This process's, or this very map's.
    const void* buckets = nullptr;
    std::uint8_t* elements = nullptr;
    std::uint8_t* cpu_values = nullptr;
    std::uint64_t secret_low = 0;
    std::uint64_t secret_high = 0;
};

// What of it stands in code as a number or an address.
enum class HomeLanePart : std::uint8_t { buckets, elements, cpu_values, secret_low, secret_high };

} // namespace skep::maps
