// SPDX-License-Identifier: Apache-2.0
//
// Places: labels and jumps of an assembler, and where everything comes to lie in the end.
//
// Every jump is first written in its shortest form. settle() finds those whose target lies too far
// and makes them long; growing one may push another's target out of reach, so it looks again until
// nothing changes. Most jumps are done with at the first look: the target is too far already, or
// stays in reach even when everything in between grows. Positions are kept as marks (an offset and
// how many jumps stand before it), which makes moving them a table look-up. Padding that aligns
// what follows is kept among the jumps: it counts as its most while sizes are settled, and gets its
// true size last, which can only bring targets nearer.
//
// Offsets count in the assembler's own units. A Jump is a PlacedJump with pads(), true of padding,
// which has no target; reaches(distance), from its offset, in its shortest form; long_growth(), by
// how much it is longer than that in its long one; and kMostGrowth, the most that this can be.
//
// Proved by: run/jit/x64/assembler_test.cpp, run/jit/arm64/assembler_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "skep/run/jit/targets/working_memory.hpp"

namespace skep::run::jit {

// Where something begins, whatever becomes of the jumps before it.
struct Mark {
    std::uint32_t offset = 0;
    std::uint32_t jumps_before = 0;
    bool operator==(const Mark&) const = default;
};

struct PlacedJump {
    std::uint32_t offset = 0; // where it stands
    std::uint32_t target = 0; // a label
    std::uint8_t growth = 0;  // by how much it is longer than at first
    bool is_open = false;     // whether it reaches hangs on what is in between
};

template <class Jump>
class Places {
  public:
    using Label = std::uint32_t;

    Places(std::size_t label_count, std::pmr::memory_resource* memory)
        : labels_(memory), jumps_(memory), growth_(memory) {
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
    void bind_as(Label label, Label other) { labels_[label] = labels_[other]; }
    void add(const Jump& jump) {
        jumps_.push_back(jump);
        ++jump_count_;
    }
    [[nodiscard]] Mark mark(std::uint32_t offset) const { return {offset, jump_count_}; }
    [[nodiscard]] std::span<const Jump> jumps() const { return jumps_; }

    // Precondition: all labels that are jumped to are bound; padding has grown by alignment - 1.
    void settle(std::uint32_t alignment) {
        growth_.resize(jumps_.size() + 1);
        sum_growth();
        for (bool changes = look_first(); changes; changes = look_again()) {
            sum_growth();
        }
        std::uint32_t total = 0;
        for (std::size_t i = 0; i < jumps_.size(); ++i) {
            Jump& jump = jumps_[i];
            if (jump.pads()) {
                jump.growth = static_cast<std::uint8_t>((0U - (jump.offset + total)) % alignment);
            }
            total += jump.growth;
            growth_[i + 1] = total;
        }
    }

    // These as sizes stand now.
    [[nodiscard]] std::uint32_t settled(Mark mark) const {
        return mark.offset + growth_[mark.jumps_before];
    }
    [[nodiscard]] std::uint32_t settled(Label label) const { return settled(labels_[label]); }
    // What was added before the jump of that index; one past the last: before the end.
    [[nodiscard]] std::uint32_t growth_before(std::size_t index) const { return growth_[index]; }
    // From the jump, as if it stood where it ends but for its shortest form, to its target.
    [[nodiscard]] std::int64_t distance(const Jump& jump, std::size_t index) const {
        return std::int64_t{settled(jump.target)} -
               (std::int64_t{jump.offset} + growth_[index + 1]);
    }

  private:
    void sum_growth() {
        std::uint32_t total = 0;
        std::uint32_t* sum = growth_.data();
        for (const Jump& jump : jumps_) {
            total += jump.growth;
            *++sum = total;
        }
    }

    // Whether one was made long that an open one may care for.
    bool look_first() {
        bool changes = false;
        bool any_open = false;
        for (std::size_t i = 0; i < jumps_.size(); ++i) {
            Jump& jump = jumps_[i];
            if (jump.pads()) {
                continue;
            }
            const std::int64_t far = distance(jump, i);
            const std::int64_t between =
                std::int64_t{labels_[jump.target].jumps_before} - static_cast<std::int64_t>(i) - 1;
            if (!jump.reaches(far)) {
                jump.growth = jump.long_growth();
                changes = true;
            } else if (!jump.reaches(far + between * Jump::kMostGrowth)) {
                jump.is_open = any_open = true;
            }
        }
        return changes && any_open;
    }

    bool look_again() {
        bool changes = false;
        for (std::size_t i = 0; i < jumps_.size(); ++i) {
            Jump& jump = jumps_[i];
            if (jump.is_open && !jump.reaches(distance(jump, i))) {
                jump.growth = jump.long_growth();
                jump.is_open = false;
                changes = true;
            }
        }
        return changes;
    }

    WorkList<Mark> labels_;
    WorkList<Jump> jumps_;
    std::uint32_t jump_count_ = 0;   // the list's, which is asked for at every instruction
    WorkList<std::uint32_t> growth_; // before a jump, by its index, and before the end
};

} // namespace skep::run::jit
