// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/merge/merge_points.hpp"

#include <algorithm>
#include <limits>

namespace skep::verify {
namespace {

constexpr std::size_t kMostApart = 8;     // states side by side at one place
constexpr unsigned kGrowthsUnwidened = 2; // the first rounds of a loop may be all there is
constexpr unsigned kGrowthsToThresholds = 8;
constexpr std::size_t kMostThresholds = 64;

// Numbers that the program compares with or masks by are where its values tend to end.
std::vector<std::int64_t> thresholds_of(const Subject& subject) {
    std::set<std::int64_t> found{0, 1, std::numeric_limits<std::int32_t>::max(),
                                 std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::uint32_t>::max()};
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        const bool bounds = insn.kind == InsnKind::jump || insn.kind == InsnKind::alu;
        if (bounds && insn.source == Source::imm && found.size() < kMostThresholds) {
            found.insert({insn.imm - std::int64_t{1}, insn.imm, insn.imm + std::int64_t{1}});
        }
        if (insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::number &&
            found.size() < kMostThresholds) {
            found.insert(static_cast<std::int64_t>(insn.imm64()));
        }
    }
    return {found.begin(), found.end()};
}

} // namespace

MergePoints::MergePoints(Workspace& workspace, const LoopOrder& order, const Liveness& liveness,
                         std::vector<bool> comes_back)
    : workspace_(workspace), order_(order), liveness_(liveness), comes_back_(std::move(comes_back)),
      thresholds_(thresholds_of(workspace.subject)) {}

void MergePoints::clear() {
    places_.clear();
    pending_.clear();
    states_ = 0;
}

MergePoints::Key MergePoints::key_of(const State& state, InsnIndex at) const {
    Key key{};
    for (unsigned number = 1; number < state.frame_count(); ++number) {
        key[number - 1] = order_.position[state.frame(number).call_site.value];
    }
    key[state.depth()] = order_.position[at.value];
    return key;
}

bool MergePoints::in_loop(const State& state, InsnIndex at) const {
    bool found = order_.loop[at.value] != kNoLoop || comes_back_[at.value];
    for (unsigned number = 1; number < state.frame_count(); ++number) {
        const std::uint32_t call = state.frame(number).call_site.value;
        found = found || order_.loop[call] != kNoLoop || comes_back_[call];
    }
    return found;
}

bool MergePoints::arrive(State state, InsnIndex at) {
    forget_dead(state, live_frames(liveness_, state, at));
    const Key key = key_of(state, at);
    const auto [entry, is_new] = places_.try_emplace(key);
    Place& place = entry->second;
    if (is_new) {
        place.at = at;
        place.is_head = order_.is_head(at) || comes_back_[at.value];
        place.stays = in_loop(state, at);
    }
    if (!add(place, std::move(state))) {
        return false;
    }
    const bool more = std::any_of(place.states.begin(), place.states.end(),
                                  [](const Waiting& one) { return one.is_new; });
    if (more) {
        pending_.insert(key);
    }
    return true;
}

Join::Widening MergePoints::widening_at(const Place& place) const {
    if (!place.is_head || place.growths < kGrowthsUnwidened) {
        return {};
    }
    return {true, place.growths < kGrowthsToThresholds ? std::span(thresholds_)
                                                       : std::span<const std::int64_t>()};
}

bool MergePoints::add(Place& place, State state) {
    for (const Join::Effort effort : {Join::Effort::keep_apart, Join::Effort::force}) {
        const bool full = place.states.size() >= kMostApart;
        if (effort == Join::Effort::force && !full) {
            place.states.push_back({std::move(state), true});
            most_states_ = std::max(most_states_, ++states_);
            return true;
        }
        for (Waiting& waiting : place.states) {
            Join join(workspace_.ids, widening_at(place), effort);
            const Join::Answer answer = join.add(waiting.state, state);
            if (answer == Join::Answer::grown) {
                waiting.is_new = true;
                ++place.growths;
            }
            if (answer != Join::Answer::incompatible) {
                return true;
            }
        }
    }
    return false;
}

std::optional<MergePoints::Next> MergePoints::next() {
    while (!pending_.empty()) {
        const Key key = *pending_.begin();
        Place& place = places_.at(key);
        const auto waiting = std::find_if(place.states.begin(), place.states.end(),
                                          [](const Waiting& one) { return one.is_new; });
        if (waiting == place.states.end()) {
            pending_.erase(pending_.begin());
            continue;
        }
        waiting->is_new = false;
        Next next{waiting->state, place.at};
        if (!place.stays) { // nothing leads here any more
            place.states.erase(waiting);
            --states_;
        }
        if (place.states.empty()) {
            pending_.erase(pending_.begin());
            places_.erase(key);
        }
        return next;
    }
    return std::nullopt;
}

std::vector<MergePoints::AtHead> MergePoints::at_heads() const {
    std::vector<AtHead> heads;
    for (const auto& [key, place] : places_) {
        if (place.states.empty() || !order_.is_head(place.at)) {
            continue;
        }
        AtHead at_head{place.at, {}, {}};
        for (const Waiting& waiting : place.states) {
            at_head.states.push_back(&waiting.state);
        }
        const State& any = place.states.front().state;
        for (unsigned number = 1; number < any.frame_count(); ++number) {
            at_head.calls.push_back(any.frame(number).call_site);
        }
        heads.push_back(std::move(at_head));
    }
    return heads;
}

} // namespace skep::verify
