// SPDX-License-Identifier: Apache-2.0
//
// KernelLog: the walk as the kernel's log tells it, so that existing readers work.
//
// Level 1 keeps the path that is walked: when another one begins, what the last one added since the
// branch is erased. Level 2 keeps all. Level 4 adds statistics at the end. With level 1 success
// leaves the summary alone. See spec/verifier.md, section 16.
//
// Proved by: tests/golden (prog load with the log, line by line).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/workspace.hpp"
#include "skep/verify/statistics.hpp"

namespace skep::verify {

class KernelLog {
  public:
    KernelLog(const Subject& subject, std::uint32_t level)
        : subject_(subject), level_(level), all_precise_(!subject.environment.capabilities.bpf) {}

    [[nodiscard]] bool follows() const {
        return !is_frozen_ && (level_ & (kLogPath | kLogAll)) != 0;
    }
    // What comes after the verdict is not the log's business.
    void freeze() { is_frozen_ = true; }
    [[nodiscard]] std::size_t position() const { return text_.size(); }

    // Before the walk, at level 2: the functions, and which registers are live before each
    // instruction (bit n: Rn).
    void begins_program(std::span<const std::uint16_t> live_regs);
    // A path begins at the start of a function; branches off; goes back to where it branched off.
    void begins(const State& state, InsnIndex at);
    void branches(const State& state, InsnIndex from, InsnIndex to);
    void back_to(std::size_t position);

    // An instruction is judged; has been carried out.
    void insn(const State& state, InsnIndex at) {
        if (follows()) {
            tell_insn(state, at);
        }
    }
    void stepped(const State& state, const Insn& insn, const Workspace& workspace) {
        if (follows()) {
            tell_step(state, insn, workspace);
        }
    }
    void pruned(InsnIndex at);
    // The path of a guess ends at a barrier; with what it would have done wrong.
    void ends_guess(const Finding* wrong = nullptr);

    // Calls: a static function was entered; will be left; was left; and its caller goes on.
    void enters(const State& state, InsnIndex callee);
    void leaves(const State& state, InsnIndex next);
    void returned(const State& state);
    void resumes(const State& state, InsnIndex next);
    void assumes_global(std::uint32_t callee);
    void begins_global(std::uint32_t subprogram);
    void finished_global(std::uint32_t subprogram);

    // The end: what was refused, or nothing; then the summary. Stack bytes are those of each
    // function, for level 4.
    struct Ending {
        const Finding* refused = nullptr;
        Statistics statistics;
        std::uint64_t limit = 0;
        std::vector<std::uint32_t> stack_bytes = {};
    };
    std::string finish(const Ending& ending);

    // The current frame: " R0=scalar() R10=fp0".
    [[nodiscard]] std::string state_text(const State& state, const Workspace& workspace) const;

  private:
    void tell_insn(const State& state, InsnIndex at);
    void tell_step(const State& state, const Insn& insn, const Workspace& workspace);
    [[nodiscard]] std::string_view guess_text() const;
    void line(const std::string& text) { text_ += text + "\n"; }
    void source_line(InsnIndex at);
    [[nodiscard]] std::string insn_text(InsnIndex at) const;
    [[nodiscard]] std::string frame_text(const State& state, unsigned frame,
                                         const Workspace* workspace = nullptr) const;
    [[nodiscard]] std::string slot_text(const State& state, unsigned frame,
                                        std::uint32_t index) const;
    void remark_main();
    [[nodiscard]] std::string context_remark(const State& state, const Insn& insn) const;
    [[nodiscard]] static std::string held_text(const State& state, unsigned frame);
    [[nodiscard]] std::string slots_text(const State& state, const Insn& insn) const;
    [[nodiscard]] std::string changes_text(const State& state, const Insn& insn,
                                           const Workspace& workspace) const;

    const Subject& subject_;
    std::uint32_t level_;
    bool all_precise_; // every number matters for callers without CAP_BPF
    std::string text_;
    std::size_t insn_began_ = 0;
    InsnIndex insn_at_;
    State before_;                        // the instruction that is told
    const LineInfo* last_line_ = nullptr; // last shown; of the subject's program
    InsnIndex branch_from_;
    bool is_guess_ = false;
    bool branched_ = false;
    bool is_frozen_ = false;
};

// The line that level 4 has before its stack depths: how long it took, which verify() does not
// know. Does nothing to a log of another level.
void add_verification_time(std::string& log, std::uint64_t microseconds);

} // namespace skep::verify
