// SPDX-License-Identifier: Apache-2.0
//
// LoopOrder: in which order places are best walked when states are joined, and which loops there
// are.
//
// Bourdoncle's weak topological order: whatever goes from one place to another goes forwards in it,
// except the jumps back to the beginning of a loop, and the places of a loop stand together. So a
// place outside loops is walked once, when all that leads there has been; and a loop is walked
// until nothing changes before what follows it is.
//
//   F. Bourdoncle, "Efficient chaotic iteration strategies with widenings" (FMPA 1993)
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "skep/verify/state/subject.hpp"

namespace skep::verify {

inline constexpr std::uint32_t kNoLoop = ~0U;

struct Loop {
    InsnIndex head;                // through which every round goes
    std::uint32_t outer = kNoLoop; // the loop around it
    std::vector<InsnIndex> body;   // head first, inner loops included
};

struct LoopOrder {
    std::vector<std::uint32_t> position; // by slot; from 1, no two alike
    std::vector<std::uint32_t> loop;     // the innermost one around the instruction, by slot
    std::vector<Loop> loops;             // outer ones before inner ones

    [[nodiscard]] bool is_head(InsnIndex at) const {
        return loop[at.value] != kNoLoop && loops[loop[at.value]].head == at;
    }
};

// Nothing when loops are nested too deeply to be worth it.
std::optional<LoopOrder> order_loops(const Subject& subject);

} // namespace skep::verify
