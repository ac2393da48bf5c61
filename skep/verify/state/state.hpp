// SPDX-License-Identifier: Apache-2.0
//
// State: what is known at one point of one path: a stack of frames, and resources.
//
// A value: copying one is copying it. Frames are shared by the copies until written to, so that a
// branch costs eight increments and a step costs at most one frame. There is no other memory of the
// path in it; what the walk needs to remember is in explore/.
#pragma once

#include <array>
#include <cstdint>

#include "skep/bytecode/insn.hpp"
#include "skep/spec/limits.hpp"
#include "skep/verify/state/cow.hpp"
#include "skep/verify/state/resources.hpp"
#include "skep/verify/state/stack.hpp"
#include "skep/verify/state/value.hpp"

namespace skep::verify {

inline constexpr unsigned kMaxFrames = spec::limits::call_frames;
inline constexpr unsigned kRegisters = 11;

enum class CallbackKind : std::uint8_t { none, synchronous, asynchronous };

// Numbers that a function may return.
struct ReturnRange {
    std::int32_t min = 0;
    std::int32_t max = 0;
    bool operator==(const ReturnRange&) const = default;
};

struct Frame {
    std::array<Value, kRegisters> regs{};
    Stack stack;
    InsnIndex call_site;          // where it was called; meaningless in the first frame
    std::uint32_t subprogram = 0; // index
    CallbackKind callback = CallbackKind::none;
    std::uint32_t callback_depth = 0; // how often the call site has started its callback
    ReturnRange callback_result;
};

class State {
  public:
    // One frame, of subprogram `subprogram`: R10 set, all else unreadable.
    static State entering(std::uint32_t subprogram);

    [[nodiscard]] unsigned frame_count() const { return frame_count_; }
    [[nodiscard]] unsigned depth() const { return frame_count_ - 1; } // number of the current frame
    [[nodiscard]] const Frame& frame(unsigned number) const { return frames_[number].read(); }
    [[nodiscard]] Frame& frame_for_write(unsigned number) { return frames_[number].write(); }
    [[nodiscard]] const Frame& current() const { return frame(depth()); }
    [[nodiscard]] Frame& current_for_write() { return frame_for_write(depth()); }
    [[nodiscard]] bool same_frame(const State& other, unsigned number) const {
        return frames_[number].shared_with(other.frames_[number]);
    }

    // Registers and stack of the current frame.
    [[nodiscard]] const Value& reg(Reg number) const { return current().regs[number]; }
    [[nodiscard]] Value& reg_for_write(Reg number) { return current_for_write().regs[number]; }
    void set_reg(Reg number, const Value& value) { current_for_write().regs[number] = value; }
    [[nodiscard]] const Stack& stack(unsigned frame_number) const {
        return frame(frame_number).stack;
    }
    [[nodiscard]] Stack& stack_for_write(unsigned frame_number) {
        return frame_for_write(frame_number).stack;
    }

    // Objects that RCU frees stay: programs that may not sleep run in a read section.
    [[nodiscard]] bool in_rcu_section() const {
        return !sleepable || resources.rcu_depth != 0 || resources.holds_lock();
    }

    // Enters and leaves a function. push: precondition frame_count() < kMaxFrames.
    Frame& push_frame(std::uint32_t subprogram, InsnIndex call_site);
    void pop_frame();

    Resources resources;
    std::uint32_t may_goto_rounds = 0; // how often a may_goto went on on this path
    bool sleepable = false;
    bool speculative = false;
    bool hides_addresses = false; // from loaders without CAP_PERFMON; the same all through a walk

    // Calls visit(Value&) for every register and every spilled value of every frame for which
    // wanted(const Value&) holds; frames without any stay shared.
    template <class Wanted, class Visit>
    void update_values(Wanted wanted, Visit visit);

    // What many steps need:
    void forget_packet_pointers();                      // they are none any more
    void clobber_caller_saved();                        // R1..R5 become unreadable
    void invalidate_reference(std::uint32_t reference); // values that live by it are none any more

    // What a pointer becomes that leads nowhere any more: a number; unreadable for loaders who may
    // not see what it was.
    [[nodiscard]] Value left_of_pointer() const {
        return hides_addresses ? Value::uninitialised() : Value::unknown();
    }

  private:
    std::array<Cow<Frame>, kMaxFrames> frames_;
    unsigned frame_count_ = 0;
};

template <class Wanted, class Visit>
void State::update_values(Wanted wanted, Visit visit) {
    for (unsigned number = 0; number < frame_count_; ++number) {
        for (Reg reg = 0; reg < kRegisters; ++reg) {
            if (wanted(frame(number).regs[reg])) {
                visit(frame_for_write(number).regs[reg]);
            }
        }
        for (std::uint32_t index = 0; index < stack(number).slot_count(); ++index) {
            if (stack(number).is_part_empty(index / Stack::kPartSlots)) {
                index += Stack::kPartSlots - 1;
                continue;
            }
            const Slot& slot = stack(number).slot(index);
            if (slot.is_spill() && wanted(slot.value)) {
                visit(stack_for_write(number).slot_for_write(index).value);
            }
        }
    }
}

} // namespace skep::verify
