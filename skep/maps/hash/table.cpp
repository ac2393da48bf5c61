// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/hash/table.hpp"

namespace skep::maps {
namespace {

constexpr std::uint8_t kEmpty = 0;
constexpr std::uint8_t kClaimed = 1;
constexpr std::uint32_t kErasing = 1U << 31;

using hash_tags::first_byte;
using hash_tags::kOnes;
using hash_tags::tag_of;

} // namespace

std::uint32_t HashShape::bucket_count() const {
    // An eighth more lanes than entries, and one bucket more: spare for probing and for lost lanes.
    const std::uint64_t lanes = std::uint64_t{max_entries} + max_entries / 8 + 1;
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
      head_(reinterpret_cast<HashHead*>(memory + parts.head)),         // NOLINT: our store
      buckets_(reinterpret_cast<HashBucket*>(memory + parts.buckets)), // NOLINT: our store
      elements_(memory + parts.elements),
      secrets_(HashSecrets::from(head_->seed.load(std::memory_order_relaxed))),
      owner_(std::move(owner)) {}

void HashTable::set_seed(std::uint64_t seed) {
    head_->seed.store(seed, std::memory_order_relaxed);
    secrets_ = HashSecrets::from(seed);
}

std::uint32_t HashTable::find(const std::uint8_t* key, std::uint64_t hash) const {
    const std::uint32_t size_bytes = shape_.key_bytes;
    if (size_bytes > 16) {
        return find_where(hash, SameBytes{key, size_bytes});
    }
    const KeyPart part = key_part(key, size_bytes);
    return size_bytes > 8 ? find_where(hash, SameWords<16>{part})
                          : find_where(hash, SameWords<8>{part});
}

HashTable::Writing::Writing(HashTable& table, std::uint64_t hash)
    : home_(table.buckets_[table.home_of(hash)]) {
    const Locked locked = table.owner_.lock(home_.lock);
    held_ = locked != Locked::no;
    if (locked == Locked::taken_over) {
        table.repair(home_);
    }
}

HashTable::Writing::~Writing() {
    if (held_) {
        Owner::unlock(home_.lock);
    }
}

// The lane is claimed before it is counted, so that a death in between never leaves the count too
// high.
std::uint32_t HashTable::claim(const Writing& writing, const std::uint8_t* key, std::uint64_t hash,
                               std::uint32_t count_most) {
    if (count() >= count_most) {
        return kNoLane;
    }
    const std::uint32_t first_bucket = home_of(hash);
    const std::uint32_t lane = claim_lane(writing.home_, home_lane_of(hash));
    if (lane == kNoLane) {
        return kNoLane;
    }
    if (counted(head_->count.fetch_add(1, std::memory_order_relaxed)) >= count_most) {
        head_->count.fetch_sub(1, std::memory_order_relaxed);
        tag(lane).store(kEmpty, std::memory_order_release);
        if (lane / kLanesPerBucket != first_bucket) {
            forget_passing(first_bucket, lane / kLanesPerBucket);
        }
        writing.home_.intent.store(0, std::memory_order_release);
        return kNoLane;
    }
    // A claimed lane is its claimer's alone.
    HashElement& element_head = element(lane);
    const std::uint32_t writing_now = // it may be odd from a writer that died
        element_head.sequence.load(std::memory_order_relaxed) | 1;
    element_head.sequence.store(writing_now, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    copy_to_shared(key_of(lane), key, shape_.key_bytes);
    element_head.mark.store(0, std::memory_order_relaxed);
    element_head.sequence.store(writing_now + 1, std::memory_order_release);
    return lane;
}

bool HashTable::claim_one(HashBucket& home, std::uint32_t lane) {
    std::uint8_t empty = kEmpty;
    if (!tag(lane).compare_exchange_strong(empty, kClaimed, std::memory_order_acq_rel)) {
        return false;
    }
    home.intent.store(lane + 1, std::memory_order_release);
    return true;
}

std::uint32_t HashTable::claim_lane(HashBucket& home, std::uint32_t home_lane) {
    if (tag(home_lane).load(std::memory_order_relaxed) == kEmpty && claim_one(home, home_lane)) {
        return home_lane;
    }
    const std::uint32_t first_bucket = home_lane / kLanesPerBucket;
    std::uint32_t bucket = first_bucket;
    for (std::uint32_t probes = 0; probes < bucket_count_; ++probes, bucket = after(bucket)) {
        const std::uint32_t claimed =
            first_lane(bucket, kEmpty, std::memory_order_relaxed,
                       [&](std::uint32_t lane) { return claim_one(home, lane); });
        if (claimed != kNoLane) {
            return claimed;
        }
        buckets_[bucket].went_past.fetch_add(1, std::memory_order_acq_rel);
    }
    forget_passing(first_bucket, first_bucket); // once round: every bucket was passed
    return kNoLane;
}

// Lowers the count of every bucket from the first up to, not including, the last; all when they are
// one.
void HashTable::forget_passing(std::uint32_t first_bucket, std::uint32_t last_bucket) {
    std::uint32_t bucket = first_bucket;
    do {
        buckets_[bucket].went_past.fetch_sub(1, std::memory_order_acq_rel);
        bucket = after(bucket);
    } while (bucket != last_bucket);
}

void HashTable::publish(const Writing& writing, std::uint32_t lane, std::uint64_t hash) {
    tag(lane).store(tag_of(hash), std::memory_order_release);
    writing.home_.intent.store(0, std::memory_order_release);
}

void HashTable::erase(const Writing& writing, std::uint32_t lane, std::uint64_t hash) {
    HashBucket& home = writing.home_;
    home.intent.store((lane + 1) | kErasing, std::memory_order_release);
    head_->count.fetch_sub(1, std::memory_order_relaxed); // before the lane goes: never too high
    tag(lane).store(kEmpty, std::memory_order_release);
    const std::uint32_t first = home_of(hash);
    const std::uint32_t last = lane / kLanesPerBucket;
    if (first != last) {
        forget_passing(first, last);
    }
    home.intent.store(0, std::memory_order_release);
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
            erasing && state >= 0x80 && &buckets_[home_of(hash(key_of(lane)))] == &home;
        if (half_filled || half_erased) {
            tag(lane).store(kEmpty, std::memory_order_release);
            head_->count.fetch_sub(1, std::memory_order_relaxed);
        }
    }
    home.intent.store(0, std::memory_order_release);
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
