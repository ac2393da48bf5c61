// SPDX-License-Identifier: Apache-2.0
#include "apps/runtime/tables.hpp"

namespace skep::runtime {

std::optional<std::uint32_t> Tables::number_of(const skep_program& program) {
    const std::lock_guard hold(lock_);
    const std::uint32_t count = program_count_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < count; ++i) {
        if (programs_[i].entry == program.entry) { // told by its code: each source file that
            return i + 1;                          // includes the header has a record of its own
        }
    }
    if (count == kProgramsMost) {
        return std::nullopt;
    }
    programs_[count] = program;
    program_count_.store(count + 1, std::memory_order_release);
    return count + 1;
}

std::optional<std::uint32_t> Tables::number_of(maps::Map& map) {
    const std::lock_guard hold(lock_);
    for (std::uint32_t i = 0; i < map_count_; ++i) {
        if (maps_[i].load(std::memory_order_relaxed) == &map) {
            return i + 1;
        }
    }
    if (map_count_ == kMapsMost) {
        return std::nullopt;
    }
    maps_[map_count_].store(&map, std::memory_order_release);
    return ++map_count_;
}

const skep_program* Tables::program(std::uint32_t number) const {
    return number - 1 < program_count_.load(std::memory_order_acquire) ? &programs_[number - 1]
                                                                       : nullptr;
}

maps::Map* Tables::map(std::uint32_t number) const {
    return number - 1 < kMapsMost ? maps_[number - 1].load(std::memory_order_acquire) : nullptr;
}

void Tables::forget(const maps::Map& map) {
    const std::lock_guard hold(lock_);
    for (std::uint32_t i = 0; i < map_count_; ++i) {
        if (maps_[i].load(std::memory_order_relaxed) == &map) {
            maps_[i].store(nullptr, std::memory_order_release);
        }
    }
}

Tables& tables() {
    static Tables all;
    return all;
}

} // namespace skep::runtime
