// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/meetings/paths.hpp"

#include <algorithm>

namespace skep::tests::soundness {
namespace {

constexpr std::int64_t kFarthest = 1 << 20; // numbers and distances that are followed

std::int64_t bytes_of(Is object) {
    return object == Is::stack    ? kStackBytes
           : object == Is::value  ? kValueBytes
           : object == Is::packet ? kPacketBytes
                                  : 0;
}

std::size_t slot_of(Content address) { return static_cast<std::size_t>(address.low / 8); }

bool is_inside(Content address, std::int64_t bytes) {
    return address.is_address() && address.low >= 0 &&
           address.high + bytes <= bytes_of(address.is) &&
           (address.is != Is::stack ||
            (address.is_exact() && address.low % 8 + bytes <= 8 && address.low % bytes == 0));
}

Content moved(Content base, std::int64_t low, std::int64_t high) {
    if (low < -kFarthest || high > kFarthest) {
        return base.is_address() ? Content{} : some_number();
    }
    return {base.is, true, low, high};
}

} // namespace

Content sum(Content one, Content other) {
    if (other.is_address()) {
        std::swap(one, other);
    }
    if (one.is == Is::nothing || other.is != Is::number) {
        return {};
    }
    if (!other.is_bounded || (!one.is_address() && !one.is_bounded)) {
        return one.is_address() ? Content{} : some_number();
    }
    if (one.is_address() && one.is != Is::value && !other.is_exact()) {
        return {};
    }
    return moved(one, one.low + other.low, one.high + other.high);
}

Content difference(Content one, Content other) {
    if (one.is_address() && one.is == other.is) {
        return some_number();
    }
    if (one.is == Is::nothing || other.is != Is::number) {
        return {};
    }
    if (!other.is_bounded || !other.is_exact()) {
        return one.is_address() ? Content{} : some_number();
    }
    return sum(one, number_between(-other.low, -other.low));
}

bool may_load(const Path& path, Content address, std::int64_t bytes) {
    if (!is_inside(address, bytes)) {
        return false;
    }
    const Is held = address.is == Is::stack ? path.slots[slot_of(address)].is : Is::number;
    return held == Is::number || (held != Is::nothing && bytes == 8);
}

bool may_store(const Path& path, Content address, std::int64_t bytes, Content what) {
    if (!is_inside(address, bytes) || what.is == Is::nothing) {
        return false;
    }
    if (address.is != Is::stack) {
        return what.is == Is::number;
    }
    return bytes == 8 || (what.is == Is::number && path.slots[slot_of(address)].is == Is::number);
}

Content loaded(const Path& path, Content address, std::int64_t bytes) {
    if (address.is == Is::stack && bytes == 8) {
        return path.slots[slot_of(address)];
    }
    return bytes < 4 ? number_between(0, (std::int64_t{1} << (8 * bytes)) - 1) : some_number();
}

void store(Path& path, Content address, std::int64_t bytes, Content what) {
    if (address.is == Is::stack) {
        path.slots[slot_of(address)] = bytes == 8 ? what : some_number();
    }
}

Paths joined(Paths one, const Paths& other) {
    for (const Path& path : other) {
        if (std::find(one.begin(), one.end(), path) == one.end()) {
            one.push_back(path);
        }
    }
    return one;
}

} // namespace skep::tests::soundness
