// SPDX-License-Identifier: Apache-2.0
//
// Data plane (but for its making). LruLists: who leaves an LRU hash when it is full.
//
// Lanes stand in a list by age. When a CPU has no free entries of its own it takes a batch: first
// from what is free for all, and for the rest the oldest lanes leave. A lane that was used since it
// was last looked at (its mark) is not evicted but becomes the newest, once round the list. A batch
// is max_entries / (2 x CPUs), between 1 and 128, which gives the losses measured on the kernel.
// With NO_COMMON_LRU each CPU has a list and a share of its own, and batches are small.
//
// A lane that is listed has an entry of max_entries: who inserts a key claims a lane, writes the
// key and enters the lane here, all while holding the key's home bucket, and only then makes it
// visible. So an insertion holds this lock once. Who finds nothing free lets go of the bucket and
// refills.
//
// Look-ups only set a mark, without waiting. All else holds one lock word; a list whose holder died
// is built anew from the lanes that exist, in lane order. So are lists in which nothing is free and
// nothing can leave: writers that died on their way took it with them. Claimed lanes that had
// entered are listed then as well: they become visible, or their writer died and they leave as any
// other. Free entries and listed lanes together make max_entries, less what is on its way out: that
// counts as free when it has left, unless the lists were built anew meanwhile, which saw it leave
// or listed it once more. Lock order: home bucket, then this.
//
// Orders. Links, shares and free_for_all are plain numbers that only the lock's holder touches. A
// mark is a hint between any number of readers and the holder: relaxed, read and then cleared
// without an exchange, since a look-up that sets it in between is as good as one that came a moment
// earlier. A victim names the sequence that its lane had when its hash was noted (both by enter, or
// both by a rebuild): if the lane has another one by then, or its key is not visible, it is not
// erased.
//
// Proved by: hash_map_test.cpp (the table of first losses); hash_concurrency_test.cpp;
// shared/death_test.cpp (writers that die one after another).
#pragma once

#include <array>

#include "skep/maps/hash/table.hpp"

namespace skep::maps {

struct Victim {
    std::uint32_t lane = 0;
    std::uint32_t sequence = 0; // of the lane when its hash was noted
    std::uint64_t hash = 0;
};

inline constexpr std::uint32_t kLargestBatch = 128;

struct Victims {
    std::array<Victim, kLargestBatch> list;
    std::uint32_t count = 0;
    std::uint32_t rebuilds = 0; // of the lists, when they were chosen
};

class LruLists {
  public:
    struct Shape {
        std::uint32_t max_entries, cpus, lanes;
        bool own_lists; // NO_COMMON_LRU
    };
    struct Parts {
        std::uint64_t head, shares, links;
    };
    static Parts plan(Layout& layout, const Shape& shape);
    LruLists(const Shape& shape, const Parts& parts, std::uint8_t* memory, HashTable& table);
    void begin_empty();

    // Takes a free entry of this CPU for a claimed lane and lists it as the newest.
    enum class Entered : std::uint8_t { yes, no_room, no };
    Entered enter(std::uint32_t lane, std::uint64_t hash, std::uint32_t cpu);
    // When this CPU has no free entry, moves a batch to it and says which lanes must leave for
    // that: the caller erases them, calls left(), and enters again.
    void refill(std::uint32_t cpu, Victims& victims);
    void left(std::uint32_t cpu, const Victims& victims);
    // Erased by its user, when it had this sequence: its entry becomes free for all.
    void remove(std::uint32_t lane, std::uint32_t sequence);

  private:
    struct Head {
        std::atomic<std::uint32_t> lock;
        std::uint32_t free_for_all;
        std::uint32_t rebuilds;
    };
    struct Share {                                 // one a CPU; list 0 is the common one
        std::uint32_t free, newest, oldest, spare; // lanes as lane + 1, 0 is none
    };
    struct Link {
        std::uint32_t newer, older; // lane + 1
        std::uint32_t listed;       // list number + 1, 0: in no list
        std::uint32_t sequence;     // of the lane when its hash was noted
        std::uint64_t hash;
    };

    bool hold();
    void rebuild();
    void note_stored(std::uint32_t lane);
    void refill_held(std::uint32_t cpu, Victims& victims);
    void link_newest(std::uint32_t lane, std::uint32_t list);
    void unlink(std::uint32_t lane);
    void choose(std::uint32_t list, std::uint32_t wanted, Victims& victims);
    [[nodiscard]] std::uint32_t list_of(std::uint32_t cpu) const {
        return shape_.own_lists ? cpu : 0;
    }
    [[nodiscard]] std::uint32_t batch() const;

    Shape shape_;
    HashTable& table_;
    Head* head_;
    Share* shares_;
    Link* links_;
};

} // namespace skep::maps
