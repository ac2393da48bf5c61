// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Longest-prefix match: a binary trie of the prefixes.
//
//   key: { prefix length u32, host order | data, most significant bit first }
//   node: { bits it stands for | two children | is it an entry? | key | value }
//
// A node stands for a prefix; its children for longer prefixes that begin with it, chosen by the
// next bit. Nodes where two entries part are not entries themselves. A look-up walks down and
// remembers the last entry that matches. It does not begin at the root but where the first bits of
// its key lead: a table of starts (start_table.hpp) has walked that far already.
//
// Writers hold one lock word. Readers never wait: they follow child numbers, each put in place by
// one store once what it leads to is complete. A removed node is used again only after all nodes
// removed before it (first out, first in again), and readers check a change count: when it moved
// they walk again, a few times. Children are numbers below the capacity whatever happens, and a
// walk ends after as many steps as there are bits, so the worst that a reader meets in a race is
// the entry of another moment. The trie is whole after every single store; when a writer was killed
// the next one counts its entries, gathers the nodes that nothing leads to and fills the table of
// starts anew. Until then the change count may stay odd: look-ups walk as often as they ever do.
//
// Proved by: lpm_trie_test.cpp (against a plain list of prefixes); kernel_comparison_test.cpp
// (answers and order); shared/death_test.cpp (a writer killed at every instruction).
#include <algorithm>
#include <array>
#include <cerrno>

#include "skep/maps/shared/family.hpp"
#include "skep/maps/shared/owner.hpp"
#include "skep/maps/shared/value.hpp"
#include "skep/maps/shared/words.hpp"
#include "skep/maps/trie/nodes.hpp"
#include "skep/maps/trie/start_table.hpp"

namespace skep::maps {
namespace {

constexpr std::uint32_t kLengthBytes = 4;

class Trie final : public Map {
  public:
    struct Parts {
        std::uint64_t starts, nodes;
        NodeShape shape;
    };

    Trie(Plan&& plan, Store&& store, const Parts& parts, Owner owner)
        : Map(std::move(plan.spec), std::move(store.files), plan.slot_count), shape_(Map::spec()),
          memory_(std::move(store.memory)),
          head_(reinterpret_cast<TrieHead*>(memory_.data())), // NOLINT: our store
          starts_(memory_.data() + parts.starts, start_bits(Map::spec())),
          nodes_(*head_, memory_.data() + parts.nodes, parts.shape), owner_(std::move(owner)),
          data_bits_((Map::spec().key_size_bytes - kLengthBytes) * 8) {}

    static std::uint32_t start_bits(const spec::MapSpec& spec) {
        return StartTable::bits_for(spec.max_entries, (spec.key_size_bytes - kLengthBytes) * 8);
    }

    // Keys of four bytes (IPv4) are one number.
    [[nodiscard]] LookupFunction lookup_function_for(KeyPieces) const override {
        return data_bits_ == 32 ? lookup_by_size<32> : lookup_by_size<0>;
    }

    std::uint8_t* lookup(const std::uint8_t* key, std::uint32_t cpu) override {
        return lookup_function()(*this, key, cpu);
    }

    int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
               std::uint32_t) override {
        if (const int wrong = shape_.check_update_flags(flags); wrong != 0) {
            return wrong;
        }
        if (length_of(key) > data_bits_) {
            return -EINVAL;
        }
        return while_held([&] { return insert(key, value, flags); });
    }

    int erase(const std::uint8_t* key) override {
        if (length_of(key) > data_bits_) {
            return -EINVAL;
        }
        return while_held([&] { return remove(key); });
    }

    // Children before the prefix that holds them, the 0 side first.
    int next_key(const std::uint8_t* key, std::uint8_t* next) override {
        return while_held([&] { return find_next(key, next); });
    }

    [[nodiscard]] bool owns(const void* address, std::uint64_t size_bytes) const override {
        return lies_inside(memory_, address, size_bytes);
    }

    // The kernel counts what entries take; measured.
    [[nodiscard]] std::uint64_t memory_bytes() const override {
        const std::uint64_t data = spec().key_size_bytes - kLengthBytes;
        const std::uint64_t node = kNodeHead + data + spec().value_size_bytes;
        return entries() * node;
    }

  private:
    static constexpr std::uint64_t kNodeHead = 24;

    [[nodiscard]] std::uint64_t entries() const {
        return head_->entries.load(std::memory_order_relaxed);
    }
    static std::uint32_t length_of(const std::uint8_t* key) {
        std::uint32_t length = 0;
        std::memcpy(&length, key, sizeof length);
        return length;
    }
    [[nodiscard]] Node& node(std::uint32_t link) const { return nodes_.at(link); }
    [[nodiscard]] std::uint8_t* key_of(std::uint32_t link) const { return nodes_.key_of(link); }
    [[nodiscard]] std::uint8_t* value_of(std::uint32_t link) const { return nodes_.value_of(link); }
    static std::uint32_t bit_of(const std::uint8_t* key, std::uint32_t index) {
        return load_relaxed<std::uint8_t>(key + kLengthBytes + index / 8) >> (7 - index % 8) & 1U;
    }

    // How many bits the two keys share, at most `limit`. The left one is of a node, and so begins
    // at a multiple of 4; four bytes are compared at a time while the keys have as many.
    [[nodiscard]] std::uint32_t shared_bits(const std::uint8_t* left, const std::uint8_t* right,
                                            std::uint32_t limit) const {
        std::uint32_t at = 0;
        for (; at < limit && at + 32 <= data_bits_; at += 32) {
            std::uint32_t r = 0;
            std::memcpy(&r, right + kLengthBytes + at / 8, sizeof r);
            const std::uint32_t l = load_relaxed<std::uint32_t>(left + kLengthBytes + at / 8);
            if (l != r) {
                const std::uint32_t first = __builtin_bswap32(l ^ r); // of the network's order
                return std::min(limit, at + static_cast<std::uint32_t>(__builtin_clz(first)));
            }
        }
        for (; at < limit; at += 8) {
            const auto l = load_relaxed<std::uint8_t>(left + kLengthBytes + at / 8);
            const auto r = load_relaxed<std::uint8_t>(right + kLengthBytes + at / 8);
            if (l != r) {
                const auto difference = static_cast<unsigned>(l ^ r) << 24;
                return std::min(limit, at + static_cast<std::uint32_t>(__builtin_clz(difference)));
            }
        }
        return limit;
    }

    template <std::uint32_t data_bits>
    static std::uint8_t* lookup_by_size(Map& map, const std::uint8_t* key, std::uint32_t) {
        const auto& self = static_cast<const Trie&>(map);
        const std::uint32_t length = length_of(key);
        if (length > self.data_bits_) {
            return nullptr;
        }
        constexpr int kWalksMost = 8;
        std::uint32_t found = 0;
        for (int walk = 0; walk < kWalksMost; ++walk) {
            const std::uint32_t before = self.head_->changes.load(std::memory_order_acquire);
            found = data_bits == 32 ? self.longest_match_of_word(key, length)
                                    : self.longest_match(key, length);
            std::atomic_thread_fence(std::memory_order_acquire);
            if ((before & 1) == 0 &&
                self.head_->changes.load(std::memory_order_relaxed) == before) {
                break;
            }
        }
        return found == 0 ? nullptr : self.value_of(found);
    }

    // The first sixteen bits, of a key of one byte its eight and zeroes.
    [[nodiscard]] std::uint32_t first_bits(const std::uint8_t* key) const {
        const std::uint32_t first = load_relaxed<std::uint8_t>(key + kLengthBytes);
        return first << 8 |
               (data_bits_ > 8 ? load_relaxed<std::uint8_t>(key + kLengthBytes + 1) : 0U);
    }

    // A key that is shorter than what the table of starts has walked begins at the root.
    [[nodiscard]] Start start_of(std::uint32_t first_bits, std::uint32_t length) const {
        return length >= starts_.bits() ? starts_.at(first_bits)
                                        : Start{head_->root.load(std::memory_order_acquire), 0};
    }

    [[nodiscard]] std::uint32_t longest_match(const std::uint8_t* key, std::uint32_t length) const {
        Start at = start_of(first_bits(key), length);
        for (std::uint32_t steps = 0; at.next != 0 && steps <= kTrieBitsMost; ++steps) {
            const Node& here = node(at.next);
            const std::uint32_t bits = here.bits.load(std::memory_order_acquire);
            if (bits > length || shared_bits(key_of(at.next), key, bits) < bits) {
                break;
            }
            at.found = here.is_entry.load(std::memory_order_acquire) != 0 ? at.next : at.found;
            if (bits == length) {
                break;
            }
            at.next = here.child[bit_of(key, bits)].load(std::memory_order_acquire);
        }
        return at.found;
    }

    // The same walk over a word.
    [[nodiscard]] std::uint32_t longest_match_of_word(const std::uint8_t* key,
                                                      std::uint32_t length) const {
        std::uint32_t word = 0;
        std::memcpy(&word, key + kLengthBytes, sizeof word);
        word = __builtin_bswap32(word); // the first bit is the highest
        Start at = start_of(word >> 16, length);
        for (std::uint32_t steps = 0; at.next != 0 && steps <= 32; ++steps) {
            const Node& here = node(at.next);
            const std::uint32_t bits = here.bits.load(std::memory_order_acquire);
            const std::uint64_t differences =
                __builtin_bswap32(load_relaxed<std::uint32_t>(key_of(at.next) + kLengthBytes)) ^
                word;
            if (bits > length || differences >> (32 - bits) != 0) {
                break;
            }
            at.found = here.is_entry.load(std::memory_order_acquire) != 0 ? at.next : at.found;
            if (bits == length) {
                break;
            }
            at.next = here.child[word >> (31 - bits) & 1U].load(std::memory_order_acquire);
        }
        return at.found;
    }

    // What StartTable::fill asks of a node.
    [[nodiscard]] StartTable::Step step_at(std::uint32_t link) const {
        const Node& here = node(link);
        return {here.bits.load(std::memory_order_relaxed),
                first_bits(key_of(link)),
                here.is_entry.load(std::memory_order_relaxed) != 0,
                {here.child[0].load(std::memory_order_relaxed),
                 here.child[1].load(std::memory_order_relaxed)}};
    }

    // After a change of the trie at or below this prefix.
    void refresh_starts(const std::uint8_t* key, std::uint32_t length) {
        starts_.fill(starts_.covered(first_bits(key), length),
                     {head_->root.load(std::memory_order_relaxed), 0},
                     [this](std::uint32_t link) { return step_at(link); });
    }

    template <class Action>
    int while_held(Action action) {
        const Locked locked = owner_.lock(head_->lock);
        if (locked == Locked::no) {
            return -EBUSY;
        }
        if (locked == Locked::taken_over) {
            const Reshaping reshaping(*head_);
            nodes_.repair();
            constexpr std::array<std::uint8_t, kLengthBytes + 2> kAnyKey{};
            refresh_starts(kAnyKey.data(), 0);
        }
        const int status = action();
        Owner::unlock(head_->lock);
        return status;
    }

    // Removals and reuse change what a reader may be standing on; insertions only add.
    class Reshaping {
      public:
        explicit Reshaping(TrieHead& head) : changes_(head.changes) {
            changes_.store(changes_.load(std::memory_order_relaxed) | 1, std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_release);
        }
        ~Reshaping() {
            changes_.store(changes_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }
        Reshaping(const Reshaping&) = delete;
        Reshaping& operator=(const Reshaping&) = delete;

      private:
        std::atomic<std::uint32_t>& changes_;
    };

    void fill(std::uint32_t link, const std::uint8_t* key, std::uint32_t bits, bool entry) {
        Node& fresh = node(link);
        fresh.child[0].store(0, std::memory_order_relaxed);
        fresh.child[1].store(0, std::memory_order_relaxed);
        fresh.bits.store(bits, std::memory_order_relaxed);
        fresh.is_entry.store(entry ? 1 : 0, std::memory_order_relaxed);
        copy_to_shared(key_of(link), key, spec().key_size_bytes);
    }

    // Where a prefix belongs: the link that leads to the first node that does not properly contain
    // it.
    struct Place {
        Link* link;
        Link* parent;         // the link that leads to the node holding `link`; null at the root
        std::uint32_t shared; // bits shared with the node there
    };
    Place descend(const std::uint8_t* key, std::uint32_t length) {
        Place place{&head_->root, nullptr, 0};
        for (;;) {
            const std::uint32_t at = place.link->load(std::memory_order_relaxed);
            if (at == 0) {
                return place;
            }
            const std::uint32_t bits = node(at).bits.load(std::memory_order_relaxed);
            place.shared = shared_bits(key_of(at), key, std::min(bits, length));
            if (place.shared < bits || bits == length) {
                return place;
            }
            place.parent = place.link;
            place.link = &node(at).child[bit_of(key, bits)];
        }
    }

    int insert(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags) {
        const std::uint32_t length = length_of(key);
        const Place place = descend(key, length);
        const std::uint32_t at = place.link->load(std::memory_order_relaxed);
        const bool same_prefix = at != 0 && place.shared == length &&
                                 node(at).bits.load(std::memory_order_relaxed) == length;
        const bool present = same_prefix && node(at).is_entry.load(std::memory_order_relaxed) != 0;
        if (present && (flags & kNoExist) != 0) {
            return -EEXIST;
        }
        if (!present && (flags & kExist) != 0) {
            return -ENOENT;
        }
        if (!present && entries() >= spec().max_entries) {
            return -ENOSPC;
        }
        if (same_prefix) {
            return become_entry(at, key, value, present);
        }
        return add_node(place, key, value);
    }

    // The prefix has a node already; its bits beyond the prefix are stored as given.
    int become_entry(std::uint32_t at, const std::uint8_t* key, const std::uint8_t* value,
                     bool present) {
        copy_to_shared(key_of(at), key, spec().key_size_bytes);
        if (present) {
            shape_.write(value_of(at), value);
            return 0;
        }
        shape_.write_new(value_of(at), value);
        const Reshaping reshaping(*head_);
        node(at).is_entry.store(1, std::memory_order_release);
        head_->entries.fetch_add(1, std::memory_order_relaxed);
        refresh_starts(key, length_of(key));
        return 0;
    }

    int add_node(const Place& place, const std::uint8_t* key, const std::uint8_t* value) {
        const Reshaping reshaping(*head_); // the node may be one that was removed
        const std::uint32_t length = length_of(key);
        const std::uint32_t fresh = nodes_.take();
        const std::uint32_t below = place.link->load(std::memory_order_relaxed);
        const bool forks = below != 0 && place.shared < length;
        const std::uint32_t fork = forks && fresh != 0 ? nodes_.take() : 0;
        if (fresh == 0 || (forks && fork == 0)) {
            if (fresh != 0) {
                nodes_.give(fresh);
            }
            return -ENOMEM;
        }
        fill(fresh, key, length, true);
        shape_.write_new(value_of(fresh), value);
        if (forks) {
            fill(fork, key, place.shared, false);
            node(fork).child[bit_of(key, place.shared)].store(fresh, std::memory_order_relaxed);
            node(fork).child[bit_of(key_of(below), place.shared)].store(below,
                                                                        std::memory_order_relaxed);
        } else if (below != 0) { // the node there is a longer prefix inside this one
            node(fresh).child[bit_of(key_of(below), length)].store(below,
                                                                   std::memory_order_relaxed);
        }
        place.link->store(forks ? fork : fresh, std::memory_order_release);
        head_->entries.fetch_add(1, std::memory_order_relaxed);
        refresh_starts(key, length);
        return 0;
    }

    int remove(const std::uint8_t* key) {
        const std::uint32_t length = length_of(key);
        const Place place = descend(key, length);
        const std::uint32_t at = place.link->load(std::memory_order_relaxed);
        if (at == 0 || place.shared != length ||
            node(at).bits.load(std::memory_order_relaxed) != length ||
            node(at).is_entry.load(std::memory_order_relaxed) == 0) {
            return -ENOENT;
        }
        const Reshaping reshaping(*head_);
        head_->entries.fetch_sub(1, std::memory_order_relaxed);
        node(at).is_entry.store(0, std::memory_order_release);
        if (splice_out(*place.link, at) && place.parent != nullptr) {
            const std::uint32_t above = place.parent->load(std::memory_order_relaxed);
            if (node(above).is_entry.load(std::memory_order_relaxed) == 0) {
                splice_out(*place.parent, above); // a fork that no longer forks
            }
        }
        refresh_starts(key, length);
        return 0;
    }

    // A node that is no entry and has not two children gives way to its only child, or to nothing.
    bool splice_out(Link& link, std::uint32_t at) {
        const std::uint32_t left = node(at).child[0].load(std::memory_order_relaxed);
        const std::uint32_t right = node(at).child[1].load(std::memory_order_relaxed);
        if (left != 0 && right != 0) {
            return false;
        }
        link.store(left != 0 ? left : right, std::memory_order_release);
        nodes_.give(at);
        return left == 0 && right == 0; // only then has the node above lost a child
    }

    // Post-order, with the path kept in an array: prefixes get longer with each step.
    int find_next(const std::uint8_t* key, std::uint8_t* next) {
        bool passed = !holds_exactly(key);
        std::array<std::uint32_t, kTrieBitsMost + 1> path;
        std::array<std::uint8_t, kTrieBitsMost + 1> visited; // children already walked: 0, 1 or 2
        std::size_t depth = 0;
        path[0] = head_->root.load(std::memory_order_relaxed);
        visited[0] = 0;
        if (!passed) { // start at the entry given: go down to it, all on its 0 side is done
            depth = go_to(key, path, visited);
        } else if (path[0] == 0) {
            return -ENOENT;
        }
        for (;;) {
            Node& here = node(path[depth]);
            if (visited[depth] < 2) {
                const std::uint32_t child =
                    here.child[visited[depth]++].load(std::memory_order_relaxed);
                if (child != 0 && depth < kTrieBitsMost) {
                    path[++depth] = child;
                    visited[depth] = 0;
                }
                continue;
            }
            if (here.is_entry.load(std::memory_order_relaxed) != 0 && passed) {
                copy_from_shared(next, key_of(path[depth]), spec().key_size_bytes);
                return 0;
            }
            passed = true; // the first node left is the one that was given
            if (depth == 0) {
                return -ENOENT;
            }
            --depth;
        }
    }

    bool holds_exactly(const std::uint8_t* key) {
        if (key == nullptr || length_of(key) > data_bits_) {
            return false;
        }
        const std::uint32_t length = length_of(key);
        const Place place = descend(key, length);
        const std::uint32_t at = place.link->load(std::memory_order_relaxed);
        return at != 0 && place.shared == length &&
               node(at).bits.load(std::memory_order_relaxed) == length &&
               node(at).is_entry.load(std::memory_order_relaxed) != 0;
    }

    template <class Path, class Visited>
    std::size_t go_to(const std::uint8_t* key, Path& path, Visited& visited) {
        std::size_t depth = 0;
        const std::uint32_t length = length_of(key);
        for (;;) {
            const std::uint32_t bits = node(path[depth]).bits.load(std::memory_order_relaxed);
            if (bits >= length || depth >= kTrieBitsMost) {
                visited[depth] = 2; // its children came before it
                return depth;
            }
            const std::uint32_t side = bit_of(key, bits);
            visited[depth] = static_cast<std::uint8_t>(side + 1);
            path[depth + 1] = node(path[depth]).child[side].load(std::memory_order_relaxed);
            ++depth;
        }
    }

    ValueShape shape_;
    os::Mapping memory_;
    TrieHead* head_;
    StartTable starts_;
    Nodes nodes_;
    Owner owner_;
    std::uint32_t data_bits_;
};

} // namespace

MadeMap make_trie(Plan plan) {
    const std::uint64_t stride = sizeof(Node) + round_up(plan.spec.key_size_bytes, 8) +
                                 round_up(plan.spec.value_size_bytes, 8);
    // An entry needs at most a fork beside itself. Nothing is taken before it is used, and a trie
    // of four billion entries may be asked for: what the machine could not hold is left out (then:
    // ENOMEM).
    const std::uint64_t most =
        std::max<std::uint64_t>(os::physical_memory_bytes() / 4 / stride, 16);
    const auto capacity = static_cast<std::uint32_t>(
        std::min({2 * std::uint64_t{plan.spec.max_entries}, most, std::uint64_t{0x7fffffff}}));
    Layout layout;
    layout.add(1, sizeof(TrieHead), 4096);
    const std::uint64_t starts =
        layout.add(1ULL << Trie::start_bits(plan.spec), sizeof(StartTable::Slot), 4096);
    const NodeShape shape{stride, round_up(plan.spec.key_size_bytes, 8), capacity};
    Trie::Parts parts{starts, layout.add(capacity, stride, 4096), shape};
    Store store = TRY(make_store(std::move(plan.source), layout, Storage::table));
    auto* region =
        reinterpret_cast<OwnerRegion*>(store.memory.data()); // NOLINT: the head begins with it
    Owner owner = TRY(Owner::join(store.files, region));
    return std::unique_ptr<Map>(
        std::make_unique<Trie>(std::move(plan), std::move(store), parts, std::move(owner)));
}

} // namespace skep::maps
