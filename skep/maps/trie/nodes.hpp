// SPDX-License-Identifier: Apache-2.0
//
// The nodes of a trie, in memory that processes share: which are in use, which may be used again,
// and what is left of them when a writer died half-way. Data plane; only the holder of the lock
// takes, gives and repairs. Proved by lpm_trie_test.cpp and shared/death_test.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "skep/maps/shared/owner.hpp"

namespace skep::maps {

constexpr std::uint32_t kTrieBitsMost = 256 * 8;

struct TrieHead {
    OwnerRegion owners;
    std::atomic<std::uint32_t> lock;
    std::atomic<std::uint32_t> changes; // odd while a writer changes the shape
    std::atomic<std::uint32_t> root;    // node number + 1; 0: empty
    std::atomic<std::uint32_t> entries;
    std::uint32_t used;                  // nodes ever taken
    std::uint32_t free_first, free_last; // removed nodes, oldest first; node number + 1
};

struct Node {
    std::atomic<std::uint32_t> child[2]; // node number + 1; 0: none. child[0] links free nodes
    std::atomic<std::uint32_t> bits;
    std::atomic<std::uint16_t> is_entry;
    std::uint16_t is_reached; // from the root; means something only during repair()
};

using Link = std::atomic<std::uint32_t>;

struct NodeShape {
    std::uint64_t stride_bytes; // of a node with its key and value
    std::uint64_t key_bytes;    // of a key, filled up to a multiple of 8
    std::uint32_t capacity;     // nodes
};

// Does not own the memory: `head`, and `shape.capacity` nodes from `first` on.
class Nodes {
  public:
    Nodes(TrieHead& head, std::uint8_t* first, const NodeShape& shape)
        : head_(head), first_(first), shape_(shape) {}

    [[nodiscard]] Node& at(std::uint32_t link) const {
        // Whatever the link holds.
        const std::uint32_t number = link - 1 < shape_.capacity ? link - 1 : 0;
        return *reinterpret_cast<Node*>(first_ + number * shape_.stride_bytes); // NOLINT: our store
    }
    [[nodiscard]] std::uint8_t* key_of(std::uint32_t link) const {
        return reinterpret_cast<std::uint8_t*>(&at(link) + 1); // NOLINT: behind the node
    }
    [[nodiscard]] std::uint8_t* value_of(std::uint32_t link) const {
        return key_of(link) + shape_.key_bytes;
    }

    // 0: none is left.
    std::uint32_t take() {
        if (head_.used < shape_.capacity) {
            return ++head_.used;
        }
        const std::uint32_t link = head_.free_first;
        if (link != 0) {
            head_.free_first = at(link).child[0].load(std::memory_order_relaxed);
            head_.free_last = head_.free_first == 0 ? 0 : head_.free_last;
        }
        return link;
    }

    void give(std::uint32_t link) {
        at(link).child[0].store(0, std::memory_order_relaxed);
        if (head_.free_last != 0) {
            at(head_.free_last).child[0].store(link, std::memory_order_relaxed);
        } else {
            head_.free_first = link;
        }
        head_.free_last = link;
    }

    // After a writer that died: it may have been anywhere between its stores.
    void repair() {
        head_.used = std::min(head_.used, shape_.capacity);
        for (std::uint32_t link = 1; link <= head_.used; ++link) {
            at(link).is_reached = 0;
        }
        head_.entries.store(reach_all(), std::memory_order_relaxed);
        head_.free_first = head_.free_last = 0;
        for (std::uint32_t link = 1; link <= head_.used; ++link) {
            if (at(link).is_reached == 0) {
                give(link);
            }
        }
    }

  private:
    // Marks each node that the root leads to, drops those that neither hold an entry nor fork, and
    // says how many entries there are. The path is kept as the links that were followed.
    std::uint32_t reach_all() {
        std::array<Link*, kTrieBitsMost + 2> path;
        std::array<std::uint8_t, kTrieBitsMost + 2> sides; // children already walked: 0, 1 or 2
        std::uint32_t entries = 0;
        std::size_t depth = 0;
        const auto enter = [&](Link& link) {
            const std::uint32_t child = link.load(std::memory_order_relaxed);
            if (child != 0 && depth < path.size() && at(child).is_reached == 0) {
                at(child).is_reached = 1;
                path[depth] = &link;
                sides[depth++] = 0;
            }
        };
        enter(head_.root);
        while (depth > 0) {
            Link& link = *path[depth - 1];
            Node& here = at(link.load(std::memory_order_relaxed));
            if (sides[depth - 1] < 2) {
                enter(here.child[sides[depth - 1]++]);
                continue;
            }
            --depth;
            if (here.is_entry.load(std::memory_order_relaxed) != 0) {
                ++entries;
            } else {
                const std::uint32_t left = here.child[0].load(std::memory_order_relaxed);
                const std::uint32_t right = here.child[1].load(std::memory_order_relaxed);
                if (left == 0 || right == 0) {
                    here.is_reached = 0;
                    link.store(left != 0 ? left : right, std::memory_order_release);
                }
            }
        }
        return entries;
    }

    TrieHead& head_;
    std::uint8_t* first_;
    NodeShape shape_;
};

} // namespace skep::maps
