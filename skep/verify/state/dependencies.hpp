// SPDX-License-Identifier: Apache-2.0
//
// Dependencies: which numbers had to be exactly what they were.
//
// A number is computed from older ones. Most never matter: a saved state may stand for any other
// number in their place. Those that decided something (a branch, an offset, a size) do matter, and
// so do all that they were computed from. Since it is known only later which ones, every number
// carries its `origin`, a node of this graph, and when a check relies on a number its node is
// marked and the mark flows back along the edges. Each node is marked once, so that all marking
// together costs no more than making the nodes.
//
//   r1 = 4            r1 comes from nothing older: origin 0
//   [state saved]     each live number gets a node of its own: r1 → n1, r2 → n2
//   r3 = r1; r3 += 1  r3 has origin n1: one operand adds nothing new
//   r3 += r2          r3 has origin n3 with edges to n1 and n2
//   if r3 > 9 ...     decided: n3, n1, n2 are marked; the saved state must be matched in r1 and r2
//
// This takes the place of walking back through the history of jumps, instruction by instruction.
#pragma once

#include <cstdint>
#include <vector>

namespace skep::verify {

class Dependencies {
  public:
    using Origin = std::uint32_t; // 0: from nothing older

    Dependencies() { nodes_.emplace_back(); }

    // A new node that stands for one place in a saved state and was computed from `from`.
    Origin place(Origin from) { return add(from, 0); }
    // The origin of what was computed from two numbers.
    Origin join(Origin a, Origin b) {
        if (a == b || b == 0) {
            return a;
        }
        return a == 0 ? b : add(a, b);
    }
    [[nodiscard]] bool is_needed(Origin origin) const {
        return all_needed_ || nodes_[origin].needed;
    }
    // Every number matters, those that come from nothing older, too.
    void need_all() { all_needed_ = true; }
    // When `first` becomes needed later, so does `then`: a path stopped because it was like another
    // one that is not finished yet.
    void follow(Origin first, Origin then);
    // Some check relied on it.
    void need(Origin origin) {
        if (origin != 0 && !nodes_[origin].needed) {
            mark(origin);
        }
    }

    [[nodiscard]] std::uint64_t memory_bytes() const {
        return nodes_.capacity() * sizeof(Node) + followers_.capacity() * sizeof(Follower);
    }

  private:
    static constexpr std::uint32_t kNone = ~0U;
    struct Node {
        Origin first = 0;
        Origin second = 0;
        std::uint32_t followers = kNone; // a list in followers_
        bool needed = false;
    };
    struct Follower {
        Origin then = 0;
        std::uint32_t next = kNone;
    };
    Origin add(Origin a, Origin b) {
        nodes_.push_back({a, b, kNone, false});
        return static_cast<Origin>(nodes_.size() - 1);
    }
    void mark(Origin origin);

    std::vector<Node> nodes_;
    bool all_needed_ = false;
    std::vector<Follower> followers_;
    std::vector<Origin> pending_; // work list of mark(), kept to save allocations
};

} // namespace skep::verify
