// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/hash/lru.hpp"

#include <algorithm>

namespace skep::maps {

LruLists::Parts LruLists::plan(Layout& layout, const Shape& shape) {
    Parts parts{};
    parts.head = layout.add(1, sizeof(Head));
    parts.shares = layout.add(shape.cpus, sizeof(Share));
    parts.links = layout.add(shape.lanes, sizeof(Link), 4096);
    return parts;
}

LruLists::LruLists(const Shape& shape, const Parts& parts, std::uint8_t* memory, HashTable& table)
    : shape_(shape), table_(table),
      head_(reinterpret_cast<Head*>(memory + parts.head)),      // NOLINT: our store
      shares_(reinterpret_cast<Share*>(memory + parts.shares)), // NOLINT: our store
      links_(reinterpret_cast<Link*>(memory + parts.links)) {}  // NOLINT: our store

void LruLists::begin_empty() {
    head_->free_for_all = shape_.own_lists ? 0 : shape_.max_entries;
    for (std::uint32_t cpu = 0; cpu < shape_.cpus; ++cpu) {
        shares_[cpu].free = shape_.own_lists ? shape_.max_entries / shape_.cpus : 0;
    }
}

std::uint32_t LruLists::batch() const {
    if (shape_.own_lists) {
        return shape_.max_entries / shape_.cpus > 4 ? 4 : 1;
    }
    return std::clamp(shape_.max_entries / (shape_.cpus * 2), 1U, kLargestBatch);
}

bool LruLists::hold() {
    const Locked locked = table_.owner().lock(head_->lock);
    if (locked == Locked::taken_over) {
        rebuild();
    }
    return locked != Locked::no;
}

// The old links may be half written, so nothing of them is believed but whether a lane was listed,
// which says of a claimed lane whether it had entered.
void LruLists::rebuild() {
    ++head_->rebuilds;
    for (std::uint32_t cpu = 0; cpu < shape_.cpus; ++cpu) {
        shares_[cpu] = Share{};
    }
    std::uint32_t used = 0;
    for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
        const bool had_entered = links_[lane].listed != 0 && table_.is_taken(lane);
        links_[lane].listed = 0;
        if (had_entered || table_.is_occupied(lane)) {
            note_stored(lane);
            link_newest(lane, shape_.own_lists ? lane % shape_.cpus : 0);
            ++used;
        }
    }
    const std::uint32_t free = used < shape_.max_entries ? shape_.max_entries - used : 0;
    head_->free_for_all = shape_.own_lists ? 0 : free;
    for (std::uint32_t cpu = 0; shape_.own_lists && cpu < shape_.cpus; ++cpu) {
        shares_[cpu].free = free / shape_.cpus;
    }
}

// A key that is being written meanwhile has a sequence by then that is not the one noted.
void LruLists::note_stored(std::uint32_t lane) {
    links_[lane].sequence = table_.element(lane).sequence.load(std::memory_order_acquire);
    links_[lane].hash = table_.stored_hash(lane);
}

void LruLists::link_newest(std::uint32_t lane, std::uint32_t list) {
    Share& share = shares_[list];
    Link& link = links_[lane];
    link.newer = 0;
    link.older = share.newest;
    link.listed = list + 1;
    if (share.newest != 0) {
        links_[share.newest - 1].newer = lane + 1;
    } else {
        share.oldest = lane + 1;
    }
    share.newest = lane + 1;
}

void LruLists::unlink(std::uint32_t lane) {
    Link& link = links_[lane];
    Share& share = shares_[link.listed - 1];
    (link.newer != 0 ? links_[link.newer - 1].older : share.newest) = link.older;
    (link.older != 0 ? links_[link.older - 1].newer : share.oldest) = link.newer;
    link.listed = 0;
}

// The oldest unmarked lanes leave their list; marked ones become the newest and lose their mark. At
// most once round the list (twice when all were marked), so the time is bounded by its length.
void LruLists::choose(std::uint32_t list, std::uint32_t wanted, Victims& victims) {
    std::uint64_t looks = 2ULL * shape_.lanes;
    while (victims.count < wanted && shares_[list].oldest != 0 && looks-- != 0) {
        const std::uint32_t lane = shares_[list].oldest - 1;
        HashElement& element = table_.element(lane);
        unlink(lane);
        if (element.mark.load(std::memory_order_relaxed) != 0) {
            element.mark.store(0, std::memory_order_relaxed);
            link_newest(lane, list);
            continue;
        }
        victims.list[victims.count++] = Victim{lane, links_[lane].sequence, links_[lane].hash};
    }
}

void LruLists::refill_held(std::uint32_t cpu, Victims& victims) {
    const std::uint32_t wanted = batch();
    const std::uint32_t moved = std::min(wanted, head_->free_for_all);
    head_->free_for_all -= moved;
    shares_[cpu].free += moved;
    choose(list_of(cpu), wanted - moved, victims);
}

void LruLists::refill(std::uint32_t cpu, Victims& victims) {
    victims.count = 0;
    if (!hold()) {
        return;
    }
    const Share& share = shares_[cpu];
    if (share.free == 0) {
        refill_held(cpu, victims);
    }
    if (share.free == 0 && victims.count == 0) {
        rebuild();
        refill_held(cpu, victims);
    }
    victims.rebuilds = head_->rebuilds;
    Owner::unlock(head_->lock);
}

void LruLists::left(std::uint32_t cpu, const Victims& victims) {
    if (!hold()) {
        return;
    }
    const bool is_rebuilt = victims.rebuilds != head_->rebuilds;
    std::uint32_t count = is_rebuilt ? 0 : victims.count;
    for (std::uint32_t i = 0; is_rebuilt && i < victims.count; ++i) {
        const Victim& victim = victims.list[i];
        const Link& link = links_[victim.lane];
        if (link.listed != 0 && link.sequence == victim.sequence) {
            unlink(victim.lane);
            ++count;
        }
    }
    shares_[cpu].free += count;
    Owner::unlock(head_->lock);
}

// The lane may be listed: by a rebuild, or for its last key, which is erased but not yet removed
// here. Then its entry is taken, but what was noted of it is old.
LruLists::Entered LruLists::enter(std::uint32_t lane, std::uint64_t hash, std::uint32_t cpu) {
    if (!hold()) {
        return Entered::no;
    }
    Link& link = links_[lane];
    Share& share = shares_[cpu];
    const bool has_room = link.listed != 0 || share.free > 0;
    if (has_room) [[likely]] {
        link.hash = hash;
        link.sequence = table_.element(lane).sequence.load(std::memory_order_relaxed);
        if (link.listed == 0) [[likely]] {
            --share.free;
            link_newest(lane, list_of(cpu));
        }
    }
    Owner::unlock(head_->lock);
    return has_room ? Entered::yes : Entered::no_room;
}

// A lane in no list was chosen for eviction at the same moment: whoever chose it counts its entry.
// One with another sequence has a new key already, which has taken the entry.
void LruLists::remove(std::uint32_t lane, std::uint32_t sequence) {
    if (!hold()) {
        return;
    }
    const Link& link = links_[lane];
    if (link.listed != 0 && link.sequence == sequence) {
        const std::uint32_t list = link.listed - 1;
        unlink(lane);
        ++(shape_.own_lists ? shares_[list].free : head_->free_for_all);
    }
    Owner::unlock(head_->lock);
}

} // namespace skep::maps
