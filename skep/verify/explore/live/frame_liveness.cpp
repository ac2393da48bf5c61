// SPDX-License-Identifier: Apache-2.0
//
// live_frames(): liveness along a chain of calls, from the frame on top down.
//
// A caller's slots matter when the caller reads them after the call, or when the callee still reads
// them: what it reads through its arguments from here on, moved to where the caller had them point.
// Where an address might be found in memory that is read, everything that the call may read counts.
#include <algorithm>

#include "skep/verify/explore/live/frame_addresses.hpp"
#include "skep/verify/explore/live/liveness.hpp"

namespace skep::verify {
namespace {

// Registers that survive a call.
constexpr RegSet kCalleeSaved = 0x3c0; // R6..R9

ArgumentReaches reads_from(const Liveness& liveness, std::uint32_t at) {
    return at < liveness.argument_reads.size() ? liveness.argument_reads[at] : ArgumentReaches{};
}

struct CallerReads {
    SlotSet own = kNoSlots;
    ArgumentReaches through{};
};

// What `reads` through the callee's arguments means for the frames that the caller handed over.
CallerReads moved(const ArgumentReaches& reads, const Handed& handed) {
    CallerReads result;
    for (std::size_t index = 0; index < reads.size(); ++index) {
        const Reach& reach = reads[index];
        const Handed::Argument& argument = handed.arguments[index];
        if (reach.is_empty() || argument.bases == kNoBases) {
            continue;
        }
        // What is cut off stays cut off, whatever is added.
        const bool exact_first = argument.is_exact && reach.first > -Reach::kFar;
        const bool exact_end = argument.is_exact && reach.end < Reach::kFar;
        const std::int64_t first = exact_first ? reach.first + argument.offset : -Reach::kFar;
        const std::int64_t end = exact_end ? reach.end + argument.offset : Reach::kFar;
        if ((argument.bases & kOwnFrame) != 0) {
            result.own |= slots_between(first, end);
        }
        for (Reg reg = 1; reg <= 5; ++reg) {
            if ((argument.bases & (1U << reg)) != 0) {
                result.through[reg - 1U].add(first, end);
            }
        }
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
    ArgumentReaches reads = reads_from(liveness, at.value);
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
        const CallerReads found =
            handed == liveness.handed.end() ? CallerReads{} : moved(reads, handed->second);
        const bool may_lead_further =
            handed != liveness.handed.end() && found.own != kNoSlots &&
            (handed->second.elsewhere || (found.own & handed->second.holding) != 0);
        if (is_callback || handed == liveness.handed.end() || may_lead_further) {
            caller.slots |= liveness.slots[call];
            reads = reads_from(liveness, call);
            continue;
        }
        caller.slots |= found.own;
        reads = reads_from(liveness, call + 1);
        for (std::size_t argument = 0; argument < reads.size(); ++argument) {
            reads[argument].add(found.through[argument]);
        }
    }
    return live;
}

} // namespace skep::verify
