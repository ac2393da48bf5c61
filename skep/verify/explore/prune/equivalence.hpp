// SPDX-License-Identifier: Apache-2.0
//
// State equivalence: may this path stop here?
//
// A path may stop at a point that was already proved safe from a state that allows at least as
// much. "Allows at least as much" is inclusion in every live register and slot; what is not live
// cannot matter. Ids and references need not be the same numbers: they must match one to one, so
// that what moved together still does.
//
//   finished   the old state is proved: a number that no check relied on counts as any number
//   by_range   the old state is still being explored (a loop through an iterator, a callback or
//              may_goto): nothing is left out, because what will matter is not known yet
//   exactly    nothing has changed at all: coming back so means never leaving
//
// A stack byte without a value, or with any, covers every ordinary one, addresses too, for loaders
// that may see addresses (CAP_PERFMON). For others a byte with any value covers only numbers, one
// without a value was never read, and none with a value is as good as one without.
//
// Proved by: equivalence_test.cpp.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "skep/verify/explore/live/liveness.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/workspace.hpp"

namespace skep::verify {

enum class Likeness : std::uint8_t { finished, by_range, exactly };

// Pairs of ids, old and new, that must stand for each other.
class IdPairs {
  public:
    void clear() {
        pairs_.clear();
        last_private_ = kFirstPrivate;
    }
    // Both are "none", or they stand for each other and for nothing else.
    bool match(std::uint32_t old_id, std::uint32_t new_id);
    // The same for numbers, where "none" is an id of its own that nobody shares.
    bool match_numbers(std::uint32_t old_id, std::uint32_t new_id);

  private:
    static constexpr std::uint32_t kFirstPrivate = 1U << 31;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs_;
    std::uint32_t last_private_ = kFirstPrivate;
};

class Equivalence {
  public:
    Equivalence(const Liveness& liveness, const Dependencies& dependencies,
                const Capabilities& capabilities = {})
        : liveness_(liveness), dependencies_(dependencies), sees_addresses_(capabilities.perfmon) {}

    // From here on numbers are alike only when the same is known of both: what is added to pointers
    // is masked by what was known of it, so paths that know different things must all be walked.
    void demand_equal_numbers() { numbers_are_equal_ = true; }

    // Where, and in which calls, the states of the next questions are.
    void stand_at(InsnIndex at) {
        at_ = at;
        live_is_known_ = false;
    }
    // Whether whatever can happen from `now` can also happen from `old`.
    bool covers(const State& old, const State& now, Likeness likeness);

    // What the old state needed exactly, the new one does too. After covers() was true.
    void inherit_needs(Workspace& workspace, const State& old, const State& now) const;

  private:
    bool covers_frame(const State& old, const State& now, unsigned number);
    bool covers_value(const Value& old, const Value& now);
    bool covers_number(const Value& old, const Value& now);
    bool covers_stack(const Stack& old, const Stack& now, SlotSet live);
    bool covers_slot(const Slot& old, const Slot& now);
    [[nodiscard]] bool covers_unread(SlotByte old, SlotByte now) const;
    [[nodiscard]] bool covers_plain(const Slot& old, const Slot& now) const;
    bool same_resources(const Resources& old, const Resources& now);

    const Liveness& liveness_;
    const Dependencies& dependencies_;
    InsnIndex at_;
    LiveFrames live_; // at at_, once asked for
    bool live_is_known_ = false;
    IdPairs ids_;
    Likeness likeness_ = Likeness::finished;
    bool sees_addresses_ = true;
    bool numbers_are_equal_ = false;
};

} // namespace skep::verify
