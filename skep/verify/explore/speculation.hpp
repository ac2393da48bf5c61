// SPDX-License-Identifier: Apache-2.0
//
// Speculation: what a processor may do that guessed wrong, for loaders without CAP_PERFMON.
//
// A processor may run on where a comparison said otherwise, or with a number that was not masked
// yet, and though it takes all of it back, traces of what it read remain. So such paths are walked,
// too, in states that are marked. What may not happen on them is no reason to refuse the program:
// there a barrier is put before the instruction, and the path ends (stop_before). Likewise after a
// store that a processor may overtake: one of an address, or over something that is no plain number
// (stop_after).
//
// A number that is added to an address is masked by what was known of it, so that it stays inside
// the object even when the guess was wrong. That needs one mask for each instruction: addresses
// and numbers, or other distances, in one instruction are refused.
//
// Limits: the masks and barriers themselves are not made; the rewritten program is the one of a
// loader with all capabilities.
//
// Proved by: tests/cases/unprivileged, where the running kernel is asked, too.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

class Speculation {
  public:
    explicit Speculation(const Subject& subject);

    [[nodiscard]] bool is_on() const { return is_on_; }

    // Before an arithmetic instruction is stepped. Gives the address that it may yield when the
    // number is masked away: a path with that is to be walked, too.
    Ruling<std::optional<Value>> check_arithmetic(const State& state, const Insn& insn);
    // After it: whether the new address lies where one may be, and the mask.
    Ruling<void> finish_arithmetic(const State& before, const State& after, const Insn& insn,
                                   InsnIndex at);
    // A number of unknown value was added to an address: see Equivalence::demand_equal_numbers.
    [[nodiscard]] bool masks_numbers() const { return masks_numbers_; }

    // Where a guess ends; precondition: is_on(), as it is in a state that is one.
    [[nodiscard]] bool stops_before(InsnIndex at) const { return marks_[at.value].barrier; }
    [[nodiscard]] bool stops_after(InsnIndex at) const { return marks_[at.value].barrier_after; }
    void stop_before(InsnIndex at);
    [[nodiscard]] std::optional<InsnIndex> first_barrier() const { return first_barrier_; }
    void note_store(const State& before, const Insn& insn, const Value& base, InsnIndex at);

  private:
    // What an instruction adds to: how, and how far the address can move.
    struct Mask {
        bool of_numbers = false;
        bool is_negative = false;
        bool is_constant = false;
        bool address_is_dst = false;
        std::int64_t limit = 0;
        bool operator==(const Mask&) const = default;
    };
    struct Marks {
        std::optional<Mask> mask;
        bool barrier = false;
        bool barrier_after = false;
    };
    struct Sum;

    Ruling<void> set_mask(const Insn& insn, InsnIndex at, const Mask& mask);
    Ruling<void> check_place(const Value& address, const Insn& insn) const;
    [[nodiscard]] Ruling<std::int64_t> room(const Sum& sum, const Value& address,
                                            const Insn& insn) const;

    const Subject& subject_;
    bool is_on_;
    bool masks_numbers_ = false;
    std::optional<InsnIndex> first_barrier_;
    std::vector<Marks> marks_; // by instruction; empty when off
};

} // namespace skep::verify
