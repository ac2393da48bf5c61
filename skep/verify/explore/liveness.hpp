// SPDX-License-Identifier: Apache-2.0
//
// Liveness: what may still be read. Computed once, before any path is walked.
//
// A register or stack slot that no path from here reads before it is written cannot matter, so
// states need not agree in it. Registers are the classical backward analysis. For slots, a forward
// pass first finds which registers may hold the frame's address, and where; then each load, store
// and call reads and overwrites known slots, or possibly all. It errs to the side of live.
//
// Proved by: liveness_test.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/verify/state/subject.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {

using SlotSet = std::uint64_t; // bit n: slot n, the bytes [fp - 8n - 8, fp - 8n)
inline constexpr SlotSet kNoSlots = 0;
inline constexpr SlotSet kAllSlots = ~SlotSet{0};

struct Liveness {
    std::vector<RegSet> regs;   // live before the instruction, by slot of the program
    std::vector<SlotSet> slots; // of the frame that executes it
};

Liveness find_liveness(const Subject& subject);

} // namespace skep::verify
