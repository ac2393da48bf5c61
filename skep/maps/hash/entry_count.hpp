// SPDX-License-Identifier: Apache-2.0
//
// Data plane. EntryCount: how many entries a hash map has, and whether one more may come in.
//
// One number that every insertion and every deletion changes is what all CPUs would wait for. So a
// deletion that is far from the limit leaves its entry with its bucket, where the next insertion
// finds it (`kept`, eight at most), and the common count changes only when a bucket has none or too
// many. Common count = entries in the map + entries that buckets keep.
//
// Who finds the common count at its limit recalls what buckets keep (HashTable::recall), and only
// then is the map full. That looks at every bucket, but seldom: nothing is kept while the common
// count is within an eighth of the limit, so between two recalls that find something there are as
// many insertions; `some_kept` says that there is nothing to find.
//
// Orders. `kept` belongs to the holder of its bucket's lock and needs no order of its own. The
// count is one number whose changes are atomic; nobody infers anything of other memory from it:
// relaxed. `some_kept` is set behind `kept`, by the bucket's holder, unless it is set. A recall
// clears it and then holds every bucket in turn: whoever had the bucket before is seen by that, and
// whoever has it after sees by it that the mark is gone, and sets it again. So that is relaxed as
// well.
//
// Deaths. An entry is kept or counted down before its lane is emptied, and a lane is claimed before
// its entry is taken: a death in between makes the count one too low. Who dies between taking an
// entry and showing its key leaves the count one too high until its bucket is repaired: by who next
// writes there, or by those who find the map full (HashTable::repair_some).
//
// Proved by: hash_map_test.cpp (exact through any order of insertions and deletions),
// hash_concurrency_test.cpp, shared/death_test.cpp.
#pragma once

#include <atomic>
#include <cstdint>

namespace skep::maps {

class EntryCount {
  public:
    struct Head {
        std::atomic<std::uint32_t> count;
        std::atomic<std::uint32_t> some_kept; // or there was
        std::atomic<std::uint32_t> recalling; // a lock word: held by who recalls
    };
    using Kept = std::atomic<std::uint32_t>; // of one bucket, which the caller holds

    // `lanes`: what is above it is a count that deaths left below zero.
    EntryCount(Head& head, std::uint32_t most, std::uint32_t lanes)
        : head_(&head), most_(most), lanes_(lanes),
          keep_below_(most < kLeastMost ? 0 : most - most / 8) {}

    [[nodiscard]] std::uint32_t common() const {
        return counted(head_->count.load(std::memory_order_relaxed));
    }
    [[nodiscard]] bool is_full() const { return common() >= most_; }
    [[nodiscard]] Head& head() const { return *head_; }

    // An entry for an insertion; false when there is none.
    [[nodiscard]] bool take(Kept& kept) {
        const std::uint32_t here = kept.load(std::memory_order_relaxed);
        if (here != 0) {
            kept.store(here - 1, std::memory_order_relaxed);
            return true;
        }
        if (counted(head_->count.fetch_add(1, std::memory_order_relaxed)) < most_) [[likely]] {
            return true;
        }
        drop();
        return false;
    }
    // The entry of a deletion.
    void give_back(Kept& kept) {
        const std::uint32_t here = kept.load(std::memory_order_relaxed);
        if (here >= kKeptMost || common() >= keep_below_) {
            drop();
            return;
        }
        kept.store(here + 1, std::memory_order_relaxed);
        if (head_->some_kept.load(std::memory_order_relaxed) == 0) {
            head_->some_kept.store(1, std::memory_order_relaxed);
        }
    }
    void drop() { head_->count.fetch_sub(1, std::memory_order_relaxed); }

  private:
    static constexpr std::uint32_t kKeptMost = 8;
    static constexpr std::uint32_t kLeastMost = 64; // smaller maps keep nothing

    [[nodiscard]] std::uint32_t counted(std::uint32_t count) const {
        return count > lanes_ ? 0 : count; // below zero
    }

    Head* head_;
    std::uint32_t most_;
    std::uint32_t lanes_;
    std::uint32_t keep_below_;
};

} // namespace skep::maps
