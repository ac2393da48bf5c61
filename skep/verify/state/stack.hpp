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
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "skep/spec/limits.hpp"
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
    [[nodiscard]] bool all(SlotByte kind) const;
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

    [[nodiscard]] std::uint32_t slot_count() const {
        return static_cast<std::uint32_t>(slots_.size());
    }
    [[nodiscard]] std::span<const Slot> slots() const { return slots_; }
    [[nodiscard]] const Slot& slot(std::uint32_t index) const {
        return index < slots_.size() ? slots_[index] : kNeverWritten;
    }
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

    bool operator==(const Stack&) const = default;

  private:
    static const Slot kNeverWritten;

    std::vector<Slot> slots_;
};
inline constexpr Slot Stack::kNeverWritten{};

} // namespace skep::verify
