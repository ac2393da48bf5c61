// SPDX-License-Identifier: Apache-2.0
//
// Places: labels and jumps of an assembler, and where everything comes to lie in the end.
//
// Every jump is first written in its shortest form. settle() finds those whose target lies too far
// and makes them long; growing one may push another's target out of reach, so it looks again until
// nothing changes. Positions are kept as marks (an offset and how many jumps stand before it),
// which makes moving them a table look-up. Padding that aligns what follows is kept among the
// jumps: it counts as its most while sizes are settled, and gets its true size last, which can only
// bring targets nearer.
//
// Offsets count in the assembler's own units. A Jump has an `offset`, where it stands; a `target`;
// `is_long`, at first false; and pads(), true of padding, which has no target.
//
// Proved by: run/jit/x64/assembler_test.cpp, run/jit/arm64/assembler_test.cpp.
#pragma once

#include <cstdint>
#include <vector>

namespace skep::run::jit {

// Where something begins, whatever becomes of the jumps before it.
struct Mark {
    std::uint32_t offset = 0;
    std::uint32_t jumps_before = 0;
    bool operator==(const Mark&) const = default;
};

template <class Jump>
class Places {
  public:
    using Label = std::uint32_t;

    explicit Places(std::size_t label_count) {
        constexpr std::size_t kSlotsPerJump = 4; // about; more makes room for itself
        constexpr std::size_t kNewLabels = 16;   // as well
        labels_.reserve(label_count + kNewLabels);
        labels_.resize(label_count);
        jumps_.reserve(label_count / kSlotsPerJump + kSlotsPerJump);
    }

    Label new_label() {
        labels_.emplace_back();
        return static_cast<Label>(labels_.size() - 1);
    }
    void bind(Label label, std::uint32_t offset) { labels_[label] = mark(offset); }
    void add(const Jump& jump) { jumps_.push_back(jump); }
    [[nodiscard]] Mark mark(std::uint32_t offset) const {
        return {offset, static_cast<std::uint32_t>(jumps_.size())};
    }
    [[nodiscard]] const std::vector<Jump>& jumps() const { return jumps_; }

    // reaches(jump, index): whether it does as it is now; growth_of(jump): by how much it is longer
    // now than at first. All labels that are jumped to must be bound.
    template <class Reaches, class GrowthOf>
    void settle(std::uint32_t alignment, Reaches reaches, GrowthOf growth_of) {
        const auto most = [&](const Jump& jump, std::uint32_t) {
            return jump.pads() ? alignment - 1 : growth_of(jump);
        };
        growth_.resize(jumps_.size() + 1);
        sum_growth(most); // padding counts from the beginning
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t i = 0; i < jumps_.size(); ++i) {
                Jump& jump = jumps_[i];
                if (!jump.is_long && !jump.pads() && !reaches(jump, i)) {
                    jump.is_long = changed = true;
                }
            }
            if (changed) {
                sum_growth(most);
            }
        }
        sum_growth([&](const Jump& jump, std::uint32_t before) {
            return jump.pads() ? (0U - (jump.offset + before)) % alignment : growth_of(jump);
        });
    }

    // These as sizes stand now.
    [[nodiscard]] std::uint32_t settled(Mark mark) const {
        return mark.offset + growth_[mark.jumps_before];
    }
    [[nodiscard]] std::uint32_t settled(Label label) const { return settled(labels_[label]); }
    // What was added before the jump of that index; one past the last: before the end.
    [[nodiscard]] std::uint32_t growth_before(std::size_t index) const { return growth_[index]; }

  private:
    template <class Growth>
    void sum_growth(Growth growth) {
        std::uint32_t total = 0;
        for (std::size_t i = 0; i < jumps_.size(); ++i) {
            total += growth(jumps_[i], total);
            growth_[i + 1] = total;
        }
    }

    std::vector<Mark> labels_;
    std::vector<Jump> jumps_;
    std::vector<std::uint32_t> growth_;
};

} // namespace skep::run::jit
