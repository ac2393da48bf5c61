// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Keys that are indexes, as all arrays have them: 4 bytes, every one below the count.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace skep::maps {

inline std::uint32_t index_of(const std::uint8_t* key) {
    std::uint32_t index = 0;
    std::memcpy(&index, key, sizeof index);
    return index;
}

// Map::next_key: the first index after none and after what is no index; nothing after the last.
inline int next_index(const std::uint8_t* key, std::uint32_t count, std::uint8_t* next) {
    const std::uint32_t index = key == nullptr ? count : index_of(key);
    if (index < count && index + 1 == count) {
        return -ENOENT;
    }
    const std::uint32_t following = index >= count ? 0 : index + 1;
    std::memcpy(next, &following, sizeof following);
    return 0;
}

} // namespace skep::maps
