// SPDX-License-Identifier: Apache-2.0
//
// Trail: the states of one path, in order, and where values came from on it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skep/verify/explore/walk.hpp"

namespace skep::verify {

struct TrailStep {
    InsnIndex at;
    State before; // what was known before the instruction
};

class Trail {
  public:
    // Walks the path again. Of a long one the last steps are kept.
    Trail(const Subject& subject, const RefusedPath& refused);

    // The last is the refused one; empty when the path could not be walked again.
    [[nodiscard]] std::span<const TrailStep> steps() const { return steps_; }
    [[nodiscard]] const Insn& insn(std::size_t step) const {
        return subject_.insn(steps_[step].at);
    }

    // What a register held before a step was made by which step: back through copies, spills, calls
    // of own functions and moves of a pointer by a constant. Nothing when it is older than the
    // trail, or was there from the beginning.
    [[nodiscard]] std::optional<std::size_t> made(std::size_t step, Reg reg) const;
    // The same, also back through arithmetic with constants: where an index came from.
    [[nodiscard]] std::optional<std::size_t> begun(std::size_t step, Reg reg) const;

    // The number that was added to a pointer last: the step that did, and the number's register.
    struct Moved {
        std::size_t step = 0;
        Reg index = 0;
    };
    [[nodiscard]] std::optional<Moved> moved(std::size_t step, Reg reg) const;

    // The last step before `step` at which `is_it` holds.
    template <class Predicate>
    [[nodiscard]] std::optional<std::size_t> last(std::size_t step, Predicate is_it) const {
        while (step-- > 0) {
            if (is_it(step)) {
                return step;
            }
        }
        return std::nullopt;
    }

  private:
    const Subject& subject_;
    std::vector<TrailStep> steps_;
};

} // namespace skep::verify
