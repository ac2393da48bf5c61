// SPDX-License-Identifier: Apache-2.0
//
// Join: one state that stands for two.
//
// The result allows all that either allowed: numbers become the hull of both, ids that do not
// correspond are dropped, what is known of one only is forgotten. Two states that differ in what a
// live pointer is, in what is held or in the calls they are in have no join that would prove
// anything, and are kept apart; asked to `force`, join() gives up the registers and slots in
// question (nobody may read them any more) where that is possible.
//
// At the beginning of a loop a joined number that grew is widened to the next of a few thresholds,
// so that the walk ends.
//
// Proved by: extended_test.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "skep/verify/explore/live/liveness.hpp"
#include "skep/verify/state/state.hpp"

namespace skep::verify {

// Forgets what nobody reads any more, so that it keeps no states apart.
void forget_dead(State& state, const LiveFrames& live);

// The least threshold-bounded number that holds `joined`, which grew out of `old`. Thresholds rise;
// without any, what grew becomes unbounded.
Scalar widened(const Scalar& old, const Scalar& joined, std::span<const std::int64_t> thresholds);

class Join {
  public:
    enum class Answer : std::uint8_t { incompatible, unchanged, grown };
    enum class Effort : std::uint8_t { keep_apart, force };
    struct Widening {
        bool wanted = false;
        std::span<const std::int64_t> thresholds;
    };

    Join(IdSource& ids, Widening widening, Effort effort)
        : ids_(ids), widening_(widening), effort_(effort) {}

    // Makes `into` stand for `now` too. When they are incompatible, it is left as it was.
    Answer add(State& into, const State& now);

  private:
    bool join_frame(State& into, const State& now, unsigned number);
    bool join_stack(State& into, const State& now, unsigned number);
    // What may be known of both; false: nothing.
    bool join_value(const Value& old, const Value& now, Value& result);
    bool join_pointer(const Value& old, const Value& now, Value& result);
    bool join_slot(const Slot& old, const Slot& now, Slot& result);
    using Link = std::pair<bool, std::uint64_t>; // a known number, or an id
    std::uint32_t join_id(const Link& old, const Link& now, std::uint32_t old_id);
    static std::optional<Link> link_of(const Value& value, const Value& other);
    void join_link(const Value& old, const Value& now, Value& result);
    Scalar join_number(const Scalar& old, const Scalar& now);

    IdSource& ids_;
    Widening widening_;
    Effort effort_;
    bool grown_ = false;
    std::map<std::pair<Link, Link>, std::uint32_t> id_of_;
    std::set<std::uint32_t> taken_; // old ids that stand for a pair already
    bool is_strict_ = false;        // ids of pointers must be the same
};

} // namespace skep::verify
