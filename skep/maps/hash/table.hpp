// SPDX-License-Identifier: Apache-2.0
//
// Data plane (but for its making). HashTable: from keys to lanes, shared between processes.
//
//   bucket (32 bytes):  16 tags | lock word | intent | how many keys went past | kept
//   lane l of bucket b: element 16 * b + l = { sequence, mark, key padded to 8, room for the value
//   }
//
// Open addressing over buckets of sixteen. A key's home lane, and with it its home bucket, comes
// from the high half of its hash and its tag (0x80 | 7 bits) from the low half. A key lies in its
// home lane when that was free, which a reader tries first, or else anywhere in the bucket; a full
// bucket sends the key on to the next, and counts it as having gone past, so that a reader stops at
// the first bucket that nobody went past.
// A tag of 0 is an empty lane, 1 one that a writer has claimed. Lanes never move; an emptied lane
// may be taken again at once, as in the kernel's preallocated tables: a program that still holds
// the old value's address then sees another element's value, and never memory outside the table.
//
// Readers never wait and never retry. A lane's sequence is odd while its key is being written; a
// reader whose comparison saw the sequence change takes the lane as no match. That is a right
// answer: the key was absent at some moment during the look-up. Writers of a key hold the lock word
// of its home bucket (shared/owner.hpp), so one key has one writer. A lane is claimed only by who
// holds its bucket, so that a plain store claims it; whoever goes past a full home holds one more
// bucket for that moment. That one is only tried for: a writer that finds it busy goes on to the
// next, so that writers never wait for each other in a ring.
//
// Orders. What a lock word guards (claims, intents, the key of a claimed lane) is ordered by taking
// it (acquire) and letting go (release). A lane becomes empty without its bucket being held, by a
// release store of its tag; who claims it has seen that by an acquire load, so all that the last
// owner did to the element comes before what the next one does. A tag that makes a lane visible is
// a release store after key and value, and look-ups load tags by acquire. Deaths order nothing
// beyond the program: what a dead writer stored before it died is seen, in program order, by the
// next holder of the lock word, and the compiler keeps `intent` behind the claim since it is a
// release store.
//
// When a writer dies, the next one at that bucket finishes or undoes what `intent` names. In the
// few instructions between a claim and its record, a death may cost one lane or leave the count one
// low, never too high; capacity has spare lanes for that, and a count that deaths left below zero
// counts as none. Nothing can be lost or found twice.
//
// Generated code tries the home lane by itself (home_lane.hpp): who changes where keys, tags or
// sequences lie, or how readers read them, changes that too.
//
// Proved by: hash_map_test.cpp (against std::map), hash_concurrency_test.cpp (threads, forks, a
// kill), shared/death_test.cpp (a writer killed at every instruction).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "skep/maps/hash/entry_count.hpp"
#include "skep/maps/hash/hash_key.hpp"
#include "skep/maps/hash/hash_tags.hpp"
#include "skep/maps/hash/home_lane.hpp"
#include "skep/maps/shared/owner.hpp"
#include "skep/maps/shared/store.hpp"
#include "skep/maps/shared/words.hpp"

namespace skep::maps {

inline constexpr std::uint32_t kNoLane = ~0U;
// From claim(), besides a lane: a free lane's bucket is held; or there are as many entries as may
// be.
inline constexpr std::uint32_t kBusyLane = ~0U - 1;
inline constexpr std::uint32_t kNoEntry = ~0U - 2;

struct HashBucket {
    std::atomic<std::uint64_t> tags[2];
    std::atomic<std::uint32_t> lock;
    std::atomic<std::uint32_t> intent; // 0, or lane + 1 with kErasing when it is being emptied
    std::atomic<std::uint32_t> went_past;
    EntryCount::Kept kept; // entries that are free and stay with this bucket
};
static_assert(sizeof(HashBucket) == HomeLanes::kBucketBytes && offsetof(HashBucket, tags) == 0);

struct HashElement {
    std::atomic<std::uint32_t> sequence;
    std::atomic<std::uint32_t> mark; // used since it was last looked at for eviction
};
static_assert(offsetof(HashElement, sequence) == HomeLanes::kSequenceAt &&
              offsetof(HashElement, mark) == HomeLanes::kMarkAt &&
              sizeof(HashElement) == HomeLanes::kKeyAt);

struct HashHead {
    OwnerRegion owners;
    std::atomic<std::uint64_t> seed;
    EntryCount::Head entries;
    std::atomic<std::uint32_t> looked_to; // the bucket up to which repair_some() came; a hint
};

struct HashShape {
    std::uint32_t max_entries = 0;
    std::uint32_t key_bytes = 0;
    std::uint64_t value_bytes = 0; // in the element; per-CPU values lie elsewhere
    bool is_lru = false;           // who may come in is counted elsewhere, and there are more lanes

    [[nodiscard]] std::uint32_t bucket_count() const;
    [[nodiscard]] std::uint64_t element_stride() const {
        return 8 + round_up(key_bytes, 8) + round_up(value_bytes, 8);
    }
};

class HashTable {
  public:
    // Adds the table's parts to the layout of a store; `bind` then finds them in its memory.
    struct Parts {
        std::uint64_t head, buckets, elements;
    };
    static Parts plan(Layout& layout, const HashShape& shape);
    HashTable(const HashShape& shape, const Parts& parts, std::uint8_t* memory, Owner owner);

    // Reads a key once and calls then(wanted), for find() and the writers below, with its hash and
    // with how it is compared and stored. `key_bytes`: the size of the table's keys where the
    // compiler knows it, and sixteen at most; 0: the table knows it, and it may be larger.
    template <std::uint32_t key_bytes, KeyPieces pieces, class Then>
    [[gnu::always_inline]] auto with_key(const std::uint8_t* key, Then then) const;

    [[nodiscard]] std::uint32_t find(const std::uint8_t* key) const {
        return find_in_pieces<KeyPieces::halves>(key);
    }
    template <std::uint32_t key_bytes, KeyPieces pieces>
    [[nodiscard]] [[gnu::always_inline]] std::uint32_t find_by_size(const std::uint8_t* key) const {
        if constexpr (key_bytes != 0) {
            const KeyPart part = key_part<pieces>(key, key_bytes);
            return find_where(hash_part(part, secrets_), SameWords<key_bytes>{part});
        } else {
            return find_in_pieces<pieces>(key);
        }
    }
    template <KeyPieces pieces>
    [[nodiscard]] [[gnu::noinline]] std::uint32_t find_in_pieces(const std::uint8_t* key) const {
        return with_key<0, pieces>(key, [&](const auto& wanted) { return find(wanted); });
    }
    template <class Same>
    struct Wanted {
        std::uint64_t hash;
        Same same;
    };
    template <class Same>
    [[nodiscard]] [[gnu::always_inline]] std::uint32_t find(const Wanted<Same>& wanted) const {
        return find_where(wanted.hash, wanted.same);
    }
    // The hash of the key that is stored in a lane; meaningless when that changes meanwhile.
    [[nodiscard]] std::uint64_t stored_hash(std::uint32_t lane) const;

    // Holds the home bucket of a hash for writing. `held` is false when that failed: answer EBUSY.
    class Writing {
      public:
        [[gnu::always_inline]] Writing(HashTable& table, std::uint64_t hash)
            : home_(table.buckets_[table.home_of(hash)]) {
            const Locked locked = table.owner_.lock(home_.lock);
            held_ = locked != Locked::no;
            if (locked == Locked::taken_over) [[unlikely]] {
                table.repair(home_);
            }
        }
        [[gnu::always_inline]] ~Writing() {
            if (held_) {
                Owner::unlock(home_.lock);
            }
        }
        Writing(const Writing&) = delete;
        Writing& operator=(const Writing&) = delete;
        [[nodiscard]] bool held() const { return held_; }

      private:
        friend class HashTable;
        HashBucket& home_;
        bool held_;
    };

    // Precondition of these: the home bucket of the key is held.
    // A lane for a key that is not in the table, not yet visible and its key not yet written:
    // kNoLane when all are taken, kBusyLane when somebody held up the last free ones, kNoEntry when
    // there are enough: then recall() may find room.
    std::uint32_t claim(const Writing& writing, std::uint64_t hash);
    template <class Same>
    void write_key(std::uint32_t lane, const Wanted<Same>& wanted);
    // Gives a claimed lane up again.
    void abandon(const Writing& writing, std::uint32_t lane, std::uint64_t hash);
    // Makes a claimed lane visible; its key and value must be complete.
    void publish(const Writing& writing, std::uint32_t lane, std::uint64_t hash) {
        tag(lane).store(hash_tags::tag_of(hash), std::memory_order_release);
        writing.home_.intent.store(0, std::memory_order_release);
    }
    void erase(const Writing& writing, std::uint32_t lane, std::uint64_t hash);

    // Takes back what buckets keep for themselves, when nothing else is left, and in time what the
    // dead had taken; false when the map is full. Precondition: this thread holds no bucket.
    bool recall();
    [[nodiscard]] std::uint32_t entry_count() const;

    // The first occupied lane at `from` or later; kNoLane at the end.
    [[nodiscard]] std::uint32_t next_lane(std::uint64_t from) const;
    // Copies the key; false when the lane was emptied or reused meanwhile.
    bool read_key(std::uint32_t lane, std::uint8_t* key) const;
    [[nodiscard]] bool is_occupied(std::uint32_t lane) const {
        return tag(lane).load(std::memory_order_acquire) >= 0x80;
    }
    [[nodiscard]] bool is_taken(std::uint32_t lane) const { // occupied or claimed
        return tag(lane).load(std::memory_order_acquire) != kEmpty;
    }

    [[nodiscard]] std::uint8_t* key_of(std::uint32_t lane) const {
        return element_bytes(lane) + sizeof(HashElement);
    }
    [[nodiscard]] std::uint8_t* value_of(std::uint32_t lane) const {
        return key_of(lane) + padded_key_bytes_;
    }
    [[nodiscard]] HashElement& element(std::uint32_t lane) const {
        return *reinterpret_cast<HashElement*>(element_bytes(lane)); // NOLINT: our store
    }
    [[nodiscard]] std::uint32_t lane_count() const { return bucket_count_ * kLanesPerBucket; }
    void set_seed(std::uint64_t seed);
    // None when keys are longer than it can say.
    [[nodiscard]] HomeLanes home_lanes() const;
    Owner& owner() { return owner_; }

  private:
    static constexpr std::uint8_t kEmpty = 0;
    static constexpr std::uint8_t kClaimed = 1;

    [[nodiscard]] std::uint8_t* element_bytes(std::uint32_t lane) const {
        return elements_ + lane * stride_;
    }
    [[nodiscard]] std::uint32_t home_lane_of(std::uint64_t hash) const {
        return static_cast<std::uint32_t>(((hash >> 32) * lane_count()) >> 32);
    }
    [[nodiscard]] std::uint32_t home_of(std::uint64_t hash) const {
        return home_lane_of(hash) / kLanesPerBucket;
    }
    [[nodiscard]] std::uint32_t after(std::uint32_t bucket) const {
        return bucket + 1 == bucket_count_ ? 0 : bucket + 1;
    }
    [[nodiscard]] std::atomic_ref<std::uint8_t> tag(std::uint32_t lane) const {
        auto* bytes = reinterpret_cast<std::uint8_t*>(
            buckets_[lane / kLanesPerBucket].tags); // NOLINT: tag by tag
        return std::atomic_ref<std::uint8_t>(bytes[lane % kLanesPerBucket]);
    }
    // Whether the key that is stored there is the one that is looked for. Stored keys are filled up
    // with zeroes to a multiple of eight.
    template <std::uint32_t key_bytes>
    struct SameWords {
        KeyPart wanted;

        bool operator()(const std::uint8_t* stored) const {
            const std::uint64_t high =
                key_bytes > 8 ? load_relaxed<std::uint64_t>(stored + 8) : std::uint64_t{0};
            return wanted == KeyPart{load_relaxed<std::uint64_t>(stored), high};
        }
        void write(std::uint8_t* stored) const {
            store_relaxed(stored, wanted.low);
            if constexpr (key_bytes > 8) {
                store_relaxed(stored + 8, wanted.high);
            }
        }
    };
    struct SameBytes {
        const std::uint8_t* wanted;
        std::uint32_t size_bytes;

        bool operator()(const std::uint8_t* stored) const {
            return equal_to_aligned(stored, wanted, size_bytes);
        }
        void write(std::uint8_t* stored) const { copy_to_shared(stored, wanted, size_bytes); }
    };
    template <class Same>
    [[nodiscard]] [[gnu::always_inline]] bool holds(std::uint32_t lane, Same same) const;
    template <class Same>
    [[nodiscard]] std::uint32_t find_where(std::uint64_t hash, Same same) const;
    template <class Same>
    [[nodiscard]] std::uint32_t search(std::uint32_t bucket, std::uint8_t wanted, Same same) const;
    template <class Accepts>
    [[gnu::always_inline]] std::uint32_t first_lane(std::uint32_t bucket, std::uint8_t tagged,
                                                    Accepts accepts) const;
    // Precondition: the lane is empty and its bucket is held, and so is the home bucket.
    void take(HashBucket& home, std::uint32_t lane) {
        tag(lane).store(kClaimed, std::memory_order_relaxed);
        home.intent.store(lane + 1, std::memory_order_release);
    }
    std::uint32_t claim_in(HashBucket& home, std::uint32_t bucket);
    std::uint32_t claim_elsewhere(HashBucket& home, std::uint32_t first_bucket);
    std::uint32_t claim_in_a_round(HashBucket& home, std::uint32_t first_bucket);
    void vacate(std::uint32_t lane, std::uint32_t first_bucket);
    void forget_passing(std::uint32_t first_bucket, std::uint32_t last_bucket);
    void repair(HashBucket& home);
    void recall_from(HashBucket& bucket);
    bool repair_some();

    HashShape shape_;
    std::uint32_t bucket_count_;
    std::uint64_t stride_;
    std::uint64_t padded_key_bytes_;
    HashHead* head_;
    EntryCount entries_;
    HashBucket* buckets_;
    std::uint8_t* elements_;
    HashSecrets secrets_;
    Owner owner_;
};

template <class Same>
inline bool HashTable::holds(std::uint32_t lane, Same same) const {
    const HashElement& element_head = element(lane);
    const std::uint32_t before = element_head.sequence.load(std::memory_order_acquire);
    const bool equal = same(key_of(lane));
    std::atomic_thread_fence(std::memory_order_acquire);
    return equal && (before & 1) == 0 &&
           element_head.sequence.load(std::memory_order_relaxed) == before;
}

// The home lane is tried before the tags of its bucket are searched: where the key lies there, its
// address hangs on nothing but the hash.
template <class Same>
[[gnu::always_inline]] inline std::uint32_t HashTable::find_where(std::uint64_t hash,
                                                                  Same same) const {
    const std::uint32_t home = home_lane_of(hash);
    if (tag(home).load(std::memory_order_acquire) == hash_tags::tag_of(hash) && holds(home, same))
        [[likely]] {
        return home;
    }
    return search(home / kLanesPerBucket, hash_tags::tag_of(hash), same);
}

template <std::uint32_t key_bytes, KeyPieces pieces, class Then>
inline auto HashTable::with_key(const std::uint8_t* key, Then then) const {
    if constexpr (key_bytes != 0) {
        const KeyPart part = key_part<pieces>(key, key_bytes);
        return then(Wanted<SameWords<key_bytes>>{hash_part(part, secrets_), {part}});
    } else {
        const std::uint32_t size_bytes = shape_.key_bytes;
        if (size_bytes > 16) {
            const std::uint64_t hash = hash_key<pieces>(key, size_bytes, secrets_);
            return then(Wanted<SameBytes>{hash, {key, size_bytes}});
        }
        const KeyPart part = key_part<pieces>(key, size_bytes);
        const std::uint64_t hash = hash_part(part, secrets_);
        return size_bytes > 8 ? then(Wanted<SameWords<16>>{hash, {part}})
                              : then(Wanted<SameWords<8>>{hash, {part}});
    }
}

// A claimed lane is its claimer's alone: look-ups that still see its last key's tag are told by the
// sequence.
template <class Same>
inline void HashTable::write_key(std::uint32_t lane, const Wanted<Same>& wanted) {
    HashElement& element_head = element(lane);
    const std::uint32_t writing_now = // it may be odd from a writer that died
        element_head.sequence.load(std::memory_order_relaxed) | 1;
    element_head.sequence.store(writing_now, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    wanted.same.write(key_of(lane));
    element_head.mark.store(0, std::memory_order_relaxed);
    element_head.sequence.store(writing_now + 1, std::memory_order_release);
}

// The first lane of the bucket that has this tag and is accepted; kNoLane when there is none.
template <class Accepts>
inline std::uint32_t HashTable::first_lane(std::uint32_t bucket, std::uint8_t tagged,
                                           Accepts accepts) const {
    for (std::uint32_t half = 0; half < 2; ++half) {
        std::uint64_t marks = hash_tags::bytes_equal_to(
            buckets_[bucket].tags[half].load(std::memory_order_acquire), tagged);
        for (; marks != 0; marks &= marks - 1) {
            const std::uint32_t lane =
                bucket * kLanesPerBucket + half * 8 + hash_tags::first_byte(marks);
            if (accepts(lane)) {
                return lane;
            }
        }
    }
    return kNoLane;
}

template <class Same>
[[gnu::noinline]] std::uint32_t HashTable::search(std::uint32_t bucket, std::uint8_t wanted,
                                                  Same same) const {
    for (std::uint32_t probes = 0; probes < bucket_count_; ++probes, bucket = after(bucket)) {
        const std::uint32_t found =
            first_lane(bucket, wanted, [&](std::uint32_t lane) { return holds(lane, same); });
        if (found != kNoLane) {
            return found;
        }
        if (buckets_[bucket].went_past.load(std::memory_order_acquire) == 0) {
            return kNoLane;
        }
    }
    return kNoLane;
}

} // namespace skep::maps
