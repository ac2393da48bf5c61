// SPDX-License-Identifier: Apache-2.0
//
// The walk: every path through the program, one instruction at a time.
//
// A path is a state and a place. At each instruction the walk asks whether it may (access/,
// calls/arguments, the checks of transfer/) and then steps. Where a jump can go both ways the path
// falls through and the other side is put on a work list; the last one put there is walked next.
// At points where paths meet, a path ends when an earlier one was like it (checkpoints.hpp).
//
// The first refusal ends the walk; for a diagnosis it ends only its path, and the walk goes on for
// a while to find what else is wrong. A refused path can be gone again, told step by step.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "skep/verify/calls/call.hpp"
#include "skep/verify/calls/subprogram.hpp"
#include "skep/verify/explain/kernel_log.hpp"
#include "skep/verify/explore/facts.hpp"
#include "skep/verify/explore/merge/merge_points.hpp"
#include "skep/verify/explore/prune/checkpoints.hpp"
#include "skep/verify/explore/speculation.hpp"
#include "skep/verify/transfer/memory.hpp"

namespace skep::verify {

// One of the two ways at a branch: the one that was put on the work list, or straight on.
struct Turn {
    InsnIndex at;
    bool put_off = false;
};

// How a path came where it is.
struct Route {
    std::uint32_t subprogram = 0; // where it began: main, or a global function
    std::vector<Turn> turns;
};

struct RefusedPath {
    Finding finding;
    Route route;
    State state; // what was known where it was refused
};

class Walk {
  public:
    // How to go about it: path after path, or joining states where paths meet.
    struct Manner {
        std::uint64_t instruction_limit = 0;
        bool joins = false;
    };
    Walk(Workspace& workspace, Facts& facts, KernelLog& log, Manner manner);

    // Tells every state that is stepped from, with what is live of it. Before run().
    using Keeper = std::function<void(const State&, InsnIndex, const LiveFrames&)>;
    void tell(Keeper keeper) { keeper_ = std::move(keeper); }

    // The main program, then every global function that is called, each from its signature.
    Ruling<void> run();

    // Goes one way again from its beginning, telling each state before its instruction; ends where
    // the path was refused, or after so many steps.
    using Witness = std::function<void(const State&, InsnIndex)>;
    void retrace(const Route& route, std::uint64_t most_steps, const Witness& witness);

    // When the environment asks for a diagnosis: every path that was refused, the first first.
    [[nodiscard]] const std::vector<RefusedPath>& refused() const { return refused_; }

    [[nodiscard]] Statistics statistics() const;
    [[nodiscard]] std::set<std::uint32_t> helpers_called() const { return helpers_called_; }
    [[nodiscard]] std::optional<InsnIndex> first_barrier() const {
        return speculation_.first_barrier();
    }
    [[nodiscard]] bool moves_packet() const { return moves_packet_; }

  private:
    enum class Flow : std::uint8_t { go_on, ended };
    static constexpr std::uint32_t kNoBranch = ~0U;

    // A branch that could go both ways, by its place in decisions_, and which way a path went.
    struct Went {
        std::uint32_t branch = kNoBranch;
        bool put_off = false;
    };
    struct Branch {
        InsnIndex at;
        Went before;
        bool is_guess = false; // no way of the program: a processor's, that guessed wrong
    };
    struct Path {
        State state;
        InsnIndex at;
        InsnIndex from; // where it branched off; for the log
        CheckpointIndex parent = kNoCheckpoint;
        Went decision;
        std::uint32_t recorded = 0;
        std::size_t log_position = 0;
    };

    Ruling<State> entry(std::uint32_t subprogram);
    Ruling<void> explore(State entry, InsnIndex start);
    bool goes_on_after(Finding finding);
    [[nodiscard]] Route route() const;
    Ruling<Flow> advance();
    Ruling<Flow> carry_out(const Insn& insn);
    Ruling<Flow> pass_point();
    Ruling<void> check_memory_taken() const;
    Ruling<Flow> join_here(State state, InsnIndex at);
    Ruling<void> finish_joining();
    bool pop_joined();
    Ruling<Flow> step(const Insn& insn);
    Ruling<Flow> step_alu_insn(const Insn& insn);
    Ruling<Flow> step_memory_insn(const Insn& insn);
    Ruling<Flow> step_load_wide(const Insn& insn);
    Ruling<Flow> step_cast(const Insn& insn);
    Ruling<Flow> step_jump(const Insn& insn);
    Ruling<Flow> step_may_goto(const Insn& insn);
    Ruling<void> check_packet_loads_offered() const;
    Ruling<Flow> step_packet_load(const Insn& insn);
    // What the kernel asks of an instruction before it looks at the fields that must be empty.
    Ruling<void> check_before_fields(const Insn& insn) const;
    Ruling<void> end_function_with_zero();
    Ruling<Flow> step_helper(const Insn& insn);
    Ruling<Flow> step_kfunc();
    Ruling<Flow> leave_by_exception();
    Ruling<Flow> finish_call(const CallPlan& plan);
    Ruling<void> enter_callback(const CallbackRequest& request);
    Ruling<Flow> step_call(const Insn& insn);
    Ruling<Flow> step_exit();
    Ruling<Flow> leave_program();
    Ruling<Flow> answer_hook(const Value& result, const ReturnRange& allowed);
    Ruling<Flow> leave_callback();

    Ruling<const Signature*> signature(std::uint32_t subprogram);
    Ruling<void> push(State state, InsnIndex at);
    Ruling<void> push_guess(State state, InsnIndex at);
    Ruling<void> guess_otherwise(const Insn& insn, InsnIndex at);
    bool ends_guess(const Finding& finding);
    Ruling<void> step_sum(const Insn& insn);
    bool pop();
    void next(const Insn& insn) { path_.at = InsnIndex{path_.at.value + insn.slots()}; }
    void widen(State& state, InsnIndex loop, CheckpointIndex from) const;
    void note_stack_use(const Value& value);
    Finding placed(Finding finding) const;

    Workspace& workspace_;
    const Subject& subject_;
    Facts& facts_;
    Speculation speculation_;
    KernelLog& log_;
    Liveness liveness_;
    Checkpoints checkpoints_;
    std::vector<bool> points_;
    Manner manner_;
    std::optional<LoopOrder> order_;     // when joining
    std::optional<MergePoints> merging_; // when joining
    bool just_joined_ = false;           // path_ begins at a point, with the joined state there
    std::vector<Path> pending_;
    std::vector<Branch> decisions_;
    Path path_;
    Effort effort_;
    std::uint64_t longest_pending_ = 0;
    std::map<std::uint32_t, Signature> signatures_;
    std::vector<std::uint32_t> globals_called_; // in the order of first calls
    std::set<std::uint32_t> helpers_called_;
    bool moves_packet_ = false;
    std::uint32_t exploring_ = 0; // the subprogram that the path began in
    std::vector<RefusedPath> refused_;
    Statistics at_first_refusal_;
    Keeper keeper_;
};

} // namespace skep::verify
