// SPDX-License-Identifier: Apache-2.0
//
// Data plane (but for join). Words that lock a small piece of a shared store, and name who holds
// them.
//
//   a word:  0 free, else   [ generation 22 bits | owner index 10 bits ]
//
// Every view of a store joins its owner region: it takes the lock on one byte of the file (os/
// owner_lock.hpp) and raises that owner's generation. A word is abandoned when the generation it
// names has passed, or when nobody holds that owner's byte any more: then the next writer takes the
// word over and is told so, and repairs what the word guards. Several threads of one view are one
// owner: a thread cannot be killed alone.
//
// Limits: 1,024 views of a store at a time. A stopped (not killed) holder makes writers give up
// with EBUSY after a bounded number of attempts. A child forked by a holder keeps the parent's byte
// locked until the child's first update or its end.
//
// Proved by: hash_concurrency_test.cpp.
#pragma once

#include <atomic>
#include <cstdint>

#include "skep/maps/map.hpp"
#include "skep/os/sharing/owner_lock.hpp"

namespace skep::maps {

inline constexpr std::uint32_t kOwnerIndexBits = 10;
inline constexpr std::uint32_t kOwnersMost = 1U << kOwnerIndexBits;

// The head of every store that has locks.
struct OwnerRegion {
    std::atomic<std::uint32_t> generation[kOwnersMost];
};
static_assert(sizeof(OwnerRegion) == 4096);

enum class Locked : std::uint8_t { no, yes, taken_over };

class Owner {
  public:
    // The table of `files` holds the region, mapped at `region`.
    static Result<Owner> join(const MapFiles& files, OwnerRegion* region);

    // `taken_over`: the last holder died inside; repair before use. `no`: answer EBUSY.
    [[gnu::always_inline]] Locked lock(std::atomic<std::uint32_t>& word) {
        const std::uint32_t mine = token();
        std::uint32_t free = 0;
        if (mine != 0 && word.compare_exchange_strong(free, mine, std::memory_order_acquire))
            [[likely]] {
            return Locked::yes;
        }
        return mine == 0 ? Locked::no : lock_slowly(word, mine);
    }
    // The same without waiting for a holder that lives: `no` when it does. For who holds another
    // word already.
    Locked try_lock(std::atomic<std::uint32_t>& word);
    static void unlock(std::atomic<std::uint32_t>& word) {
        word.store(0, std::memory_order_release);
    }

  private:
    Owner(os::Fd description, OwnerRegion* region, os::ForkSentinel sentinel)
        : description_(std::move(description)), region_(region), sentinel_(std::move(sentinel)) {}

    std::uint32_t token() {
        const std::uint32_t mine = sentinel_.first().load(std::memory_order_relaxed);
        return mine != 0 ? mine : rejoin();
    }
    std::uint32_t rejoin();
    std::uint32_t take_index();
    Locked lock_slowly(std::atomic<std::uint32_t>& word, std::uint32_t mine);
    [[nodiscard]] bool is_gone(std::uint32_t holder, std::uint32_t mine) const;

    os::Fd description_;
    OwnerRegion* region_;
    os::ForkSentinel sentinel_; // first: this process's token; second: a thread is joining
};

} // namespace skep::maps
