// SPDX-License-Identifier: Apache-2.0
//
// The walk: every path through the program, one instruction at a time.
//
// A path is a state and a place. At each instruction the walk asks whether it may (access/,
// calls/arguments, the checks of transfer/) and then steps. Where a jump can go both ways the path
// falls through and the other side is put on a work list; the last one put there is walked next.
// At points where paths meet, a path ends when an earlier one was like it (checkpoints.hpp).
//
// The first refusal ends the walk.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "skep/verify/calls/call.hpp"
#include "skep/verify/calls/subprogram.hpp"
#include "skep/verify/explain/kernel_log.hpp"
#include "skep/verify/explore/facts.hpp"
#include "skep/verify/explore/prune/checkpoints.hpp"
#include "skep/verify/transfer/memory.hpp"

namespace skep::verify {

class Walk {
  public:
    Walk(Workspace& workspace, Facts& facts, KernelLog& log);

    // The main program, then every global function that is called, each from its signature.
    Ruling<void> run();

    [[nodiscard]] Statistics statistics() const;
    [[nodiscard]] std::set<std::uint32_t> helpers_called() const { return helpers_called_; }
    [[nodiscard]] bool moves_packet() const { return moves_packet_; }

  private:
    enum class Flow : std::uint8_t { go_on, ended };
    static constexpr std::uint32_t kNoDecision = ~0U;

    // A branch that could go both ways, and went one.
    struct Decision {
        InsnIndex at;
        std::uint32_t before = kNoDecision;
    };
    struct Path {
        State state;
        InsnIndex at;
        InsnIndex from; // where it branched off; for the log
        CheckpointIndex parent = kNoCheckpoint;
        std::uint32_t decision = kNoDecision;
        std::uint32_t recorded = 0;
        std::size_t log_position = 0;
    };

    Ruling<void> explore(State entry, InsnIndex start);
    Ruling<Flow> advance();
    Ruling<Flow> pass_point();
    Ruling<Flow> step(const Insn& insn);
    Ruling<Flow> step_alu_insn(const Insn& insn);
    Ruling<Flow> step_memory_insn(const Insn& insn);
    Ruling<Flow> step_load_wide(const Insn& insn);
    Ruling<Flow> step_jump(const Insn& insn);
    Ruling<Flow> step_may_goto(const Insn& insn);
    Ruling<Flow> step_packet_load(const Insn& insn);
    Ruling<void> end_function_with_zero();
    Ruling<Flow> step_helper(const Insn& insn);
    Ruling<Flow> step_kfunc();
    Ruling<Flow> leave_by_exception();
    Ruling<Flow> finish_call(const CallPlan& plan);
    Ruling<void> enter_callback(const CallbackRequest& request);
    Ruling<Flow> step_call(const Insn& insn);
    Ruling<Flow> step_exit();
    Ruling<Flow> leave_program();
    Ruling<Flow> leave_callback();

    Ruling<const Signature*> signature(std::uint32_t subprogram);
    Ruling<void> push(State state, InsnIndex at);
    bool pop();
    void next(const Insn& insn) { path_.at = InsnIndex{path_.at.value + insn.slots()}; }
    void widen(State& state, InsnIndex loop) const;
    void note_stack_use(const Value& value);
    Finding placed(Finding finding) const;

    Workspace& workspace_;
    const Subject& subject_;
    Facts& facts_;
    KernelLog& log_;
    Liveness liveness_;
    Checkpoints checkpoints_;
    std::vector<bool> points_;
    std::vector<Path> pending_;
    std::vector<Decision> decisions_;
    Path path_;
    Effort effort_;
    std::uint64_t longest_pending_ = 0;
    std::map<std::uint32_t, Signature> signatures_;
    std::vector<std::uint32_t> globals_called_; // in the order of first calls
    std::set<std::uint32_t> helpers_called_;
    bool moves_packet_ = false;
};

} // namespace skep::verify
