// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/diagnose/trail.hpp"

#include <algorithm>

namespace skep::verify {
namespace {

constexpr std::uint64_t kMostSteps = 300'000;
constexpr std::size_t kMostKept = 4096;

// Where a value is: in a register or in a slot of the stack, of a frame.
struct Spot {
    unsigned frame = 0;
    std::optional<std::uint32_t> slot;
    Reg reg = 0;
};

std::optional<Spot> stack_spot(const Value& base, std::int32_t displacement) {
    if (!base.is(ValueKind::stack) || !base.at_fixed_offset()) {
        return std::nullopt;
    }
    const std::int64_t offset =
        base.offset + displacement + static_cast<std::int64_t>(base.number.value());
    if (offset >= 0 || offset < -kStackBytes) {
        return std::nullopt;
    }
    return Spot{base.frame, Stack::slot_of(static_cast<int>(offset)), 0};
}

bool is_call(const Insn& insn) {
    return insn.kind == InsnKind::call_helper || insn.kind == InsnKind::call_kfunc ||
           insn.kind == InsnKind::call_subprogram || insn.kind == InsnKind::packet_absolute ||
           insn.kind == InsnKind::packet_indirect;
}

// Goes back step by step. One answer: the step made it; it was elsewhere before; or neither.
class Backwards {
  public:
    enum class Arithmetic : std::uint8_t { makes, passes };
    Backwards(const Trail& trail, Spot spot, Arithmetic arithmetic = Arithmetic::makes)
        : trail_(trail), spot_(spot), arithmetic_(arithmetic) {}

    // True when the step made what is at the spot.
    bool is_made_by(std::size_t step) {
        const State& before = trail_.steps()[step].before;
        const bool is_last = step + 1 == trail_.steps().size();
        const unsigned depth = before.depth();
        const unsigned after = is_last ? depth : trail_.steps()[step + 1].before.depth();
        if (spot_.slot.has_value()) {
            return slot_made(step, before);
        }
        if (after < depth && spot_.frame == after && spot_.reg <= 5) { // a function returns
            spot_.frame = depth;
            return spot_.reg != 0;
        }
        if (after > depth && spot_.frame == after) { // a function is entered
            spot_.frame = depth;
            return trail_.insn(step).kind != InsnKind::call_subprogram || spot_.reg > 5;
        }
        return spot_.frame == depth && after == depth && reg_made(step, before);
    }

    [[nodiscard]] const std::optional<Trail::Moved>& moved() const { return moved_; }

  private:
    bool reg_made(std::size_t step, const State& before) {
        const Insn& insn = trail_.insn(step);
        if (is_call(insn)) {
            return spot_.reg <= 5;
        }
        using enum InsnKind;
        if (insn.kind == alu) {
            return insn.dst == spot_.reg && alu_made(step, insn, before);
        }
        if (insn.kind == load && insn.dst == spot_.reg) {
            if (const auto from = stack_spot(before.reg(insn.src), insn.offset)) {
                spot_ = *from;
                return false;
            }
            return true;
        }
        if (insn.kind == atomic) {
            return spec::row(insn.atomic_op).form == spec::AtomicForm::fetch &&
                   (insn.src == spot_.reg || spot_.reg == 0);
        }
        return (insn.kind == load_wide || insn.kind == address_space_cast) && insn.dst == spot_.reg;
    }
    bool alu_made(std::size_t step, const Insn& insn, const State& before) {
        if (insn.alu_op == AluOp::mov && insn.source == Source::reg) {
            spot_.reg = insn.src;
            return false;
        }
        const bool moves = insn.alu_op == AluOp::add || insn.alu_op == AluOp::sub;
        const bool by_register = insn.source == Source::reg;
        if (moves && before.reg(insn.dst).is_pointer()) {
            if (by_register && !moved_.has_value()) {
                moved_ = Trail::Moved{step, insn.src};
            }
            return false; // a pointer that is moved stays the one it was
        }
        if (moves && by_register && before.reg(insn.src).is_pointer()) {
            if (!moved_.has_value()) {
                moved_ = Trail::Moved{step, insn.dst};
            }
            spot_.reg = insn.src;
            return false;
        }
        return by_register || insn.alu_op == AluOp::mov || arithmetic_ == Arithmetic::makes;
    }
    bool slot_made(std::size_t step, const State& before) {
        const Insn& insn = trail_.insn(step);
        if (insn.kind == InsnKind::store_reg || insn.kind == InsnKind::store_imm) {
            const auto written = stack_spot(before.reg(insn.dst), insn.offset);
            if (!written.has_value() || written->frame != spot_.frame ||
                written->slot != spot_.slot) {
                return false;
            }
            if (insn.kind == InsnKind::store_imm) {
                return true;
            }
            spot_ = Spot{before.depth(), std::nullopt, insn.src};
            return false;
        }
        if (!is_call(insn) || spot_.frame > before.depth() || step + 1 == trail_.steps().size()) {
            return false;
        }
        const State& later = trail_.steps()[step + 1].before;
        return spot_.frame <= later.depth() && before.stack(spot_.frame).slot(*spot_.slot).bytes !=
                                                   later.stack(spot_.frame).slot(*spot_.slot).bytes;
    }

    const Trail& trail_;
    Spot spot_;
    Arithmetic arithmetic_;
    std::optional<Trail::Moved> moved_;
};

} // namespace

Trail::Trail(const Subject& subject, const RefusedPath& refused) : subject_(subject) {
    const KernelLog silent(subject, kLogNone);
    KernelLog log = silent;
    Workspace workspace{subject, {}, {}};
    Facts facts(subject);
    Walk walk(workspace, facts, log, {subject.environment.instruction_limit, false});
    walk.retrace(refused.route, kMostSteps, [this](const State& state, InsnIndex at) {
        if (steps_.size() >= 2 * kMostKept) {
            steps_.erase(steps_.begin(), steps_.begin() + kMostKept);
        }
        steps_.push_back({at, state});
    });
    const bool is_the_way = !steps_.empty() && steps_.back().at == refused.finding.place.insn;
    if (!is_the_way) { // it went on where other paths had made the difference
        while (!steps_.empty() && steps_.back().at != refused.finding.place.insn) {
            steps_.pop_back();
        }
    }
}

std::optional<std::size_t> Trail::made(std::size_t step, Reg reg) const {
    Backwards backwards(*this, Spot{steps_[step].before.depth(), std::nullopt, reg});
    return last(step, [&backwards](std::size_t earlier) { return backwards.is_made_by(earlier); });
}

std::optional<std::size_t> Trail::begun(std::size_t step, Reg reg) const {
    Backwards backwards(*this, Spot{steps_[step].before.depth(), std::nullopt, reg},
                        Backwards::Arithmetic::passes);
    return last(step, [&backwards](std::size_t earlier) { return backwards.is_made_by(earlier); });
}

std::optional<Trail::Moved> Trail::moved(std::size_t step, Reg reg) const {
    Backwards backwards(*this, Spot{steps_[step].before.depth(), std::nullopt, reg});
    (void)last(step, [&](std::size_t earlier) {
        return backwards.is_made_by(earlier) || backwards.moved().has_value();
    });
    return backwards.moved();
}

} // namespace skep::verify
