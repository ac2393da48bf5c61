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
    bool match(std::uint32_t old_id, std::uint32_t new_id) {
        const bool is_none = (old_id | new_id) == 0;
        return is_none || (old_id != 0 && new_id != 0 && pair(old_id, new_id));
    }
    // The same for numbers, where "none" is an id of its own that nobody shares.
    bool match_numbers(std::uint32_t old_id, std::uint32_t new_id) {
        if ((old_id | new_id) == 0) {
            return true;
        }
        const std::uint32_t fresh = ++last_private_; // for the side that has none
        return pair(old_id != 0 ? old_id : fresh, new_id != 0 ? new_id : fresh);
    }

  private:
    bool pair(std::uint32_t old_id, std::uint32_t new_id);

    static constexpr std::uint32_t kFirstPrivate = 1U << 31;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs_;
    std::uint32_t last_private_ = kFirstPrivate;
};

class Equivalence {
  public:
    Equivalence(const Liveness& liveness, const Dependencies& dependencies,
                const Capabilities& capabilities = {})
        : liveness_(liveness), dependencies_(dependencies), sees_addresses_(capabilities.perfmon),
          differed_(liveness.regs.size()) {}

    // From here on numbers are alike only when the same is known of both: what is added to pointers
    // is masked by what was known of it, so paths that know different things must all be walked.
    void demand_equal_numbers() { numbers_are_equal_ = true; }

    // Where, and in which calls, the states of the next questions are.
    void stand_at(InsnIndex at) {
        at_ = at;
        known_live_ = Known::nothing;
    }
    // Whether whatever can happen from `now` can also happen from `old`.
    bool covers(const State& old, const State& now, Likeness likeness);

    // What the old state needed exactly, the new one does too; and what it comes to need, when it
    // is not finished. After covers() was true.
    enum class Needs : std::uint8_t { known, growing };
    void inherit_needs(Workspace& workspace, const State& old, const State& now, Needs needs) const;

    [[nodiscard]] std::uint64_t memory_bytes() const { return differed_.capacity() * sizeof(Item); }

  private:
    // A register or slot of a frame.
    struct Item {
        static constexpr std::uint8_t kNone = 0xff;
        std::uint8_t frame = kNone;
        bool is_slot = false;
        std::uint8_t index = 0;
    };

    bool is_ruled_out(const State& old, const State& now);
    const FrameLiveness& live_of(const State& now, unsigned number);
    bool differs_in(const Item& item);
    bool covers_registers(const Frame& old, const Frame& now, unsigned number);
    bool agree_in_ids(const Value& both);
    bool agree_in_ids(const Slot& both);
    bool covers_frame(const State& old, const State& now, unsigned number);
    bool covers_value(const Value& old, const Value& now);
    bool covers_number(const Value& old, const Value& now);
    bool covers_stack(const Stack& old, const Stack& now, unsigned number);
    bool covers_part(const Stack& old, const Stack& now, unsigned number, std::uint32_t part);
    bool covers_slot(const Slot& old, const Slot& now);
    [[nodiscard]] bool covers_unread(SlotByte old, SlotByte now) const;
    [[nodiscard]] bool covers_plain(const Slot& old, const Slot& now) const;
    bool same_resources(const Resources& old, const Resources& now);

    const Liveness& liveness_;
    const Dependencies& dependencies_;
    InsnIndex at_;
    LiveFrames live_; // at at_, once asked for
    enum class Known : std::uint8_t { nothing, top, all };
    Known known_live_ = Known::nothing;
    IdPairs ids_;
    Likeness likeness_ = Likeness::finished;
    bool sees_addresses_ = true;
    bool numbers_are_equal_ = false;
    // By instruction, where the last two states differed that were compared there: so do most
    // others.
    std::vector<Item> differed_;
};

} // namespace skep::verify
