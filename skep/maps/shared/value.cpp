// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/shared/value.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "skep/os/sharing/owner_lock.hpp"

namespace skep::maps {
namespace {

constexpr std::uint32_t kSpins = 256;
constexpr std::uint32_t kYieldsMost = 1U << 16;

} // namespace

void lock_value(std::uint32_t* word) {
    const std::atomic_ref<std::uint32_t> lock(*word);
    for (std::uint32_t attempt = 0; attempt < kYieldsMost; ++attempt) {
        std::uint32_t free = 0;
        if (lock.compare_exchange_weak(free, 1, std::memory_order_acquire)) {
            return;
        }
        if (attempt >= kSpins) {
            os::yield_thread();
        }
    }
    lock.store(1, std::memory_order_release); // its holder is dead, or a client wrote here
}

void unlock_value(std::uint32_t* word) {
    std::atomic_ref<std::uint32_t>(*word).store(0, std::memory_order_release);
}

ValueShape::ValueShape(const spec::MapSpec& spec) : size_bytes_(spec.value_size_bytes) {
    std::uint32_t plain_from = 0;
    for (const spec::ValueField& field : spec.value_fields) {
        const bool inside = field.offset_bytes >= plain_from && field.offset_bytes <= size_bytes_ &&
                            field.size_bytes <= size_bytes_ - field.offset_bytes;
        if (!inside) {
            continue; // overlapping or outside: such a description has no meaning
        }
        if (field.offset_bytes > plain_from) {
            plain_.push_back({plain_from, field.offset_bytes - plain_from});
        }
        special_.push_back({field.offset_bytes, field.size_bytes});
        plain_from = field.offset_bytes + field.size_bytes;
        if (field.kind == spec::FieldKind::spin_lock && field.offset_bytes % 4 == 0) {
            lock_offset_ = field.offset_bytes;
        }
    }
    if (plain_from < size_bytes_) {
        plain_.push_back({plain_from, size_bytes_ - plain_from});
    }
    is_plain_ = special_.empty();
}

std::uint32_t* ValueShape::lock_word(const std::uint8_t* shared) const {
    return reinterpret_cast<std::uint32_t*>(const_cast<std::uint8_t*>(shared) + *lock_offset_);
}

void ValueShape::write_around_fields(std::uint8_t* shared, const std::uint8_t* from,
                                     bool locked) const {
    const bool lock = locked && has_lock();
    if (lock) {
        lock_value(lock_word(shared));
    }
    for (const Range& range : plain_) {
        copy_to_shared(shared + range.offset_bytes, from + range.offset_bytes, range.size_bytes);
    }
    if (lock) {
        unlock_value(lock_word(shared));
    }
}

void ValueShape::read(std::uint8_t* to, const std::uint8_t* shared, bool locked) const {
    if (is_plain_) [[likely]] {
        copy_from_shared(to, shared, size_bytes_);
        return;
    }
    const bool lock = locked && has_lock();
    if (lock) {
        lock_value(lock_word(shared));
    }
    for (const Range& range : plain_) {
        copy_from_shared(to + range.offset_bytes, shared + range.offset_bytes, range.size_bytes);
    }
    if (lock) {
        unlock_value(lock_word(shared));
    }
    for (const Range& range : special_) {
        std::memset(to + range.offset_bytes, 0, range.size_bytes);
    }
}

void ValueShape::clear_fields(std::uint8_t* shared) const {
    for (const Range& range : special_) {
        clear_shared(shared + range.offset_bytes, range.size_bytes);
    }
}

} // namespace skep::maps
