// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: states saved along the way, to compare later paths with.
//
// They form a tree: each has the checkpoint before it on its path as parent. One is open while a
// path that went through it is still to be walked; when none is, everything reachable from it is
// proved. A path that came back into a loop and stopped there because it was like an open one is
// proved only when that one is: until then what it went through `waits` for it. A path that comes
// by a checkpoint that waits may stop there too, and waits with it, when it is like it in every
// number: which of them matter is not known before the loop is done. (That such paths stop for the
// time being, and are asked again when the loop is done, was tried: docs/verifier-performance.md.)
//
// When to save and when to forget follows spec/verifier.md, section 10.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "skep/verify/explore/prune/equivalence.hpp"
#include "skep/verify/statistics.hpp"

namespace skep::verify {

using CheckpointIndex = std::uint32_t;
inline constexpr CheckpointIndex kNoCheckpoint = ~0U;

// How a point of the program is treated when a path comes by.
enum class PointKind : std::uint8_t {
    ordinary, // a state is saved when enough has happened; coming back unchanged is an infinite
              // loop
    may_goto, // always saved; a loop of unknown length converges here
    callback, // the same: a call that may run a function any number of times
    iterator, // the same: the next element of an iterator, which ends when it was asked more often
};

// Work done so far, which decides whether saving pays.
struct Effort {
    std::uint64_t insns = 0;
    std::uint64_t jumps = 0;
    std::uint32_t recorded = 0; // jumps since this path's last checkpoint
};

class Checkpoints {
  public:
    Checkpoints(const Liveness& liveness, Workspace& workspace);

    enum class Answer : std::uint8_t { go_on, proved, infinite_loop };
    struct Visit {
        InsnIndex at;
        PointKind kind = PointKind::ordinary;
        Effort effort;
        std::uint64_t fingerprint = 0; // of the state; visit() fills it in
    };
    // A path comes by with `state`, having last passed `parent`. When the state is saved, it gets
    // origins of its own and `parent` becomes the new checkpoint.
    Answer visit(State& state, CheckpointIndex& parent, Visit visit);

    // A path through `parent` begins besides the one that is walked; one has ended.
    void open(CheckpointIndex parent);
    void close(CheckpointIndex parent);

    // The last state on the path up to `from` at `at`, under the same calls as `now`; null when
    // there is none.
    [[nodiscard]] const State* previous(CheckpointIndex from, InsnIndex at, const State& now) const;
    // The checkpoint before this very visit of `at`, which is the last one when it was saved.
    [[nodiscard]] CheckpointIndex before_visit(CheckpointIndex from, InsnIndex at) const {
        return from != kNoCheckpoint && all_[from].at == at ? all_[from].parent : from;
    }
    // The state that an infinite loop came back to.
    [[nodiscard]] const State& matched() const { return states_[matched_]; }

    void demand_equal_numbers() { equivalence_.demand_equal_numbers(); }

    [[nodiscard]] const Statistics& statistics() const { return statistics_; }
    // What it takes before any state is saved: something for each instruction.
    [[nodiscard]] std::uint64_t table_bytes() const {
        return last_place_.capacity() * sizeof(LastPlace) + equivalence_.memory_bytes();
    }

  private:
    // All but the state, which is looked at far more seldom.
    struct Checkpoint {
        InsnIndex at;
        CheckpointIndex parent = kNoCheckpoint;
        CheckpointIndex jump = kNoCheckpoint;      // an ancestor further up: see is_ancestor
        CheckpointIndex waits_for = kNoCheckpoint; // an open ancestor
        std::uint32_t open_paths = 1;
        std::uint32_t depth = 0;
        std::uint32_t hits = 0;
        std::uint32_t misses = 0;
        std::uint64_t bytes = 0;
        std::uint64_t fingerprint = 0;
        bool listed = true;
    };

    [[nodiscard]] CheckpointIndex proved_with(CheckpointIndex index) const;
    // In steps that grow with the logarithm of the depth, by jumps.
    [[nodiscard]] bool is_ancestor(CheckpointIndex ancestor, CheckpointIndex of) const;
    [[nodiscard]] CheckpointIndex jump_from(CheckpointIndex parent) const;
    [[nodiscard]] std::uint64_t fingerprint(const State& state, InsnIndex at) const;
    [[nodiscard]] std::vector<CheckpointIndex>& at_place(const State& state, InsnIndex at);
    void wait(CheckpointIndex from, CheckpointIndex for_open);
    bool is_like(CheckpointIndex index, const State& state, CheckpointIndex parent,
                 const Visit& visit, Answer& answer);
    void stop_at(CheckpointIndex index, const State& state, Answer answer);
    void save(State& state, CheckpointIndex& parent, const Visit& visit);
    [[nodiscard]] const State* state_of(CheckpointIndex index) const {
        return index != kNoCheckpoint && all_[index].listed ? &states_[index] : nullptr;
    }
    void give_places(State& state, CheckpointIndex parent, InsnIndex at);
    void give_places(Stack& stack, SlotSet live);
    void forget(CheckpointIndex index);

    const Liveness& liveness_;
    Workspace& workspace_;
    Equivalence equivalence_;
    std::size_t most_at_place_; // states that are kept of one place
    std::vector<Checkpoint> all_;
    std::deque<State> states_; // theirs, in the same order
    // By instruction and the call that the current frame came from. Most often that is the call
    // that it came from the last time.
    std::unordered_map<std::uint64_t, std::vector<CheckpointIndex>> by_place_;
    struct LastPlace {
        InsnIndex call_site;
        std::vector<CheckpointIndex>* checkpoints = nullptr; // in by_place_
    };
    std::vector<LastPlace> last_place_; // by instruction
    Statistics statistics_;
    std::uint64_t memory_bytes_ = 0;
    std::uint64_t insns_at_save_ = 0;
    std::uint64_t jumps_at_save_ = 0;
    CheckpointIndex matched_ = kNoCheckpoint;
};

} // namespace skep::verify
