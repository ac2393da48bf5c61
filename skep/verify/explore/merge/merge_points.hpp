// SPDX-License-Identifier: Apache-2.0
//
// MergePoints: places where paths meet and go on as one.
//
// This takes the place of checkpoints in the extended mode. A path that comes to such a place ends
// there; its state is joined with what has come before. When all that leads to a place has been
// walked, which the order of places tells, the joined state goes on from it. At the beginning of a
// loop it goes on again while it grows, and growing numbers are widened, so the work is about
// linear in the program. When nothing grows any more, the joined states allow every run: whatever
// they prove holds. That loops end is another question (rounds.hpp).
//
// States that have no useful join are kept side by side, a few for each place. A place is a point
// of the program together with the calls that led there.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "skep/verify/explore/merge/join.hpp"
#include "skep/verify/explore/merge/loop_order.hpp"
#include "skep/verify/state/workspace.hpp"

namespace skep::verify {

class MergePoints {
  public:
    // `order` and `liveness` outlive it. `comes_back`: places to which a call returns that may run
    // again (callbacks, iterators), which are loops that the order does not show.
    MergePoints(Workspace& workspace, const LoopOrder& order, const Liveness& liveness,
                std::vector<bool> comes_back);

    // A path comes to `at`. False: its state has no join with what is there, and there is no room
    // for more.
    bool arrive(State state, InsnIndex at);

    struct Next {
        State state;
        InsnIndex at;
    };
    // The first place from which there is more to walk.
    std::optional<Next> next();

    // The states at the beginning of loops, after all has been walked.
    struct AtHead {
        InsnIndex head;
        std::vector<const State*> states;
        std::vector<InsnIndex> calls; // that led there
    };
    [[nodiscard]] std::vector<AtHead> at_heads() const;
    [[nodiscard]] std::uint64_t memory_bytes() const { return most_states_ * kBytesPerState; }
    void clear();

  private:
    using Key = std::array<std::uint32_t, kMaxFrames + 1>; // positions of calls and place; then 0
    static constexpr std::uint64_t kBytesPerState = sizeof(State) + sizeof(Frame);

    struct Waiting {
        State state;
        bool is_new = true;
    };
    struct Place {
        InsnIndex at;
        bool is_head = false;
        bool stays = false; // in a loop: paths will come again
        unsigned growths = 0;
        std::vector<Waiting> states;
    };

    [[nodiscard]] Key key_of(const State& state, InsnIndex at) const;
    [[nodiscard]] bool in_loop(const State& state, InsnIndex at) const;
    bool add(Place& place, State state);
    [[nodiscard]] Join::Widening widening_at(const Place& place) const;

    Workspace& workspace_;
    const LoopOrder& order_;
    const Liveness& liveness_;
    std::vector<bool> comes_back_;
    std::vector<std::int64_t> thresholds_;
    std::map<Key, Place> places_;
    std::set<Key> pending_;
    std::uint64_t states_ = 0, most_states_ = 0;
};

} // namespace skep::verify
