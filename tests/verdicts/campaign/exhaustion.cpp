// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/exhaustion.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "skep/bytecode/insn.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/spec/limits.hpp"

namespace skep::tests::campaign {
namespace {

constexpr std::size_t kMostStates = 200'000;
constexpr std::int64_t kFar = 1 << 20; // numbers grow no further: all of these are outside
constexpr std::int64_t kSlots = 12;    // below the top of the frame

struct Value {
    enum class Is : std::uint8_t { unset, number, address };
    Is is = Is::unset;
    std::int64_t number = 0; // of an address: its distance from the top of main's frame
    auto operator<=>(const Value&) const = default;
};

struct State {
    std::uint32_t at = 0;
    std::uint32_t called_from = 0; // in a callback: where bpf_loop is called
    bool is_callback = false;
    std::array<Value, 11> regs{};
    std::array<Value, kSlots> slots{}; // those that whole words are written to
    auto operator<=>(const State&) const = default;
};

class Exhaustion {
  public:
    explicit Exhaustion(std::vector<Insn> insns) : insns_(std::move(insns)) {
        for (const Insn& insn : insns_) {
            if (insn.kind == InsnKind::jump) {
                compared_.insert(insn.imm);
            }
        }
        compared_.insert(-1); // none of them
    }

    Reached run() {
        State begin;
        begin.regs[kFramePointer] = {Value::Is::address, 0};
        reach(begin);
        while (!pending_.empty() && reached_ == Reached::no_harm) {
            const State state = pending_.back();
            pending_.pop_back();
            step(state);
            if (seen_.size() > kMostStates) {
                reached_ = Reached::unknown;
            }
        }
        return reached_;
    }

  private:
    void reach(const State& state) {
        if (seen_.insert(state).second) {
            pending_.push_back(state);
        }
    }
    void go_on(State state, std::int64_t at) {
        state.at = static_cast<std::uint32_t>(at);
        reach(state);
    }

    void step(const State& state) {
        const Insn& insn = insns_[state.at];
        const std::int64_t next = state.at + insn.slots();
        const std::int64_t target = insn.target(InsnIndex{state.at});
        switch (insn.kind) {
        case InsnKind::alu:
            return calculate(state, insn);
        case InsnKind::load_wide: // the address of the callback
            return set(state, insn, {Value::Is::number, std::int64_t{state.at} + 1 + insn.imm});
        case InsnKind::load:
            return load(state, insn);
        case InsnKind::store_imm:
            return store(state, insn, {Value::Is::number, insn.imm});
        case InsnKind::store_reg:
            return store(state, insn, state.regs[insn.src]);
        case InsnKind::jump:
            return go_on(state, state.regs[insn.dst].number == insn.imm ? target : next);
        case InsnKind::jump_always:
            return go_on(state, target);
        case InsnKind::may_goto:
            go_on(state, target);
            return go_on(state, next);
        case InsnKind::call_helper:
            return call(state, insn);
        case InsnKind::exit:
            return leave(state);
        case InsnKind::atomic:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::call_subprogram:
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
        case InsnKind::address_space_cast:
            reached_ = Reached::unknown;
        }
    }

    void set(State state, const Insn& insn, const Value& value) {
        state.regs[insn.dst] = value;
        go_on(state, std::int64_t{state.at} + insn.slots());
    }

    void calculate(const State& state, const Insn& insn) {
        const Value operand =
            insn.source == Source::reg ? state.regs[insn.src] : Value{Value::Is::number, insn.imm};
        if (insn.alu_op == AluOp::mov) {
            return set(state, insn, operand);
        }
        Value sum = state.regs[insn.dst];
        if (insn.alu_op != AluOp::add || operand.is != Value::Is::number) {
            reached_ = Reached::unknown;
            return;
        }
        sum.number = std::min(sum.number + operand.number, kFar);
        set(state, insn, sum);
    }

    void load(const State& state, const Insn& insn) {
        const std::int64_t slot = -(state.regs[insn.src].number + insn.offset) / 8 - 1;
        set(state, insn, state.slots.at(static_cast<std::size_t>(slot)));
    }

    void store(State state, const Insn& insn, const Value& value) {
        const std::int64_t at = state.regs[insn.dst].number + insn.offset;
        if (at < -std::int64_t{spec::limits::stack_bytes} || at + insn.size_bytes > 0) {
            reached_ = Reached::harm;
            return;
        }
        if (insn.size_bytes == 8) {
            state.slots.at(static_cast<std::size_t>(-at / 8 - 1)) = value;
        }
        go_on(state, std::int64_t{state.at} + 1);
    }

    void call(State state, const Insn& insn) {
        const std::int64_t next = std::int64_t{state.at} + 1;
        if (insn.imm == number_of(spec::Helper::loop)) {
            at_call_ = state.regs;
            State round = state;
            round.is_callback = true;
            round.called_from = state.at;
            round.regs = {};
            round.regs[2] = state.regs[3];
            go_on(round, state.regs[2].number);
            return go_on(state, next);
        }
        for (Reg reg = 1; reg <= 5; ++reg) {
            state.regs[reg] = {};
        }
        for (const std::int32_t number : compared_) {
            state.regs[0] = {Value::Is::number, number};
            go_on(state, next);
        }
    }

    // A callback comes back to where it may be called again. There is one call, always with the
    // same registers.
    void leave(const State& state) {
        if (state.is_callback) {
            State again = state;
            again.is_callback = false;
            again.regs = at_call_;
            go_on(again, state.called_from);
        }
    }

    std::vector<Insn> insns_;
    std::set<std::int32_t> compared_;
    std::set<State> seen_;
    std::vector<State> pending_;
    std::array<Value, 11> at_call_{};
    Reached reached_ = Reached::no_harm;
};

} // namespace

Reached exhaust(const ProgramSpec& program) {
    Result<std::vector<Insn>> insns = decode_all(program.insns);
    return insns.ok() ? Exhaustion(std::move(*insns)).run() : Reached::unknown;
}

} // namespace skep::tests::campaign
