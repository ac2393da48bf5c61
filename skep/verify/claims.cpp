// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/claims.hpp"

#include <fmt/format.h>

#include <cstring>

#include "skep/spec/limits.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

constexpr std::uint64_t kFrameBytes = spec::limits::stack_bytes;
constexpr Reg kFirstSaved = 6;

// One state against one moment. Frames are counted from the innermost: a global function was
// proved by itself, whoever calls it.
class Comparison {
  public:
    Comparison(const State& state, const LiveFrames& live, const Moment& moment)
        : state_(state), live_(live), moment_(moment) {}

    // How far it went before something contradicted; the violation tells what.
    bool holds() {
        if (state_.depth() > moment_.depth) {
            return contradicted("call chain", moment_.depth,
                                fmt::format("{} frames", state_.frame_count()));
        }
        for (unsigned number = state_.frame_count(); number-- > 0;) {
            if (!same_call(number) || !frame_holds(number)) {
                return false;
            }
        }
        return true;
    }
    [[nodiscard]] unsigned agreed() const { return agreed_; }
    [[nodiscard]] Violation violation() const { return violation_; }

  private:
    [[nodiscard]] unsigned machine_frame(unsigned number) const {
        return moment_.depth - state_.depth() + number;
    }
    [[nodiscard]] std::uint64_t frame_top(unsigned machine) const {
        return reinterpret_cast<std::uint64_t>(moment_.stack) + (machine + 1) * kFrameBytes;
    }

    bool same_call(unsigned number) {
        if (number == 0) {
            return true;
        }
        const auto& actual = moment_.outer.at(machine_frame(number) - 1).call_site;
        const InsnIndex claimed = state_.frame(number).call_site;
        return !actual.has_value() || *actual == claimed ||
               contradicted("call chain", actual->value,
                            fmt::format("called at instruction {}", claimed.value));
    }

    bool frame_holds(unsigned number) {
        const bool innermost = number == state_.depth();
        const Frame& frame = state_.frame(number);
        for (Reg reg = innermost ? Reg{0} : kFirstSaved; reg < kFramePointer; ++reg) {
            const std::uint64_t found =
                innermost ? moment_.registers.at(reg)
                          : moment_.outer.at(machine_frame(number)).saved.at(reg - kFirstSaved);
            const bool live = (live_.at(number).regs & (RegSet{1} << reg)) != 0;
            if (live && !value_holds(frame.regs[reg], found)) {
                return contradicted(innermost ? fmt::format("R{}", reg)
                                              : fmt::format("frame {} R{}", number, reg),
                                    found, text(frame.regs[reg]));
            }
            ++agreed_;
        }
        return stack_holds(number, frame.stack);
    }

    bool stack_holds(unsigned number, const Stack& stack) {
        for (std::uint32_t index = 0; index < stack.slot_count(); ++index) {
            if ((live_.at(number).slots & (SlotSet{1} << index)) == 0) {
                continue;
            }
            const std::int64_t offset = -8 * (static_cast<std::int64_t>(index) + 1);
            const auto* bytes = reinterpret_cast<const std::uint8_t*>(
                frame_top(machine_frame(number)) + static_cast<std::uint64_t>(offset));
            if (!slot_holds(stack.slot(index), bytes)) {
                std::uint64_t found = 0;
                std::memcpy(&found, bytes, sizeof found);
                return contradicted(fmt::format("fp[{}]{}", number, offset), found,
                                    stack.slot(index).is_spill() ? text(stack.slot(index).value)
                                                                 : "zero bytes");
            }
            ++agreed_;
        }
        return true;
    }

    [[nodiscard]] bool slot_holds(const Slot& slot, const std::uint8_t* bytes) const {
        for (unsigned at = 0; at < kSlotBytes; ++at) {
            // Byte 0 of a slot is its uppermost.
            if (slot.bytes[at] == SlotByte::zero && bytes[kSlotBytes - 1 - at] != 0) {
                return false;
            }
        }
        if (!slot.is_spill()) {
            return true;
        }
        std::uint64_t found = 0;
        std::memcpy(&found, bytes, slot.spilled_bytes());
        Value value = slot.value;
        if (value.is_scalar() && slot.spilled_bytes() < kSlotBytes) {
            value.number.keep_low_bits(slot.spilled_bytes() * 8);
        }
        return value_holds(value, found);
    }

    [[nodiscard]] bool value_holds(const Value& value, std::uint64_t found) const {
        if (!value.is_initialised()) {
            return true;
        }
        if (value.is_scalar()) {
            return value.number.contains(found);
        }
        if (value.may_be_null() && found == 0) {
            return true;
        }
        const std::uint64_t moved = found - static_cast<std::uint64_t>(std::int64_t{value.offset});
        switch (value.kind) {
        case ValueKind::stack:
            return value.number.contains(moved - frame_top(machine_frame(value.frame)));
        case ValueKind::context:
            return value.number.contains(moved - moment_.context);
        case ValueKind::packet:
            return packet_holds(value, moved, moment_.packet);
        case ValueKind::packet_meta:
            return packet_holds(value, moved, moment_.packet_meta);
        case ValueKind::packet_end:
            return moment_.packet_end == 0 || found == moment_.packet_end;
        case ValueKind::map_value:
        case ValueKind::map_key:
        case ValueKind::map_pointer:
        case ValueKind::memory:
            return found != 0;
        case ValueKind::uninitialised:
        case ValueKind::scalar:
        case ValueKind::flow_keys:
        case ValueKind::socket:
        case ValueKind::socket_common:
        case ValueKind::tcp_socket:
        case ValueKind::xdp_socket:
        case ValueKind::tracepoint_buffer:
        case ValueKind::btf_object:
        case ValueKind::buffer:
        case ValueKind::arena:
        case ValueKind::function:
        case ValueKind::dynptr:
            return true;
        }
        return true;
    }

    // Base and variable part are at a place of the packet, and what was proved ahead is there.
    [[nodiscard]] bool packet_holds(const Value& value, std::uint64_t moved,
                                    std::uint64_t begin) const {
        if (moment_.packet_end == 0) {
            return true;
        }
        const std::uint64_t end = value.is(ValueKind::packet) ? moment_.packet_end : moment_.packet;
        const bool ahead = value.range <= 0 ||
                           moved + static_cast<std::uint64_t>(std::int64_t{value.range}) <= end;
        return ahead && value.number.contains(moved - begin);
    }

    [[nodiscard]] static std::string text(const Value& value) {
        const Scalar& number = value.number;
        return fmt::format("{} offset {} number {:#x}..{:#x} signed {}..{} low {:#x}..{:#x} "
                           "signed {}..{} bits {} range {}",
                           kind_text(value), value.offset, number.u.min, number.u.max, number.s.min,
                           number.s.max, number.u_low.min, number.u_low.max, number.s_low.min,
                           number.s_low.max, bits_text(number.bits), value.range);
    }

    bool contradicted(std::string place, std::uint64_t found, std::string claimed) {
        violation_ = {InsnIndex{}, std::move(place), found, std::move(claimed)};
        return false;
    }

    const State& state_;
    const LiveFrames& live_;
    const Moment& moment_;
    unsigned agreed_ = 0;
    Violation violation_;
};

} // namespace

void Claims::keep(const State& state, InsnIndex at, const LiveFrames& live) {
    if (kept_.size() <= at.value) {
        kept_.resize(at.value + 1U);
    }
    kept_[at.value].push_back({state, live});
}

void Claims::finish(const Dependencies& dependencies) {
    for (std::vector<Kept>& here : kept_) {
        for (Kept& kept : here) {
            kept.state.update_values(
                [&dependencies](const Value& value) {
                    return value.is_scalar() && value.origin != 0 &&
                           !dependencies.is_needed(value.origin);
                },
                [](Value& value) { value.number = Scalar::top(); });
        }
    }
    likely_.assign(kept_.size(), 0);
}

std::optional<Violation> Claims::check(InsnIndex at, const Moment& moment, const Touch& touch) {
    if (states_at(at) == 0) {
        return Violation{at, "instruction", at.value, "never reached"};
    }
    const std::vector<Kept>& here = kept_[at.value];
    std::uint32_t& likely = likely_[at.value];
    Violation nearest;
    unsigned most = 0;
    for (std::size_t turn = 0; turn < here.size(); ++turn) {
        const std::size_t index = (likely + turn) % here.size();
        Comparison comparison(here[index].state, here[index].live, moment);
        const bool holds = comparison.holds();
        const Value& address = here[index].state.reg(touch.reg);
        if (holds && (!touch.may || touch.may(address))) {
            likely = static_cast<std::uint32_t>(index);
            return std::nullopt;
        }
        if (turn == 0 || comparison.agreed() > most) {
            most = comparison.agreed();
            nearest = holds ? Violation{at, fmt::format("access through R{}", touch.reg),
                                        moment.registers.at(touch.reg),
                                        fmt::format("inside {}", kind_text(address))}
                            : comparison.violation();
        }
    }
    nearest.insn = at;
    return nearest;
}

std::size_t Claims::states_at(InsnIndex at) const {
    return at.value < kept_.size() ? kept_[at.value].size() : 0;
}

} // namespace skep::verify
