// SPDX-License-Identifier: Apache-2.0
//
// Stack: what is known about the 512 bytes below a frame pointer.
//
//   offset   -16        -9 -8         -1  0
//            ┌────────────┬────────────┐ ← frame pointer
//            │   slot 1   │   slot 0   │
//            └────────────┴────────────┘
//   byte      7  ...    0   7 ...    0      within a slot, counted downwards from its upper end
//
// Slots that were never written do not exist. Each byte has a kind; a slot whose bytes are `spill`
// holds one value, in its low bytes when fewer than eight are.
//
// Copies of a stack share its slots in parts of eight until one of them writes to a part, so that a
// copy, and comparing two stacks that come from one another, costs what was written in between.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "skep/spec/limits.hpp"
#include "skep/verify/state/cow.hpp"
#include "skep/verify/state/value.hpp"

namespace skep::verify {

inline constexpr int kStackBytes = spec::limits::stack_bytes;
inline constexpr unsigned kSlotBytes = 8;

enum class SlotByte : std::uint8_t { invalid, spill, misc, zero, dynptr, iterator, irq_flag };

struct Slot {
    std::array<SlotByte, kSlotBytes> bytes{};
    Value value; // when bytes are spill; for dynptr and iterator: its identity

    bool operator==(const Slot&) const = default;
    [[nodiscard]] bool is_spill() const { return bytes[kSlotBytes - 1] == SlotByte::spill; }
    [[nodiscard]] bool is_full_spill() const { return bytes[0] == SlotByte::spill; }
    [[nodiscard]] unsigned spilled_bytes() const {
        if (is_full_spill()) {
            return kSlotBytes; // all of them: a value lies in the low bytes
        }
        unsigned count = 0;
        for (const SlotByte byte : bytes) {
            count += byte == SlotByte::spill ? 1U : 0U;
        }
        return count;
    }
    [[nodiscard]] bool all(SlotByte kind) const {
        std::array<SlotByte, kSlotBytes> wanted;
        wanted.fill(kind);
        return std::bit_cast<std::uint64_t>(bytes) == std::bit_cast<std::uint64_t>(wanted);
    }
};

class Stack {
  public:
    // The slot and the byte in it of an offset in [-512, -1].
    static constexpr std::uint32_t slot_of(int offset) {
        return static_cast<std::uint32_t>(-offset - 1) / kSlotBytes;
    }
    static constexpr std::uint32_t byte_of(int offset) {
        return static_cast<std::uint32_t>(-offset - 1) % kSlotBytes;
    }

    static constexpr std::uint32_t kPartSlots = 8;
    static constexpr std::uint32_t kParts = kStackBytes / kSlotBytes / kPartSlots;

    // One more than the highest that was written.
    [[nodiscard]] std::uint32_t slot_count() const { return slot_count_; }
    [[nodiscard]] std::uint32_t part_count() const {
        return (slot_count_ + kPartSlots - 1) / kPartSlots;
    }
    // Precondition: index < 64.
    [[nodiscard]] const Slot& slot(std::uint32_t index) const {
        const Cow<Part>& part = parts_[index / kPartSlots];
        return part.empty() ? kNeverWritten : part.read()[index % kPartSlots];
    }
    // Slots [8 * part, 8 * part + 8) are the very same, or all were never written.
    [[nodiscard]] bool same_part(const Stack& other, std::uint32_t part) const {
        return parts_[part].shared_with(other.parts_[part]);
    }
    // None of them was ever written.
    [[nodiscard]] bool is_part_empty(std::uint32_t part) const { return parts_[part].empty(); }
    // What copies do not share.
    [[nodiscard]] static constexpr std::uint64_t part_bytes() { return sizeof(Part); }
    [[nodiscard]] Slot& slot_for_write(std::uint32_t index); // grows
    [[nodiscard]] SlotByte byte(int offset) const {
        return slot(slot_of(offset)).bytes[byte_of(offset)];
    }

    // Stores `value` in the low `size_bytes` at an offset that is the lower end of a slot; other
    // bytes of the slot keep nothing of a former spill.
    void spill(int offset, unsigned size_bytes, const Value& value);
    // Makes bytes [offset, offset + size) something without a value. What was spilled there is
    // lost.
    void set_bytes(int offset, unsigned size_bytes, SlotByte kind);

  private:
    using Part = std::array<Slot, kPartSlots>;
    static const Slot kNeverWritten;

    [[nodiscard]] Cow<Part> empty_part() const;

    std::array<Cow<Part>, kParts> parts_;
    std::uint32_t slot_count_ = 0;
};
inline constexpr Slot Stack::kNeverWritten{};

} // namespace skep::verify
