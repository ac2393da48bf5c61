// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/map.hpp"

#include <cerrno>

#include "skep/base/kernel_errno.hpp"
#include "skep/maps/shared/words.hpp"

namespace skep::maps {

int Map::push(const std::uint8_t*, std::uint64_t) { return -EOPNOTSUPP; }
int Map::pop(std::uint8_t*) { return -EOPNOTSUPP; }
int Map::peek(std::uint8_t*) { return -EOPNOTSUPP; }

bool Map::element_from(std::uint64_t, std::uint32_t, Element&) { return false; }

bool Map::owns(const void*, std::uint64_t) const { return false; }

bool Map::lies_inside(const os::Mapping& memory, const void* address, std::uint64_t size_bytes) {
    const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    return at >= begin && at - begin <= memory.size() && size_bytes <= memory.size() - (at - begin);
}

std::uint32_t Map::user_value_bytes() const { return spec().value_size_bytes; }

int Map::read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t) {
    const std::uint8_t* stored = lookup(key, 0);
    if (stored == nullptr) {
        return -ENOENT;
    }
    if (value.size() < user_value_bytes()) {
        return -EINVAL;
    }
    copy_from_shared(value.data(), stored, user_value_bytes());
    return 0;
}

int Map::write_user(const std::uint8_t* key, Bytes value, std::uint64_t flags) {
    if (value.size() < user_value_bytes()) {
        return -EINVAL;
    }
    return update(key, value.data(), flags, 0);
}

int Map::take_user(const std::uint8_t*, MutableBytes, std::uint64_t) { return -kNotSupported; }

} // namespace skep::maps
