// SPDX-License-Identifier: Apache-2.0
//
// live_frames(): liveness along a chain of calls, from the frame on top down.
//
// A caller's slots matter when the caller reads them after the call, or when the callee still reads
// them: what it reads through its arguments from here on, moved to where the caller had them point.
// When it reads through addresses that it found in memory, any frame is read whose address it may
// have found there.
#include <algorithm>

#include "skep/verify/explore/live/frame_addresses.hpp"
#include "skep/verify/explore/live/liveness.hpp"

namespace skep::verify {
namespace {

// Registers that survive a call.
constexpr RegSet kCalleeSaved = 0x3c0; // R6..R9

ArgumentReads reads_from(const Liveness& liveness, std::uint32_t at) {
    return at < liveness.argument_reads.size() ? liveness.argument_reads[at] : ArgumentReads{};
}

struct CallerReads {
    SlotSet own = kNoSlots;
    ArgumentReads through{};
};

// `bases` are read somewhere in [first, end).
void add_reads(CallerReads& reads, Bases bases, std::int64_t first, std::int64_t end) {
    if ((bases & kOwnFrame) != 0) {
        reads.own |= slots_between(first, end);
    }
    for (Reg reg = 1; reg <= 5; ++reg) {
        if ((bases & (1U << reg)) != 0) {
            reads.through.reaches[reg - 1U].add(first, end);
        }
    }
    reads.through.found = reads.through.found || (bases & kFoundFrame) != 0;
}

// What `reads` through the callee's arguments means for the frames that the caller handed over.
CallerReads moved(const ArgumentReads& reads, const Handed& handed) {
    CallerReads result;
    for (std::size_t index = 0; index < reads.reaches.size(); ++index) {
        const Reach& reach = reads.reaches[index];
        const Handed::Argument& argument = handed.arguments[index];
        if (reach.is_empty() || argument.bases == kNoBases) {
            continue;
        }
        // What is cut off stays cut off, whatever is added.
        const bool exact_first = argument.is_exact && reach.first > -Reach::kFar;
        const bool exact_end = argument.is_exact && reach.end < Reach::kFar;
        add_reads(result, argument.bases,
                  exact_first ? reach.first + argument.offset : -Reach::kFar,
                  exact_end ? reach.end + argument.offset : Reach::kFar);
    }
    if (reads.found) {
        add_reads(result, handed.found, -Reach::kFar, Reach::kFar);
    }
    return result;
}

} // namespace

void Reach::add(std::int64_t from, std::int64_t to) {
    constexpr std::uint8_t kMostGrowths = 16;
    if (from >= to || (from >= first && to <= end)) {
        return;
    }
    if (from >= kFar || to <= -kFar || ++growths > kMostGrowths) {
        from = -kFar;
        to = kFar;
    }
    first = static_cast<std::int16_t>(std::clamp<std::int64_t>(from, -kFar, first));
    end = static_cast<std::int16_t>(std::clamp<std::int64_t>(to, end, kFar));
}

LiveFrames live_frames(const Liveness& liveness, const State& state, InsnIndex at) {
    LiveFrames live;
    const unsigned top = state.depth();
    live[top] = {liveness.regs[at.value], liveness.slots[at.value]};
    ArgumentReads reads = reads_from(liveness, at.value);
    for (unsigned number = top; number > 0; --number) {
        const Frame& callee = state.frame(number);
        FrameLiveness& caller = live[number - 1];
        const std::uint32_t call = callee.call_site.value;
        const auto handed = liveness.handed.find(call);
        const bool is_callback = callee.callback != CallbackKind::none;
        // A callback's caller comes back to the call itself, with its arguments.
        caller.regs = is_callback ? liveness.regs[call] | liveness.regs[call + 1]
                                  : static_cast<RegSet>(liveness.regs[call + 1] & kCalleeSaved);
        caller.slots = liveness.slots[call + 1];
        if (is_callback || handed == liveness.handed.end()) {
            caller.slots |= liveness.slots[call];
            reads = reads_from(liveness, call);
            continue;
        }
        const CallerReads more = moved(reads, handed->second);
        caller.slots |= more.own;
        reads = reads_from(liveness, call + 1);
        for (std::size_t argument = 0; argument < reads.reaches.size(); ++argument) {
            reads.reaches[argument].add(more.through.reaches[argument]);
        }
        reads.found = reads.found || more.through.found;
    }
    return live;
}

} // namespace skep::verify
