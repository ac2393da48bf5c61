// SPDX-License-Identifier: Apache-2.0
//
// Which registers may hold an address on the stack, and of whose frame: a forward pass over one
// function, before any path is walked. It feeds liveness.
//
// An address comes from R10 (the own frame), from an argument (a caller's), or from memory of a
// caller's frame: of which frame that one is, its callers know (found_by). Constants and maps are
// followed too, as far as they say how much a helper reads.
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
#include <utility>
#include <vector>

#include "skep/verify/explore/live/liveness.hpp"
#include "skep/verify/explore/live/worklist.hpp"
#include "skep/verify/state/stack.hpp"
#include "skep/verify/state/subject.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {

// addresses: if it is the address of a stack at all, then in that part of it, or in a found frame.
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
    // The frame that the offsets are of, if it points into that one.
    [[nodiscard]] Bases known_bases() const { return static_cast<Bases>(bases & ~kFoundFrame); }
    [[nodiscard]] Held join(const Held& other) const {
        constexpr std::uint8_t kMostJoins = 6;
        if (*this == other) {
            return *this;
        }
        const auto all = static_cast<Bases>(bases | other.bases);
        if (is_near_address() && other.known_bases() == kNoBases) {
            Held either = perhaps_near();
            either.bases = all;
            return either;
        }
        if (other.is_near_address() && known_bases() == kNoBases) {
            return other.join(*this);
        }
        if (!is_near_address() || !other.is_near_address() ||
            known_bases() != other.known_bases()) {
            return {Holds::nothing, all, 0};
        }
        Held wider{Holds::addresses, all, std::min(number, other.number),
                   std::max(greatest(), other.greatest()), std::max(joins, other.joins)};
        if (holds == Holds::addresses && wider.number == number && wider.last == last) {
            wider.joins = joins;
            return wider;
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

// What a function does with the frames that its arguments point into.
struct Escapes {
    Bases returned = kNoBases;     // R0 may point into them at an exit
    Bases stored = kNoBases;       // their address was stored where others may find it
    std::array<ReadBytes, 6> read; // bytes that are read, by argument register
    bool reads_found = false;      // and what addresses point at that it finds there

    static Escapes unknown() {
        Escapes all{kCallersFrames, kCallersFrames, {}, true};
        for (ReadBytes& extent : all.read) {
            extent.add_all();
        }
        return all;
    }
};

struct FrameFlow {
    Escapes escapes;
    Bases spilled = kNoBases; // their address was stored in known slots of the own frame
};

// What any of the program's callbacks does through its arguments, whichever of them the helper that
// calls it back hands on.
Escapes callback_escapes(const Subject& subject, const std::vector<Escapes>& escapes);

// Where the blocks of a function begin, by its slots: where a way comes from elsewhere than the
// instruction before.
std::vector<bool> block_beginnings(const Subject& subject, const Subprogram& subprogram);
// What following the addresses through the function takes: its blocks know all registers.
std::uint64_t frame_addresses_bytes(const Subject& subject, const Subprogram& subprogram);

// Follows the addresses through one function. What registers hold is kept for the beginnings of
// blocks alone; in between it is found again by stepping.
class FrameAddresses {
  public:
    // `escapes` says what is known of each function already looked at; it outlives this.
    FrameAddresses(const Subject& subject, const Subprogram& subprogram,
                   const std::vector<Escapes>& escapes);

    [[nodiscard]] const FrameFlow& flow() const { return flow_; }
    [[nodiscard]] std::uint64_t memory_bytes() const; // what frame_addresses_bytes() foretells

    // The frames whose addresses a function may find that is called with such registers and reads
    // so much through its arguments. With an address of the own frame it may find any other.
    [[nodiscard]] Bases found_by(const HeldRegisters& regs,
                                 const std::array<ReadBytes, 6>& read) const;

    // Calls visit(InsnIndex, const HeldRegisters&) for each instruction, from the first to the
    // last, with what the registers hold before it.
    template <class Visit>
    void each(Visit visit) const {
        HeldRegisters regs{};
        for (InsnIndex at = subprogram_.start; at.value < subprogram_.end.value;
             at.value += subject_.insn(at).slots()) {
            const std::uint32_t block = block_of(at);
            if (block != kNoBlock) {
                regs = entries_[block];
            }
            visit(at, std::as_const(regs));
            step(regs, at);
        }
    }

  private:
    static constexpr std::uint32_t kNoBlock = ~0U;

    [[nodiscard]] std::uint32_t block_of(InsnIndex at) const {
        return block_at_[at.value - subprogram_.start.value];
    }
    void find_blocks();
    void once();
    void go_through(std::uint32_t block, ForwardWorklist& work);
    void arrive(const HeldRegisters& regs, std::uint32_t block, ForwardWorklist& work);
    void step(HeldRegisters& regs, InsnIndex at) const;
    void note_escapes(const HeldRegisters& regs, const Insn& insn, InsnIndex at);
    void note_stored(Bases bases, Bases where);
    void note_stored_by_callee(const HeldRegisters& regs, const Escapes& callee);
    void note_store(const Held& base, const Held& value, const Insn& insn);
    [[nodiscard]] Bases found_in(Bases read) const;
    [[nodiscard]] Bases reachable(Bases bases) const;
    [[nodiscard]] Bases frames_of(const HeldRegisters& regs, Bases bases,
                                  const Escapes& callee) const;
    [[nodiscard]] Held loaded(const Held& base, const Insn& insn) const;
    [[nodiscard]] Escapes callee_escapes(const Insn& insn, InsnIndex at) const;
    [[nodiscard]] Held result_of(const HeldRegisters& regs, InsnIndex at) const;

    const Subject& subject_;
    const Subprogram& subprogram_;
    const std::vector<Escapes>& escapes_of_;
    const Escapes of_callbacks_;
    FrameFlow flow_;
    std::vector<std::uint32_t> block_at_; // by slot of the function: the block that begins there
    std::vector<InsnIndex> starts_;       // of the blocks
    std::vector<HeldRegisters> entries_;  // what registers hold where a block begins
    std::vector<bool> reached_;           // by block
    std::array<Held, kStackBytes / kSlotBytes> spills_{}; // what each slot may hold, at any time
    Bases stored_in_own_ = kNoBases; // addresses stored in the own frame who knows where
    bool found_more_ = false;
};

} // namespace skep::verify
