// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/prune/checkpoints.hpp"

#include <algorithm>
#include <limits>

namespace skep::verify {
namespace {

constexpr std::uint64_t kJumpsBetweenSaves = 2;
constexpr std::uint64_t kInsnsBetweenSaves = 8;
constexpr std::uint64_t kJumpsInLoop = 20;
constexpr std::uint64_t kInsnsInLoop = 100;
constexpr std::uint32_t kMaxRecorded = 40;
constexpr std::uint32_t kPatience = 3;
constexpr std::uint32_t kPatienceInLoop = 64;
constexpr std::size_t kMostAtPlaceUnprivileged = 64;

std::uint64_t bytes_of(const State& state, const State* shared_with) {
    std::uint64_t bytes = 0;
    for (unsigned number = 0; number < state.frame_count(); ++number) {
        const bool has_other = shared_with != nullptr && number < shared_with->frame_count();
        if (has_other && state.same_frame(*shared_with, number)) {
            continue;
        }
        bytes += sizeof(Frame);
        const Stack& stack = state.stack(number);
        for (std::uint32_t part = 0; part < stack.part_count(); ++part) {
            const bool shared = has_other && stack.same_part(shared_with->stack(number), part);
            bytes += shared || stack.is_part_empty(part) ? 0 : Stack::part_bytes();
        }
    }
    return bytes;
}

// An iterator that was there before was asked again since, though perhaps not the one that is asked
// now: a loop inside another's round makes its own anew. (Iterators that are all made anew show no
// progress: that might go on for ever.)
bool iterator_went_on(const State& old, const State& now) {
    for (unsigned number = 0; number < old.frame_count(); ++number) {
        const Stack& before = old.stack(number);
        const Stack& after = now.stack(number);
        const std::uint32_t slots = std::min(before.slot_count(), after.slot_count());
        for (std::uint32_t index = 0; index < slots; ++index) {
            const Slot& was = before.slot(index);
            const Slot& is = after.slot(index);
            if (was.value.origin < is.value.origin && was.all(SlotByte::iterator) &&
                is.all(SlotByte::iterator) && was.value.reference_id == is.value.reference_id) {
                return true;
            }
        }
    }
    return false;
}

bool same_calls(const State& a, const State& b) {
    bool same = a.frame_count() == b.frame_count();
    for (unsigned number = 0; same && number < a.frame_count(); ++number) {
        same = a.frame(number).call_site == b.frame(number).call_site;
    }
    return same;
}

} // namespace

Checkpoints::Checkpoints(const Liveness& liveness, Workspace& workspace)
    : liveness_(liveness), workspace_(workspace),
      equivalence_(liveness, workspace.dependencies, workspace.subject.environment.capabilities),
      most_at_place_(workspace.subject.environment.capabilities.bpf
                         ? std::numeric_limits<std::size_t>::max()
                         : kMostAtPlaceUnprivileged),
      last_place_(workspace.subject.insns.size()) {}

// The open checkpoint that it is proved with; none when it is proved.
CheckpointIndex Checkpoints::proved_with(CheckpointIndex index) const {
    while (all_[index].open_paths == 0) {
        if (all_[index].waits_for == kNoCheckpoint) {
            return kNoCheckpoint;
        }
        index = all_[index].waits_for;
    }
    return index;
}

bool Checkpoints::is_ancestor(CheckpointIndex ancestor, CheckpointIndex of) const {
    const std::uint32_t depth = all_[ancestor].depth;
    while (of != kNoCheckpoint && all_[of].depth > depth) {
        const CheckpointIndex jump = all_[of].jump;
        of = jump != kNoCheckpoint && all_[jump].depth >= depth ? jump : all_[of].parent;
    }
    return of == ancestor;
}

// Where a child of `parent` jumps to: twice as far as its parent when that and the next jump are of
// one length, else to its parent. So the lengths of the jumps on a way up are those of a skew
// binary number.
CheckpointIndex Checkpoints::jump_from(CheckpointIndex parent) const {
    const CheckpointIndex near = parent == kNoCheckpoint ? kNoCheckpoint : all_[parent].jump;
    const CheckpointIndex far = near == kNoCheckpoint ? kNoCheckpoint : all_[near].jump;
    const bool same_length = far != kNoCheckpoint && all_[parent].depth - all_[near].depth ==
                                                         all_[near].depth - all_[far].depth;
    return same_length ? far : parent;
}

// Everything between here and the open checkpoint is proved no sooner than it.
void Checkpoints::wait(CheckpointIndex from, CheckpointIndex for_open) {
    for (CheckpointIndex index = from; index != kNoCheckpoint && index != for_open;
         index = all_[index].parent) {
        CheckpointIndex& waits_for = all_[index].waits_for;
        if (waits_for == kNoCheckpoint || all_[waits_for].depth > all_[for_open].depth) {
            waits_for = for_open;
        }
    }
}

// Whether a path stops at the checkpoint, and why. The cheap questions come first: most checkpoints
// are of other rounds of a loop, which the fingerprint tells.
bool Checkpoints::is_like(CheckpointIndex index, const State& state, CheckpointIndex parent,
                          const Visit& visit, Answer& answer) {
    Checkpoint& checkpoint = all_[index];
    answer = Answer::proved;
    const CheckpointIndex open = proved_with(index);
    if (open == kNoCheckpoint) {
        return equivalence_.covers(states_[index], state, Likeness::finished);
    }
    if (open != index) {
        // All paths from it have ended, some in a round of an open loop: so would this one's.
        const bool same = equivalence_.covers(states_[index], state, Likeness::by_range) &&
                          is_ancestor(open, parent);
        if (same) {
            wait(parent, open);
        }
        return same;
    }
    const bool new_round =
        visit.kind == PointKind::callback ||
        states_[index].may_goto_rounds != state.may_goto_rounds ||
        (visit.kind == PointKind::iterator && iterator_went_on(states_[index], state));
    if (visit.kind != PointKind::ordinary && new_round &&
        equivalence_.covers(states_[index], state, Likeness::by_range) &&
        is_ancestor(index, parent)) {
        wait(parent, index);
        return true;
    }
    answer = Answer::infinite_loop;
    return checkpoint.open_paths > 0 && visit.kind != PointKind::callback &&
           checkpoint.fingerprint == visit.fingerprint &&
           equivalence_.covers(states_[index], state, Likeness::exactly) &&
           is_ancestor(index, parent);
}

// States of which nothing has changed have one fingerprint: it is made of the numbers in live
// registers, and of nothing that may be renamed.
std::uint64_t Checkpoints::fingerprint(const State& state, InsnIndex at) const {
    constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15ULL;
    const Frame& frame = state.current();
    std::uint64_t hash = state.frame_count();
    for (Reg reg = 0; reg < kFramePointer; ++reg) {
        const Value& value = frame.regs[reg];
        if ((liveness_.regs[at.value] & only(reg)) != 0 && value.is_initialised()) {
            const std::uint64_t bounds = value.number.u.min + value.number.u.max * 3 +
                                         static_cast<std::uint64_t>(value.kind) * 7;
            hash = (hash ^ bounds) * kPrime;
            hash ^= hash >> 29U;
        }
    }
    return hash;
}

std::vector<CheckpointIndex>& Checkpoints::at_place(const State& state, InsnIndex at) {
    LastPlace& last = last_place_[at.value];
    const InsnIndex call_site = state.current().call_site;
    if (last.checkpoints == nullptr || last.call_site != call_site) {
        last = {call_site, &by_place_[std::uint64_t{call_site.value} << 32U | at.value]};
    }
    return *last.checkpoints;
}

void Checkpoints::stop_at(CheckpointIndex index, const State& state, Answer answer) {
    matched_ = index;
    ++all_[index].hits;
    if (answer == Answer::infinite_loop) {
        return;
    }
    const bool is_finished = proved_with(index) == kNoCheckpoint;
    equivalence_.inherit_needs(workspace_, states_[index], state,
                               is_finished ? Equivalence::Needs::known
                                           : Equivalence::Needs::growing);
}

Checkpoints::Answer Checkpoints::visit(State& state, CheckpointIndex& parent, Visit visit) {
    const Effort& effort = visit.effort;
    equivalence_.stand_at(visit.at);
    const bool force = visit.kind != PointKind::ordinary || effort.recorded > kMaxRecorded;
    const std::uint64_t jumps = effort.jumps - jumps_at_save_;
    const std::uint64_t insns = effort.insns - insns_at_save_;
    bool add = force || (jumps >= kJumpsBetweenSaves && insns >= kInsnsBetweenSaves);
    std::vector<CheckpointIndex>& here = at_place(state, visit.at);
    if (add || !here.empty()) {
        visit.fingerprint = fingerprint(state, visit.at);
    }
    for (std::size_t position = 0; position < here.size();) {
        const CheckpointIndex index = here[position];
        Answer answer = Answer::proved;
        if (is_like(index, state, parent, visit, answer)) {
            stop_at(index, state, answer);
            return answer;
        }
        if (all_[index].open_paths > 0 && !force && jumps < kJumpsInLoop && insns < kInsnsInLoop) {
            add = false;
        }
        all_[index].misses += add ? 1U : 0U;
        const std::uint32_t patience =
            visit.kind != PointKind::ordinary && all_[index].open_paths > 0 ? kPatienceInLoop
                                                                            : kPatience;
        if (all_[index].misses > all_[index].hits * patience + patience) {
            forget(index);
            here.erase(here.begin() + static_cast<std::ptrdiff_t>(position));
        } else {
            ++position;
        }
    }
    if (add && here.size() <= most_at_place_) {
        save(state, parent, visit);
    }
    return Answer::go_on;
}

void Checkpoints::forget(CheckpointIndex index) {
    Checkpoint& checkpoint = all_[index];
    checkpoint.listed = false;
    memory_bytes_ -= checkpoint.bytes;
    checkpoint.bytes = 0;
    states_[index] = State{};
    --statistics_.peak_states;
}

// Each live number gets a node of its own, so that a need is traced to the place it was in. Frames
// that are still those of the parent have theirs.
void Checkpoints::give_places(State& state, CheckpointIndex parent, InsnIndex at) {
    Dependencies& dependencies = workspace_.dependencies;
    const State* before = state_of(parent);
    for (unsigned number = 0; number < state.frame_count(); ++number) {
        if (before != nullptr && number < before->frame_count() &&
            state.same_frame(*before, number)) {
            continue;
        }
        const bool current = number == state.depth();
        const RegSet live = current ? liveness_.regs[at.value] : RegSet{0x7ff};
        const SlotSet live_slots = current ? liveness_.slots[at.value] : kAllSlots;
        Frame& frame = state.frame_for_write(number);
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if ((live & only(reg)) != 0 && frame.regs[reg].is_scalar()) {
                frame.regs[reg].origin = dependencies.place(frame.regs[reg].origin);
            }
        }
        give_places(frame.stack, live_slots);
    }
}

void Checkpoints::give_places(Stack& stack, SlotSet live) {
    Dependencies& dependencies = workspace_.dependencies;
    for (std::uint32_t index = 0; index < stack.slot_count(); ++index) {
        const Slot& slot = stack.slot(index);
        if ((live & (SlotSet{1} << index)) != 0 && slot.is_spill() && slot.value.is_scalar()) {
            Value& value = stack.slot_for_write(index).value;
            value.origin = dependencies.place(value.origin);
        }
    }
}

void Checkpoints::save(State& state, CheckpointIndex& parent, const Visit& visit) {
    give_places(state, parent, visit.at);
    Checkpoint checkpoint;
    checkpoint.at = visit.at;
    checkpoint.fingerprint = visit.fingerprint;
    checkpoint.parent = parent;
    checkpoint.jump = jump_from(parent);
    checkpoint.depth = parent == kNoCheckpoint ? 0 : all_[parent].depth + 1;
    checkpoint.bytes = sizeof(Checkpoint) + sizeof(State) + bytes_of(state, state_of(parent));
    memory_bytes_ += checkpoint.bytes;
    parent = static_cast<CheckpointIndex>(all_.size());
    all_.push_back(checkpoint);
    states_.push_back(state);
    std::vector<CheckpointIndex>& here = at_place(state, visit.at);
    // Those that there were to compare with; the new one counts when the next path comes by.
    statistics_.max_states_per_insn =
        std::max<std::uint64_t>(statistics_.max_states_per_insn, here.size());
    here.insert(here.begin(), parent);
    insns_at_save_ = visit.effort.insns;
    jumps_at_save_ = visit.effort.jumps;
    ++statistics_.total_states;
    ++statistics_.peak_states;
    statistics_.memory_bytes =
        std::max(statistics_.memory_bytes, memory_bytes_ + workspace_.dependencies.memory_bytes());
}

void Checkpoints::open(CheckpointIndex parent) {
    if (parent != kNoCheckpoint) {
        ++all_[parent].open_paths;
    }
}

void Checkpoints::close(CheckpointIndex parent) {
    while (parent != kNoCheckpoint && --all_[parent].open_paths == 0) {
        const Checkpoint& closed = all_[parent];
        if (closed.waits_for != kNoCheckpoint && closed.parent != kNoCheckpoint &&
            closed.parent != closed.waits_for) {
            wait(closed.parent, closed.waits_for);
        }
        parent = closed.parent;
    }
}

const State* Checkpoints::previous(CheckpointIndex from, InsnIndex at, const State& now) const {
    for (; from != kNoCheckpoint; from = all_[from].parent) {
        if (all_[from].at == at && all_[from].listed && same_calls(states_[from], now)) {
            return &states_[from];
        }
    }
    return nullptr;
}

} // namespace skep::verify
