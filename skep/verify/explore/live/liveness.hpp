// SPDX-License-Identifier: Apache-2.0
//
// Liveness: what may still be read. Computed once, before any path is walked.
//
// A register or stack slot that no path from here reads before it is written cannot matter, so
// states need not agree in it. Registers are the classical backward analysis. For slots, a forward
// pass first finds which registers may hold the frame's address, and where; then each load, store
// and call reads and overwrites known slots, or possibly all. It errs to the side of live.
//
// Proved by: liveness_test.cpp; tests/verdicts/campaign/campaign_test.cpp (programs that hang on
// what lies in callers' frames, beside the kernel).
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {

using SlotSet = std::uint64_t; // bit n: slot n, the bytes [fp - 8n - 8, fp - 8n)
inline constexpr SlotSet kNoSlots = 0;
inline constexpr SlotSet kAllSlots = ~SlotSet{0};

// Whose frame: bit 0 the own, bit n what the n-th argument points into, bit 6 one whose address was
// found in a caller's frame: which, only callers know.
using Bases = std::uint8_t;
inline constexpr Bases kNoBases = 0;
inline constexpr Bases kOwnFrame = 1;
inline constexpr Bases kEveryArgument = 0x3e;
inline constexpr Bases kFoundFrame = 0x40;
inline constexpr Bases kCallersFrames = kEveryArgument | kFoundFrame;

// Bytes counted from where an argument points: [first, end), empty when first >= end. An end at
// kFar is no end: the argument itself may point far away. What grows often is everything, so that
// reaches settle soon.
struct Reach {
    static constexpr std::int16_t kFar = 4096;
    std::int16_t first = kFar;
    std::int16_t end = -kFar;
    std::uint8_t growths = 0;

    bool operator==(const Reach&) const = default;
    [[nodiscard]] bool is_empty() const { return first >= end; }
    void add(std::int64_t from, std::int64_t to);
    void add(const Reach& other) { add(other.first, other.end); }
    void add_all() { add(-kFar, kFar); }
};
struct ArgumentReads {
    std::array<Reach, 5> reaches; // by R1..R5 as they were at the function's beginning
    bool found = false;           // and what addresses point at that were found in a caller's frame
    bool operator==(const ArgumentReads&) const = default;
};

// What a call hands over of stack frames: for each argument, where it points.
struct Handed {
    struct Argument {
        bool is_exact = false;
        Bases bases = kNoBases;
        std::int16_t offset = 0; // when exact
    };
    std::array<Argument, 5> arguments;
    Bases found = kNoBases; // frames whose addresses the callee may find in memory
};

struct Liveness {
    std::vector<RegSet> regs;   // live before the instruction, by slot of the program
    std::vector<SlotSet> slots; // of the frame that executes it
    // What from here to the function's end is read through its arguments, by slot of the program;
    // empty when no function reads so.
    std::vector<ArgumentReads> argument_reads;
    std::unordered_map<std::uint32_t, Handed> handed; // by calling instruction
    std::uint64_t analysis_bytes = 0;                 // that finding all this took
};

Liveness find_liveness(const Subject& subject);
// What finding it will take: for each slot of the longest function and each of its blocks, and what
// is kept for each slot of the program.
std::uint64_t liveness_analysis_bytes(const Subject& subject);

// What is live of each frame of a state that is at `at`. Of a caller: what it reads when the call
// is over, and what the callee still reads of it from here on.
struct FrameLiveness {
    RegSet regs = kNoRegs;
    SlotSet slots = kNoSlots;
};
using LiveFrames = std::array<FrameLiveness, kMaxFrames>;
LiveFrames live_frames(const Liveness& liveness, const State& state, InsnIndex at);

} // namespace skep::verify
