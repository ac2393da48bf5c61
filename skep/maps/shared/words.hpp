// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Copying values that others may read or write at the same moment.
//
// Readers of maps never wait, so a reader may see a value half changed, exactly as programs do in
// the kernel; but never a torn aligned 8-byte word, and never undefined behaviour: shared memory is
// touched through relaxed atomics alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

namespace skep::maps {

constexpr std::uint64_t round_up(std::uint64_t number, std::uint64_t power_of_two) {
    return (number + power_of_two - 1) & ~(power_of_two - 1);
}

template <class T>
T load_relaxed(const std::uint8_t* from) {
    auto* place =
        reinterpret_cast<T*>(const_cast<std::uint8_t*>(from)); // NOLINT: atomic_ref wants T&
    return std::atomic_ref<T>(*place).load(std::memory_order_relaxed);
}

template <class T>
void store_relaxed(std::uint8_t* to, T number) {
    std::atomic_ref<T>(*reinterpret_cast<T*>(to))
        .store(number, std::memory_order_relaxed); // NOLINT: as above
}

// Calls step(offset, word) for the words that make up [shared, shared + size): single bytes up to
// the first multiple of 8, then 8, 4 and 1 at a time. Stops when a step answers false, and answers
// so.
template <class Step>
[[gnu::always_inline]] inline bool each_word(const std::uint8_t* shared, std::uint64_t size_bytes,
                                             Step step) {
    std::uint64_t at = 0;
    while (at < size_bytes && (reinterpret_cast<std::uintptr_t>(shared + at) & 7) != 0) {
        if (!step(at++, std::uint8_t{})) {
            return false;
        }
    }
    for (; at + 8 <= size_bytes; at += 8) {
        if (!step(at, std::uint64_t{})) {
            return false;
        }
    }
    if (at + 4 <= size_bytes) {
        if (!step(at, std::uint32_t{})) {
            return false;
        }
        at += 4;
    }
    for (; at < size_bytes; ++at) {
        if (!step(at, std::uint8_t{})) {
            return false;
        }
    }
    return true;
}

inline void copy_to_shared(std::uint8_t* shared, const std::uint8_t* from,
                           std::uint64_t size_bytes) {
    each_word(shared, size_bytes, [&](std::uint64_t at, auto word) {
        std::memcpy(&word, from + at, sizeof word);
        store_relaxed(shared + at, word);
        return true;
    });
}

inline void copy_from_shared(std::uint8_t* to, const std::uint8_t* shared,
                             std::uint64_t size_bytes) {
    each_word(shared, size_bytes, [&](std::uint64_t at, auto word) {
        word = load_relaxed<decltype(word)>(shared + at);
        std::memcpy(to + at, &word, sizeof word);
        return true;
    });
}

inline void clear_shared(std::uint8_t* shared, std::uint64_t size_bytes) {
    each_word(shared, size_bytes, [&](std::uint64_t at, auto word) {
        store_relaxed(shared + at, word);
        return true;
    });
}

// For keys that begin at a multiple of 8, with a size that the compiler may know.
inline bool equal_to_aligned(const std::uint8_t* shared, const std::uint8_t* other,
                             std::uint64_t size_bytes) {
    std::uint64_t at = 0;
    std::uint64_t differences = 0;
    const auto compare = [&](auto word) {
        std::memcpy(&word, other + at, sizeof word);
        differences |= static_cast<std::uint64_t>(load_relaxed<decltype(word)>(shared + at) ^ word);
        at += sizeof word;
    };
    while (at + 8 <= size_bytes) {
        compare(std::uint64_t{});
    }
    if (at + 4 <= size_bytes) {
        compare(std::uint32_t{});
    }
    while (at < size_bytes) {
        compare(std::uint8_t{});
    }
    return differences == 0;
}

inline bool equal_to_shared(const std::uint8_t* shared, const std::uint8_t* other,
                            std::uint64_t size_bytes) {
    return each_word(shared, size_bytes, [&](std::uint64_t at, auto word) {
        std::memcpy(&word, other + at, sizeof word);
        return load_relaxed<decltype(word)>(shared + at) == word;
    });
}

} // namespace skep::maps
