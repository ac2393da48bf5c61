// SPDX-License-Identifier: Apache-2.0
//
// Data plane. StartTable: where walks of a prefix trie begin.
//
// For every value of a key's first `bits()` bits a slot says what a walk from the root would have
// found so far: the deepest entry shorter than that, and the node of at least as many bits to go on
// with. In a trie of many entries the levels near the root are nearly full, so this is most of the
// way.
//
//   slot (64 bits):  found, node number + 1 | next, node number + 1        0: none
//
// Slots are written by whoever holds the trie's lock, in the same change that reshapes the trie;
// each is one store, of what is right after the change. A change at a prefix touches the slots that
// begin with it and no others: the walks of all other keys find the same entries and meet the same
// nodes of at least `bits()` bits.
//
// Limits: a change at a prefix of n bits fills 2^(bits() - n) slots, at most 65,536.
//
// Proved by: start_table_test.cpp, lpm_trie_test.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace skep::maps {

// Links of the trie: node number + 1; 0: none.
struct Start {
    std::uint32_t next = 0;
    std::uint32_t found = 0;
};

class StartTable {
  public:
    using Slot = std::atomic<std::uint64_t>;

    struct Range {
        std::uint32_t first = 0;
        std::uint32_t count = 0;

        [[nodiscard]] std::uint32_t end() const { return first + count; }
    };

    // What filling needs to know of a node.
    struct Step {
        std::uint32_t bits = 0;       // of its prefix
        std::uint32_t first_bits = 0; // the first sixteen bits of its key
        bool is_entry = false;
        std::array<std::uint32_t, 2> child{};
    };

    // A quarter as many slots as entries, at least sixteen and at most 65,536.
    static std::uint32_t bits_for(std::uint32_t max_entries, std::uint32_t data_bits) {
        const auto width = static_cast<std::uint32_t>(std::bit_width(max_entries));
        return std::min(std::clamp(width, 6U, 18U) - 2, data_bits);
    }

    StartTable(std::uint8_t* memory, std::uint32_t bits)
        : slots_(reinterpret_cast<Slot*>(memory)), bits_(bits) {} // NOLINT: our store

    [[nodiscard]] std::uint32_t bits() const { return bits_; }

    [[nodiscard]] Start at(std::uint32_t first_bits) const {
        const std::uint64_t slot =
            slots_[first_bits >> (kKeyBits - bits_)].load(std::memory_order_acquire);
        return {static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(slot >> 32)};
    }

    // The slots of keys that begin with this prefix.
    [[nodiscard]] Range covered(std::uint32_t first_bits, std::uint32_t length) const {
        const std::uint32_t count = 1U << (bits_ - std::min(bits_, length));
        return {(first_bits >> (kKeyBits - bits_)) & ~(count - 1), count};
    }

    // Fills a range, whose keys have all come as far as `from`; the node there has `least_bits` or
    // more. `step_at(link)` is asked for nodes. Every call of itself goes down by a bit at least,
    // so it ends whatever the nodes say.
    template <class StepAt>
    void fill(Range range, Start from, StepAt step_at, // NOLINT(misc-no-recursion)
              std::uint32_t least_bits = 0) {
        const Step step = from.next == 0 ? Step{} : step_at(from.next);
        if (from.next == 0 || step.bits < least_bits) {
            return set(range, {0, from.found});
        }
        const Range here = covered(step.first_bits, step.bits);
        const std::uint32_t begin = std::clamp(here.first, range.first, range.end());
        const std::uint32_t end = std::clamp(here.end(), range.first, range.end());
        set({range.first, begin - range.first}, {0, from.found});
        set({end, range.end() - end}, {0, from.found});
        if (begin == end) {
            return;
        }
        if (step.bits >= bits_) {
            return set({begin, 1}, from);
        }
        const std::uint32_t found = step.is_entry ? from.next : from.found;
        const std::uint32_t middle = here.first + here.count / 2;
        const std::uint32_t parted = std::clamp(middle, begin, end);
        if (parted > begin) {
            fill({begin, parted - begin}, {step.child[0], found}, step_at, step.bits + 1);
        }
        if (end > parted) {
            fill({parted, end - parted}, {step.child[1], found}, step_at, step.bits + 1);
        }
    }

  private:
    static constexpr std::uint32_t kKeyBits = 16;

    // A slot that is right already is left alone: its line stays with the readers.
    void set(Range range, Start start) {
        const std::uint64_t slot = std::uint64_t{start.found} << 32 | start.next;
        for (std::uint32_t i = range.first; i < range.end(); ++i) {
            if (slots_[i].load(std::memory_order_relaxed) != slot) {
                slots_[i].store(slot, std::memory_order_release);
            }
        }
    }

    Slot* slots_;
    std::uint32_t bits_;
};

} // namespace skep::maps
