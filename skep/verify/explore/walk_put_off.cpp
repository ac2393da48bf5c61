// SPDX-License-Identifier: Apache-2.0
//
// Paths that are put off: they stopped in a loop at a state whose paths have all ended, some of
// them in a round of that loop, and which they were like in every number that mattered until then.
//
// When all other paths of the loop have ended, too, it is known which numbers matter: needs only
// grow while paths are walked. Those that are still like their state stop for good; the others go
// on, after which all are asked again. Then what was found of the loop holds together: each state
// that a path stopped for has the needs of its continuations, and includes the path's in those.
//
// Proved by: verdicts/put_off_test.cpp.
#include <algorithm>

#include "skep/verify/explore/walk.hpp"

namespace skep::verify {

// The path may go on from where it is; precondition: the checkpoints answered put_off.
void Walk::put_off_path() {
    const CheckpointIndex open = checkpoints_.waited_for();
    checkpoints_.open(open);
    put_off_.push_back({path_, checkpoints_.matched(), open, {}});
    most_put_off_ = std::max<std::uint64_t>(most_put_off_, put_off_.size());
}

// A loop is done but for those put off in it when no other path waits that went through it. As a
// rule such a path was the last that was put on the work list.
void Walk::ask_those_put_off() {
    while (!put_off_.empty()) {
        const CheckpointIndex loop = put_off_.back().holds;
        const bool is_walked =
            std::any_of(pending_.rbegin(), pending_.rend(), [this, loop](const Path& path) {
                return checkpoints_.is_ancestor(loop, path.parent);
            });
        if (is_walked || take_up(loop)) {
            return;
        }
        settle(loop);
    }
}

// Puts those on the work list that may not stop any more; false when there are none. Those of loops
// inside the loop are asked with it.
bool Walk::take_up(CheckpointIndex loop) {
    constexpr std::size_t kMostAtOnce = 1024; // the work list has a limit
    const std::uint64_t needed = workspace_.dependencies.needed_count();
    std::size_t taken = 0;
    std::erase_if(put_off_, [&](PutOff& one) {
        const bool may_differ = one.needed_count != needed || speculation_.masks_numbers();
        if (taken >= kMostAtOnce || !may_differ || !checkpoints_.is_ancestor(loop, one.holds)) {
            return false;
        }
        one.needed_count = needed;
        if (checkpoints_.still_covers(one.like, one.path.state, one.path.at)) {
            return false;
        }
        ++taken;
        checkpoints_.reopen(one.path.parent);
        checkpoints_.close(one.holds);
        pending_.push_back(std::move(one.path));
        return true;
    });
    longest_pending_ = std::max<std::uint64_t>(longest_pending_, pending_.size());
    return taken != 0;
}

// They stop for good; or as far as is known of a loop around this one.
void Walk::settle(CheckpointIndex loop) {
    const CheckpointIndex outer = checkpoints_.outer_loop(loop);
    std::vector<CheckpointIndex> held;
    std::erase_if(put_off_, [&](PutOff& one) {
        if (!checkpoints_.is_ancestor(loop, one.holds)) {
            return false;
        }
        held.push_back(one.holds);
        if (outer == kNoCheckpoint || checkpoints_.outer_loop(one.holds) == kNoCheckpoint) {
            return true;
        }
        checkpoints_.open(outer);
        one.holds = outer;
        return false;
    });
    for (const CheckpointIndex one : held) {
        checkpoints_.close(one);
    }
}

} // namespace skep::verify
