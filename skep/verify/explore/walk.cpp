// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "skep/spec/limits.hpp"
#include "skep/verify/calls/callback.hpp"
#include "skep/verify/explain/condition_text.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explore/memory_limit.hpp"
#include "skep/verify/explore/merge/rounds.hpp"
#include "skep/verify/shape/control_flow.hpp"
#include "skep/verify/shape/structure.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {
namespace {

constexpr std::size_t kMaxPending = spec::limits::pending_branches;
// A diagnosis looks so much further than the first refusal, and for so many.
constexpr std::uint64_t kInsnsAfterRefusal = 50'000;
constexpr std::size_t kMostRefusals = 16;
constexpr std::size_t kMostTurns = 100'000;

Finding too_many_insns(std::uint64_t processed) {
    return refuse({.code = FindingCode::too_complex,
                   .os_errno = E2BIG,
                   .kernel = fmt::format("BPF program is too large. Processed {} insn", processed),
                   .because = fmt::format(
                       "after {} instructions on all paths together there were still paths left",
                       processed - 1)});
}

Finding too_many_branches() {
    return refuse(
        {.code = FindingCode::too_complex,
         .os_errno = EFAULT,
         .kernel = fmt::format("The sequence of {} jumps is too complex.", kMaxPending + 1),
         .because = fmt::format("{} branches were waiting to be walked at once", kMaxPending)});
}

// The manner is given up, not the program: it is walked path by path then.
Finding not_joined(std::string_view why) {
    return refuse({.code = FindingCode::too_complex,
                   .os_errno = E2BIG,
                   .kernel = "",
                   .because = fmt::format("states could not be joined: {}", why)});
}

// Whatever may go elsewhere counts as a jump when it is judged whether saving a state pays.
bool is_jump(const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::jump:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
    case InsnKind::exit:
        return true;
    case InsnKind::alu:
    case InsnKind::load_wide:
    case InsnKind::load:
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::atomic:
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::address_space_cast:
        return false;
    }
    return false;
}

bool is_outside_call(const Insn& insn) {
    return insn.kind == InsnKind::call_helper || insn.kind == InsnKind::call_kfunc;
}

bool asks_iterator(const Subject& subject, InsnIndex at) {
    return subject.insn(at).kind == InsnKind::call_kfunc && goes_over_elements(subject, at);
}

} // namespace

Walk::Walk(Workspace& workspace, Facts& facts, KernelLog& log, Manner manner)
    : workspace_(workspace), subject_(workspace.subject), facts_(facts),
      speculation_(workspace.subject), log_(log), liveness_(find_liveness(workspace.subject)),
      checkpoints_(liveness_, workspace), points_(prune_points(workspace.subject)),
      manner_(manner) {
    std::vector<bool> comes_back(subject_.insns.size(), false);
    for (std::uint32_t at = 0; at < subject_.insns.size(); ++at) {
        const Insn& insn = subject_.insns[at];
        comes_back[at] = (is_outside_call(insn) && calls_back(subject_, insn)) ||
                         asks_iterator(subject_, InsnIndex{at});
        points_[at] = points_[at] || comes_back[at];
    }
    if (manner.joins) {
        order_ = order_loops(subject_);
    }
    if (order_.has_value()) {
        merging_.emplace(workspace_, *order_, liveness_, std::move(comes_back));
    }
}

Statistics Walk::statistics() const {
    if (!refused_.empty()) {
        return at_first_refusal_;
    }
    Statistics statistics = checkpoints_.statistics();
    statistics.insns_processed = effort_.insns;
    statistics.memory_bytes += checkpoints_.table_bytes() +
                               longest_pending_ * (sizeof(Path) + sizeof(Frame)) +
                               decisions_.capacity() * sizeof(Branch) +
                               (merging_.has_value() ? merging_->memory_bytes() : 0);
    statistics.memory_bytes = std::max(statistics.memory_bytes, liveness_.analysis_bytes);
    return statistics;
}

Ruling<State> Walk::entry(std::uint32_t subprogram) {
    constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE
    State entry = State::entering(0);
    if (subprogram == 0) {
        entry.set_reg(1, Value::pointer(ValueKind::context));
    } else {
        const Signature* known = TRY(signature(subprogram));
        entry = entry_state(subprogram, *known, workspace_.ids);
    }
    entry.hides_addresses = !subject_.environment.capabilities.perfmon;
    entry.sleepable = (subject_.program.flags & kSleepable) != 0;
    return entry;
}

Ruling<void> Walk::run() {
    if (manner_.joins && !order_.has_value()) {
        return not_joined("loops are nested too deeply");
    }
    TRY(check_memory_taken());
    log_.begins_program(liveness_.regs);
    State main = TRY(entry(0));
    TRY(explore(std::move(main), InsnIndex{0}));
    for (std::size_t next = 0; next < globals_called_.size(); ++next) {
        exploring_ = globals_called_[next];
        log_.begins_global(exploring_);
        State inside = TRY(entry(exploring_));
        TRY(explore(std::move(inside), subject_.subprograms[exploring_].start));
        log_.finished_global(exploring_);
    }
    if (!refused_.empty()) {
        return refused_.front().finding;
    }
    return {};
}

// The place and the path of a refusal are the walk's to say.
Finding Walk::placed(Finding finding) const {
    finding.place.insn = path_.at;
    constexpr std::size_t kLongest = 32;
    for (Went went = path_.decision; went.branch != kNoBranch && finding.path.size() < kLongest;
         went = decisions_[went.branch].before) {
        if (decisions_[went.branch].is_guess) {
            continue;
        }
        const InsnIndex at = decisions_[went.branch].at;
        Decision decision;
        decision.place.insn = at;
        decision.holds = condition_text(subject_.insn(at), went.put_off);
        finding.path.push_back(std::move(decision));
    }
    std::reverse(finding.path.begin(), finding.path.end());
    return finding;
}

Route Walk::route() const {
    Route route;
    route.subprogram = exploring_;
    for (Went went = path_.decision; went.branch != kNoBranch && route.turns.size() < kMostTurns;
         went = decisions_[went.branch].before) {
        route.turns.push_back({decisions_[went.branch].at, went.put_off});
    }
    std::reverse(route.turns.begin(), route.turns.end());
    return route;
}

// For a diagnosis the other paths are walked too. What is refused twice in one place is told once.
bool Walk::goes_on_after(Finding finding) {
    const bool is_told = std::any_of(refused_.begin(), refused_.end(), [&](const auto& earlier) {
        return earlier.finding.place.insn == finding.place.insn;
    });
    if (refused_.empty()) {
        at_first_refusal_ = statistics();
        log_.freeze();
    }
    if (!is_told) {
        refused_.push_back({std::move(finding), route(), path_.state});
    }
    return refused_.size() < kMostRefusals &&
           effort_.insns < at_first_refusal_.insns_processed + kInsnsAfterRefusal &&
           refused_.front().finding.code != row(FindingCode::too_complex).code;
}

Ruling<void> Walk::explore(State entry, InsnIndex start) {
    pending_.clear();
    path_ = Path{};
    path_.state = std::move(entry);
    path_.at = start;
    log_.begins(path_.state, start);
    for (;;) {
        Ruling<Flow> flow = advance();
        const bool path_ends = !flow.ok() || *flow == Flow::ended;
        if (!flow.ok()) {
            Finding finding = placed(std::move(*std::move(flow).error()));
            if (!subject_.environment.diagnose || manner_.joins) {
                return finding;
            }
            if (!goes_on_after(std::move(finding))) {
                return refused_.front().finding;
            }
        }
        if (path_ends) {
            checkpoints_.close(path_.parent);
            if (!pop()) {
                return finish_joining();
            }
        }
    }
}

void Walk::retrace(const Route& route, std::uint64_t most_steps, const Witness& witness) {
    exploring_ = route.subprogram;
    Ruling<State> begin = entry(route.subprogram);
    if (!begin.ok()) {
        return;
    }
    path_ = Path{};
    path_.state = std::move(*begin);
    path_.at = subject_.subprograms[route.subprogram].start;
    auto turn = route.turns.begin();
    for (std::uint64_t step = 0; step < most_steps; ++step) {
        witness(path_.state, path_.at);
        // States are saved for loops to widen by, and paths never end at one.
        if (points_[path_.at.value]) {
            (void)pass_point();
        }
        ++effort_.insns;
        Ruling<Flow> flow = this->step(subject_.insn(path_.at));
        bool is_elsewhere = false;
        for (Path& other : pending_) {
            if (turn == route.turns.end()) {
                return; // not the way that was gone
            }
            if (turn++->put_off) {
                path_ = std::move(other);
                is_elsewhere = true;
                break;
            }
        }
        pending_.clear();
        if (!is_elsewhere && (!flow.ok() || *flow == Flow::ended)) {
            return;
        }
    }
}

Ruling<Walk::Flow> Walk::advance() {
    if (++effort_.insns > manner_.instruction_limit) {
        return too_many_insns(effort_.insns);
    }
    const bool just_joined = std::exchange(just_joined_, false);
    if (points_[path_.at.value] && !just_joined && TRY(pass_point()) == Flow::ended) {
        return Flow::ended;
    }
    const Insn& insn = subject_.insn(path_.at);
    if (!path_.state.speculative) {
        facts_.reached(path_.at);
    }
    if (keeper_) {
        keeper_(path_.state, path_.at, live_frames(liveness_, path_.state, path_.at));
    }
    effort_.jumps += is_jump(insn) ? 1U : 0U;
    log_.insn(path_.state, path_.at);
    Ruling<Flow> flow = carry_out(insn);
    if (!flow.ok() && ends_guess(flow.finding())) {
        return Flow::ended;
    }
    return flow;
}

Ruling<Walk::Flow> Walk::carry_out(const Insn& insn) {
    const InsnIndex at = path_.at;
    if (path_.state.speculative && speculation_.stops_before(at)) {
        log_.ends_guess();
        return Flow::ended;
    }
    if (const auto refused = subject_.unusable.find(at); refused != subject_.unusable.end()) {
        TRY(check_before_fields(insn));
        return unusable(at, refused->second);
    }
    const Flow flow = TRY(step(insn));
    if (path_.state.speculative && speculation_.stops_after(at)) {
        log_.ends_guess();
        return Flow::ended;
    }
    log_.stepped(path_.state, insn, workspace_);
    return flow;
}

Ruling<Walk::Flow> Walk::pass_point() {
    if (merging_.has_value()) {
        return join_here(std::move(path_.state), path_.at);
    }
    const Insn& insn = subject_.insn(path_.at);
    ++path_.recorded;
    Checkpoints::Visit visit{
        path_.at, insn.kind == InsnKind::may_goto ? PointKind::may_goto : PointKind::ordinary,
        effort_};
    visit.effort.recorded = path_.recorded;
    if (is_outside_call(insn) && calls_back(subject_, insn)) {
        visit.kind = PointKind::callback;
    }
    if (asks_iterator(subject_, path_.at)) {
        visit.kind = PointKind::iterator;
    }
    const CheckpointIndex before = path_.parent;
    switch (checkpoints_.visit(path_.state, path_.parent, visit)) {
    case Checkpoints::Answer::proved:
        log_.pruned(path_.at);
        return Flow::ended;
    case Checkpoints::Answer::infinite_loop:
        return refuse({.code = FindingCode::infinite_loop,
                       .os_errno = EINVAL,
                       .kernel = "old state:" + log_.state_text(checkpoints_.matched(), workspace_),
                       .because = "the walk came back here with nothing changed",
                       .kernel_detail =
                           fmt::format("infinite loop detected at insn {}\ncur state:{}",
                                       path_.at.value, log_.state_text(path_.state, workspace_))});
    case Checkpoints::Answer::go_on:
        break;
    }
    if (path_.parent != before) {
        path_.recorded = 0;
        TRY(check_memory_taken());
    }
    return Flow::go_on;
}

Ruling<void> Walk::check_memory_taken() const {
    return check_memory(subject_.environment, "the states of the walk", statistics().memory_bytes);
}

Ruling<Walk::Flow> Walk::join_here(State state, InsnIndex at) {
    if (!merging_->arrive(std::move(state), at)) {
        return not_joined("too many states have no join");
    }
    TRY(check_memory_taken());
    return Flow::ended;
}

Ruling<void> Walk::finish_joining() {
    if (!merging_.has_value()) {
        return {};
    }
    if (!all_loops_end(subject_, facts_, *order_, merging_->at_heads())) {
        return not_joined("a loop is not known to end");
    }
    merging_->clear();
    return {};
}

Ruling<void> Walk::push(State state, InsnIndex at) {
    if (merging_.has_value() && points_[at.value]) {
        TRY(join_here(std::move(state), at));
        return {};
    }
    if (pending_.size() >= kMaxPending) {
        return too_many_branches();
    }
    Path path;
    path.state = std::move(state);
    path.at = at;
    path.from = path_.at;
    path.parent = path_.parent;
    const auto branch = static_cast<std::uint32_t>(decisions_.size());
    path.decision = {branch, true};
    path.recorded = path_.recorded;
    path.log_position = log_.position();
    decisions_.push_back({path_.at, path_.decision});
    path_.decision = {branch, false};
    checkpoints_.open(path_.parent);
    pending_.push_back(std::move(path));
    longest_pending_ = std::max<std::uint64_t>(longest_pending_, pending_.size());
    return {};
}

// Where a processor may go on that guessed wrong.
Ruling<void> Walk::push_guess(State state, InsnIndex at) {
    state.speculative = true;
    TRY(push(std::move(state), at));
    decisions_.back().is_guess = true;
    return {};
}

// A comparison that has one answer may be guessed otherwise, with whatever was in its registers.
Ruling<void> Walk::guess_otherwise(const Insn& insn, InsnIndex at) {
    State wrong = path_.state;
    wrong.set_reg(insn.dst, Value::unknown());
    if (insn.source == Source::reg) {
        wrong.set_reg(insn.src, Value::unknown());
    }
    return push_guess(std::move(wrong), at);
}

// What a guess may not do is kept from it by a barrier.
bool Walk::ends_guess(const Finding& finding) {
    const bool may_be_stopped =
        finding.os_errno == EACCES || finding.os_errno == EINVAL || finding.os_errno == EPERM;
    if (!path_.state.speculative || !may_be_stopped) {
        return false;
    }
    speculation_.stop_before(path_.at);
    log_.ends_guess(&finding);
    return true;
}

bool Walk::pop_joined() {
    std::optional<MergePoints::Next> next = merging_->next();
    if (!next.has_value()) {
        return false;
    }
    path_ = Path{};
    path_.state = std::move(next->state);
    path_.at = next->at;
    just_joined_ = true;
    return true;
}

bool Walk::pop() {
    if (pending_.empty()) {
        return merging_.has_value() && pop_joined();
    }
    path_ = std::move(pending_.back());
    pending_.pop_back();
    log_.back_to(path_.log_position);
    log_.branches(path_.state, path_.from, path_.at);
    return true;
}

// Numbers that changed since the last time round, or are linked to others now, and that nothing
// relied on, may be anything: so a loop of unknown length comes to an end.
void Walk::widen(State& state, InsnIndex loop, CheckpointIndex from) const {
    const State* before = checkpoints_.previous(from, loop, state);
    if (before == nullptr) {
        return;
    }
    const Dependencies& dependencies = workspace_.dependencies;
    IdPairs links;
    const auto differs = [&dependencies, &links](const Value& old, const Value& now) {
        if (!old.is_scalar() || !now.is_scalar() || dependencies.is_needed(old.origin) ||
            dependencies.is_needed(now.origin)) {
            return false;
        }
        return old.number != now.number || old.linked_by_delta != now.linked_by_delta ||
               (now.linked_by_delta && old.offset != now.offset) || !links.match(old.id, now.id);
    };
    for (unsigned number = 0; number < state.frame_count(); ++number) {
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if (differs(before->frame(number).regs[reg], state.frame(number).regs[reg])) {
                state.frame_for_write(number).regs[reg] = Value::unknown();
            }
        }
        const std::uint32_t slots =
            std::min(before->stack(number).slot_count(), state.stack(number).slot_count());
        for (std::uint32_t index = 0; index < slots; ++index) {
            const Slot& old = before->stack(number).slot(index);
            const Slot& now = state.stack(number).slot(index);
            if (old.is_full_spill() && now.is_full_spill() && differs(old.value, now.value)) {
                state.stack_for_write(number).slot_for_write(index).value = Value::unknown();
            }
        }
    }
}

Ruling<const Signature*> Walk::signature(std::uint32_t subprogram) {
    const auto known = signatures_.find(subprogram);
    if (known != signatures_.end()) {
        return &known->second;
    }
    return &signatures_.emplace(subprogram, TRY(signature_for_call(subject_, subprogram)))
                .first->second;
}

void Walk::note_stack_use(const Value& value) {
    if (value.is(ValueKind::stack)) {
        facts_.used_stack(path_.state.frame(value.frame).subprogram,
                          value.offset + value.number.s.min);
    }
}

} // namespace skep::verify
