// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/hash/table.hpp"

#include <algorithm>

namespace skep::maps {
namespace {

constexpr std::uint32_t kErasing = 1U << 31;
constexpr int kRoundsMost = 1 << 12;     // of looking for a lane while its bucket is busy
constexpr std::uint32_t kLooksMost = 16; // at buckets, for each insertion that finds the map full

using hash_tags::first_byte;
using hash_tags::kOnes;

} // namespace

std::uint32_t HashShape::bucket_count() const {
    // More lanes than entries, and one bucket more: spare for probing and for lost lanes. An eighth
    // more; a quarter where a map is full for most of its life, and misses go past full buckets.
    const std::uint64_t lanes = std::uint64_t{max_entries} + max_entries / (is_lru ? 4 : 8) + 1;
    return static_cast<std::uint32_t>(lanes / kLanesPerBucket + 1);
}

HashTable::Parts HashTable::plan(Layout& layout, const HashShape& shape) {
    Parts parts{};
    parts.head = layout.add(1, sizeof(HashHead), 4096);
    parts.buckets = layout.add(shape.bucket_count(), sizeof(HashBucket), 4096);
    parts.elements = layout.add(std::uint64_t{shape.bucket_count()} * kLanesPerBucket,
                                shape.element_stride(), 4096);
    return parts;
}

HashTable::HashTable(const HashShape& shape, const Parts& parts, std::uint8_t* memory, Owner owner)
    : shape_(shape), bucket_count_(shape.bucket_count()), stride_(shape.element_stride()),
      padded_key_bytes_(round_up(shape.key_bytes, 8)),
      head_(reinterpret_cast<HashHead*>(memory + parts.head)), // NOLINT: laid out by plan()
      entries_(head_->entries, shape.max_entries, bucket_count_ * kLanesPerBucket),
      buckets_(reinterpret_cast<HashBucket*>(memory + parts.buckets)), // NOLINT: our store
      elements_(memory + parts.elements),
      secrets_(HashSecrets::from(head_->seed.load(std::memory_order_relaxed))),
      owner_(std::move(owner)) {}

void HashTable::set_seed(std::uint64_t seed) {
    head_->seed.store(seed, std::memory_order_relaxed);
    secrets_ = HashSecrets::from(seed);
}

HomeLanes HashTable::home_lanes() const {
    HomeLanes home;
    if (shape_.key_bytes > HomeLanes::kKeyMost) {
        return home;
    }
    home.shape.lanes = lane_count();
    home.shape.stride_bytes = stride_;
    home.shape.value_at = HomeLanes::kKeyAt + padded_key_bytes_;
    home.buckets = buckets_;
    home.elements = elements_;
    home.secret_low = secrets_.low;
    home.secret_high = secrets_.high;
    return home;
}

std::uint64_t HashTable::stored_hash(std::uint32_t lane) const {
    const std::uint8_t* stored = key_of(lane);
    return hash_parts(
        shape_.key_bytes, secrets_, [stored](std::uint32_t at, std::uint32_t part_bytes) {
            return KeyPart{load_relaxed<std::uint64_t>(stored + at),
                           part_bytes > 8 ? load_relaxed<std::uint64_t>(stored + at + 8)
                                          : std::uint64_t{0}};
        });
}

// The lane is claimed before its entry is taken: a death in between never leaves the count too
// high.
std::uint32_t HashTable::claim(const Writing& writing, std::uint64_t hash) {
    HashBucket& home = writing.home_;
    const bool counts = !shape_.is_lru;
    if (counts && home.kept.load(std::memory_order_relaxed) == 0 && entries_.is_full()) {
        return kNoEntry;
    }
    std::uint32_t lane = home_lane_of(hash);
    if (tag(lane).load(std::memory_order_acquire) == kEmpty) [[likely]] {
        take(home, lane);
    } else {
        lane = claim_elsewhere(home, lane / kLanesPerBucket);
    }
    if (lane < kNoEntry && counts && !entries_.take(home.kept)) [[unlikely]] {
        abandon(writing, lane, hash);
        return kNoEntry;
    }
    return lane;
}

// The intent goes before the lane, which somebody else may claim at once: a repair must not take it
// from them.
void HashTable::abandon(const Writing& writing, std::uint32_t lane, std::uint64_t hash) {
    writing.home_.intent.store(0, std::memory_order_release);
    vacate(lane, home_of(hash));
}

void HashTable::vacate(std::uint32_t lane, std::uint32_t first_bucket) {
    tag(lane).store(kEmpty, std::memory_order_release);
    if (lane / kLanesPerBucket != first_bucket) {
        forget_passing(first_bucket, lane / kLanesPerBucket);
    }
}

// Precondition: the bucket is held, and so is the home.
std::uint32_t HashTable::claim_in(HashBucket& home, std::uint32_t bucket) {
    return first_lane(bucket, kEmpty, [&](std::uint32_t lane) {
        take(home, lane);
        return true;
    });
}

// Busy buckets are asked again in a later round, which begins at home: there may be room by now.
std::uint32_t HashTable::claim_elsewhere(HashBucket& home, std::uint32_t first_bucket) {
    std::uint32_t lane = claim_in_a_round(home, first_bucket);
    for (int round = 1; lane == kBusyLane && round < kRoundsMost; ++round) {
        os::yield_thread();
        lane = claim_in_a_round(home, first_bucket);
    }
    return lane;
}

std::uint32_t HashTable::claim_in_a_round(HashBucket& home, std::uint32_t first_bucket) {
    std::uint32_t lane = claim_in(home, first_bucket);
    std::uint32_t bucket = first_bucket;
    bool was_busy = false;
    for (std::uint32_t probes = 1; lane == kNoLane && probes < bucket_count_; ++probes) {
        buckets_[bucket].went_past.fetch_add(1, std::memory_order_acq_rel);
        bucket = after(bucket);
        HashBucket& other = buckets_[bucket];
        if (first_lane(bucket, kEmpty, [](std::uint32_t) { return true; }) == kNoLane) {
            continue;
        }
        const Locked locked = owner_.try_lock(other.lock);
        if (locked == Locked::no) {
            was_busy = true;
            continue;
        }
        if (locked == Locked::taken_over) {
            repair(other);
        }
        lane = claim_in(home, bucket);
        Owner::unlock(other.lock);
    }
    if (lane != kNoLane) {
        return lane;
    }
    if (bucket != first_bucket) {
        forget_passing(first_bucket, bucket);
    }
    return was_busy ? kBusyLane : kNoLane;
}

// Lowers the passing count of every bucket from the first up to, not including, the last.
void HashTable::forget_passing(std::uint32_t first_bucket, std::uint32_t last_bucket) {
    for (std::uint32_t bucket = first_bucket; bucket != last_bucket; bucket = after(bucket)) {
        buckets_[bucket].went_past.fetch_sub(1, std::memory_order_acq_rel);
    }
}

void HashTable::erase(const Writing& writing, std::uint32_t lane, std::uint64_t hash) {
    writing.home_.intent.store((lane + 1) | kErasing, std::memory_order_release);
    if (!shape_.is_lru) {
        entries_.give_back(writing.home_.kept); // before the lane goes: never too high
    }
    vacate(lane, home_of(hash));
    writing.home_.intent.store(0, std::memory_order_release);
}

// The bucket's last writer died while holding it. Passing counts are left too high, which only
// makes look-ups longer; a lane that was being filled or emptied is emptied.
void HashTable::repair(HashBucket& home) {
    const std::uint32_t intent = home.intent.load(std::memory_order_acquire);
    const std::uint32_t lane = (intent & ~kErasing) - 1;
    if (intent != 0 && lane < lane_count()) {
        const bool erasing = (intent & kErasing) != 0;
        const std::uint8_t state = tag(lane).load(std::memory_order_acquire);
        // The lane of an unfinished insertion is its writer's until this bucket is repaired; an
        // erased one may already belong to a key of another home.
        const bool half_filled = !erasing && state == kClaimed;
        const bool half_erased =
            erasing && state >= 0x80 && &buckets_[home_of(stored_hash(lane))] == &home;
        if (half_filled || half_erased) {
            if (!shape_.is_lru) {
                entries_.drop();
            }
            tag(lane).store(kEmpty, std::memory_order_release);
        }
    }
    home.intent.store(0, std::memory_order_release);
}

// One after another: a death in between leaves the count one too low at most.
bool HashTable::recall() {
    EntryCount::Head& head = head_->entries;
    if (head.some_kept.load(std::memory_order_acquire) == 0 &&
        head.recalling.load(std::memory_order_acquire) == 0) {
        return !entries_.is_full() || repair_some(); // somebody else may just have recalled
    }
    const Locked locked = owner_.lock(head.recalling);
    if (locked == Locked::no) {
        return false;
    }
    if (locked == Locked::taken_over || entries_.is_full()) {
        head.some_kept.store(0, std::memory_order_relaxed);
        for (std::uint32_t bucket = 0; bucket < bucket_count_; ++bucket) {
            recall_from(buckets_[bucket]);
        }
    }
    Owner::unlock(head.recalling);
    return !entries_.is_full();
}

// Who died while inserting has an entry until its bucket is repaired, and nobody may come to that
// bucket but by this. Insertions that find the map full go round the buckets, each a few further.
bool HashTable::repair_some() {
    std::uint32_t bucket = head_->looked_to.load(std::memory_order_relaxed) % bucket_count_;
    for (std::uint32_t looks = std::min(bucket_count_, kLooksMost); looks != 0; --looks) {
        bucket = after(bucket);
        HashBucket& other = buckets_[bucket];
        if (other.lock.load(std::memory_order_relaxed) == 0) {
            continue;
        }
        const Locked locked = owner_.try_lock(other.lock);
        if (locked == Locked::taken_over) {
            repair(other);
        }
        if (locked != Locked::no) {
            Owner::unlock(other.lock);
        }
    }
    head_->looked_to.store(bucket, std::memory_order_relaxed);
    return !entries_.is_full();
}

void HashTable::recall_from(HashBucket& bucket) {
    const Locked locked = owner_.lock(bucket.lock);
    if (locked == Locked::no) {
        head_->entries.some_kept.store(1, std::memory_order_relaxed);
        return;
    }
    if (locked == Locked::taken_over) {
        repair(bucket);
    }
    for (std::uint32_t kept = bucket.kept.load(std::memory_order_relaxed); kept != 0; --kept) {
        entries_.drop();
        bucket.kept.store(kept - 1, std::memory_order_relaxed);
    }
    Owner::unlock(bucket.lock);
}

std::uint32_t HashTable::entry_count() const {
    std::uint32_t count = entries_.common();
    for (std::uint32_t bucket = 0; bucket < bucket_count_; ++bucket) {
        const std::uint32_t kept = buckets_[bucket].kept.load(std::memory_order_relaxed);
        count -= std::min(kept, count);
    }
    return count;
}

std::uint32_t HashTable::next_lane(std::uint64_t from) const {
    for (std::uint64_t lane = from; lane < lane_count();) {
        const std::uint64_t word =
            buckets_[lane / kLanesPerBucket].tags[lane % kLanesPerBucket / 8].load(
                std::memory_order_acquire);
        const std::uint64_t occupied = (word & (kOnes << 7)) >> (lane % 8 * 8);
        if (occupied != 0) {
            return static_cast<std::uint32_t>(lane + first_byte(occupied));
        }
        lane += 8 - lane % 8;
    }
    return kNoLane;
}

bool HashTable::read_key(std::uint32_t lane, std::uint8_t* key) const {
    const HashElement& element_head = element(lane);
    const std::uint32_t before = element_head.sequence.load(std::memory_order_acquire);
    copy_from_shared(key, key_of(lane), shape_.key_bytes);
    std::atomic_thread_fence(std::memory_order_acquire);
    return (before & 1) == 0 && element_head.sequence.load(std::memory_order_relaxed) == before &&
           is_occupied(lane);
}

} // namespace skep::maps
