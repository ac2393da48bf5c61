// SPDX-License-Identifier: Apache-2.0
//
// Data plane (but for its making). ValueShape: which bytes of a value are plain, and which are
// locks, timers and pointers that an update leaves alone and a user reads as zero.
//
// BPF_F_LOCK copies while holding the lock inside the value. That word lies where clients of
// mmapable arrays can write, so it is never trusted: a writer waits for it only so long, then takes
// it. What a program does between bpf_spin_lock and bpf_spin_unlock is bounded by the verifier to a
// few microseconds, so a lock held for tens of milliseconds belongs to the dead.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <vector>

#include "skep/maps/map.hpp"
#include "skep/maps/shared/words.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep::maps {

void lock_value(std::uint32_t* word);
void unlock_value(std::uint32_t* word);

class ValueShape {
  public:
    explicit ValueShape(const spec::MapSpec& spec);

    [[nodiscard]] bool has_lock() const { return lock_offset_.has_value(); }
    [[nodiscard]] std::uint32_t size_bytes() const { return size_bytes_; }

    // `locked`: hold the value's lock while copying.
    void write(std::uint8_t* shared, const std::uint8_t* from, bool locked = false) const {
        if (is_plain_) [[likely]] {
            copy_to_shared(shared, from, size_bytes_);
        } else {
            write_around_fields(shared, from, locked);
        }
    }
    void read(std::uint8_t* to, const std::uint8_t* shared, bool locked = false) const;
    // A new element: special fields begin as zero.
    void write_new(std::uint8_t* shared, const std::uint8_t* from) const {
        if (!is_plain_) [[unlikely]] {
            clear_fields(shared);
        }
        write(shared, from);
    }

    // The errors common to all updates: unknown flags, or a lock asked for where there is none.
    [[nodiscard]] int check_update_flags(std::uint64_t flags) const {
        if ((flags & ~std::uint64_t{kLock}) > kExist) {
            return -EINVAL;
        }
        return (flags & kLock) != 0 && !has_lock() ? -EINVAL : 0;
    }

  private:
    struct Range {
        std::uint32_t offset_bytes;
        std::uint32_t size_bytes;
    };
    void write_around_fields(std::uint8_t* shared, const std::uint8_t* from, bool locked) const;
    void clear_fields(std::uint8_t* shared) const;
    [[nodiscard]] std::uint32_t* lock_word(const std::uint8_t* shared) const;

    std::uint32_t size_bytes_;
    bool is_plain_ = true;     // no fields
    std::vector<Range> plain_; // what is left between the fields
    std::vector<Range> special_;
    std::optional<std::uint32_t> lock_offset_;
};

} // namespace skep::maps
