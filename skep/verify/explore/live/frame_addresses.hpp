// SPDX-License-Identifier: Apache-2.0
//
// Which registers may hold an address on the stack, and of whose frame: a forward pass over one
// function, before any path is walked. It feeds liveness.
//
// An address comes from R10 (the own frame) or from an argument (a caller's). Constants and maps
// are followed too, as far as they say how much a helper reads.
//
// Compilers spill arguments to slots of the own frame and take them back. What such a slot ever
// holds is one fact for the whole function, joined over all stores to it, in whatever order they
// come; so the order of stores cannot make it wrong. It says where a loaded address points if it
// points into a caller's frame at all: enough to tell what is read, never what is overwritten. An
// address stored in any other way may come back from any load.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "skep/verify/explore/live/liveness.hpp"
#include "skep/verify/state/stack.hpp"
#include "skep/verify/state/subject.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {

// Whose frame: bit 0 the own, bit n what the n-th argument points into.
using Bases = std::uint8_t;
inline constexpr Bases kOwnFrame = 1;
inline constexpr Bases kNoBases = 0;

// addresses: if it is the address of a stack at all, then in that part of it.
enum class Holds : std::uint8_t { nothing, number, map, address, addresses };
struct Held {
    Holds holds = Holds::nothing; // nothing: neither a known number nor a known address
    Bases bases = kNoBases;       // frames that it may point into
    std::int64_t number = 0;      // number: which; map: index; address: offset in the one base
    std::int64_t last = 0;        // addresses: somewhere between the offsets `number` and this
    std::uint8_t joins = 0;       // addresses: how often that grew

    bool operator==(const Held&) const = default;
    [[nodiscard]] bool is_address() const { return holds == Holds::address; }
    // Where ways meet that call the same function with other parts of one frame, the part is known
    // still; in a loop that moves on, it is not.
    [[nodiscard]] bool is_near_address() const {
        return holds == Holds::address || holds == Holds::addresses;
    }
    [[nodiscard]] std::int64_t greatest() const {
        return holds == Holds::addresses ? last : number;
    }
    // The same, or nothing of a stack at all.
    [[nodiscard]] Held perhaps_near() const {
        return {Holds::addresses, bases, number, greatest(), joins};
    }
    [[nodiscard]] Held join(const Held& other) const {
        constexpr std::uint8_t kMostJoins = 6;
        if (*this == other) {
            return *this;
        }
        const auto all = static_cast<Bases>(bases | other.bases);
        if (is_near_address() && other.bases == kNoBases) {
            return perhaps_near();
        }
        if (other.is_near_address() && bases == kNoBases) {
            return other.perhaps_near();
        }
        if (!is_near_address() || !other.is_near_address() || bases != other.bases) {
            return {Holds::nothing, all, 0};
        }
        Held wider{Holds::addresses, all, std::min(number, other.number),
                   std::max(greatest(), other.greatest()), std::max(joins, other.joins)};
        if (holds == Holds::addresses && wider.number == number && wider.last == last) {
            return *this;
        }
        ++wider.joins;
        return wider.joins > kMostJoins ? Held{Holds::nothing, all, 0} : wider;
    }
};
using HeldRegisters = std::array<Held, 11>;

// Slots that hold a byte of [first, end), offsets from the frame's top.
inline SlotSet slots_between(std::int64_t first, std::int64_t end) {
    first = std::max<std::int64_t>(first, -kStackBytes);
    end = std::min<std::int64_t>(end, 0);
    if (first >= end) {
        return kNoSlots;
    }
    const std::uint32_t highest = Stack::slot_of(static_cast<int>(first));
    const std::uint32_t lowest = Stack::slot_of(static_cast<int>(end - 1));
    return kAllSlots >> (63U - highest) & kAllSlots << lowest;
}

// Bytes read from where an argument points: [first, end), empty when first >= end.
struct ReadBytes {
    static constexpr std::int64_t kFar = 1LL << 40; // beyond any offset that is followed
    std::int64_t first = kFar;
    std::int64_t end = -kFar;

    void add(std::int64_t from, std::int64_t to) {
        first = std::min(first, std::max(from, -kFar));
        end = std::max(end, std::min(to, kFar));
    }
    void add_all() { add(-kFar, kFar); }
    [[nodiscard]] bool is_empty() const { return first >= end; }
};

inline constexpr Bases kEveryArgument = 0x3e;

// What a function does with the frames that its arguments point into.
struct Escapes {
    Bases returned = kNoBases;     // R0 may point into them at an exit
    Bases stored = kNoBases;       // their address was stored where others may find it
    std::array<ReadBytes, 6> read; // bytes that are read, by argument register

    static Escapes unknown() {
        Escapes all{kEveryArgument, kEveryArgument, {}};
        for (ReadBytes& extent : all.read) {
            extent.add_all();
        }
        return all;
    }
};

struct FrameFlow {
    std::vector<HeldRegisters> before; // by instruction of the function
    Escapes escapes;
    Bases spilled = kNoBases; // their address was stored in known slots of the own frame
    std::array<Bases, kStackBytes / kSlotBytes> in_slot{}; // the same, slot by slot
};

// What any of the program's callbacks does through its arguments, whichever of them the helper that
// calls it back hands on.
Escapes callback_escapes(const Subject& subject, const std::vector<Escapes>& escapes);

// `escapes` says what is known of each function already looked at.
FrameFlow follow_frame_addresses(const Subject& subject, const Subprogram& subprogram,
                                 const std::vector<Escapes>& escapes);

// The frames that a called function's `bases` mean for its caller, whose registers are `regs`.
Bases bases_of_arguments(const HeldRegisters& regs, Bases bases);

} // namespace skep::verify
