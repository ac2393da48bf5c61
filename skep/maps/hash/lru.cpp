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

// The old links may be half written, so nothing of them is believed but each lane's hash.
void LruLists::rebuild() {
    for (std::uint32_t cpu = 0; cpu < shape_.cpus; ++cpu) {
        shares_[cpu] = Share{};
    }
    for (std::uint32_t lane = 0; lane < shape_.lanes; ++lane) {
        links_[lane].listed = 0;
    }
    std::uint32_t used = 0;
    for (std::uint32_t lane = table_.next_lane(0); lane != kNoLane;
         lane = table_.next_lane(lane + 1ULL)) {
        links_[lane].hash = table_.hash(table_.key_of(lane));
        link_newest(lane, shape_.own_lists ? lane % shape_.cpus : 0);
        ++used;
    }
    const std::uint32_t free = used < shape_.max_entries ? shape_.max_entries - used : 0;
    head_->free_for_all = shape_.own_lists ? 0 : free;
    for (std::uint32_t cpu = 0; shape_.own_lists && cpu < shape_.cpus; ++cpu) {
        shares_[cpu].free = free / shape_.cpus;
    }
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
        if (element.mark.exchange(0, std::memory_order_relaxed) != 0) {
            link_newest(lane, list);
            continue;
        }
        victims.list[victims.count++] =
            Victim{lane, element.sequence.load(std::memory_order_relaxed), links_[lane].hash};
    }
}

void LruLists::refill(std::uint32_t cpu, Victims& victims) {
    if (shares_[cpu].free == 0) {
        const std::uint32_t wanted = batch();
        const std::uint32_t moved = std::min(wanted, head_->free_for_all);
        head_->free_for_all -= moved;
        shares_[cpu].free += moved;
        choose(list_of(cpu), wanted - moved, victims);
    }
}

bool LruLists::take_free(std::uint32_t cpu, Victims& victims) {
    victims.count = 0;
    if (!hold()) {
        return false;
    }
    Share& share = shares_[cpu];
    refill(cpu, victims);
    if (share.free == 0 && victims.count == 0) {
        rebuild();
        refill(cpu, victims);
    }
    const bool taken = share.free > 0;
    share.free -= taken ? 1 : 0;
    Owner::unlock(head_->lock);
    return taken;
}

void LruLists::left(std::uint32_t cpu) {
    if (hold()) {
        ++shares_[cpu].free;
        Owner::unlock(head_->lock);
    }
}

void LruLists::add(std::uint32_t lane, std::uint64_t hash, std::uint32_t cpu) {
    if (hold()) {
        links_[lane].hash = hash;
        if (links_[lane].listed == 0) { // a rebuild may have listed it
            link_newest(lane, list_of(cpu));
        }
        Owner::unlock(head_->lock);
    }
}

// A lane in no list was chosen for eviction at the same moment: whoever chose it counts its entry.
void LruLists::remove(std::uint32_t lane) {
    if (!hold()) {
        return;
    }
    const std::uint32_t listed = links_[lane].listed;
    if (listed != 0) {
        unlink(lane);
        ++(shape_.own_lists ? shares_[listed - 1].free : head_->free_for_all);
    }
    Owner::unlock(head_->lock);
}

} // namespace skep::maps
