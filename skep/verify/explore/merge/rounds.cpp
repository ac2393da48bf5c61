// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/merge/rounds.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "skep/spec/limits.hpp"
#include "skep/verify/shape/control_flow.hpp"
#include "skep/verify/transfer/registers.hpp"

namespace skep::verify {
namespace {

constexpr unsigned kMostVisits = 6;       // of one instruction, before it counts as unknown
constexpr std::size_t kMostVariables = 8; // on the stack
constexpr std::int64_t kFurthest = 1LL << 40;

// A variable on the stack: bytes of the own frame that are read and written as one.
struct Variable {
    std::int32_t offset = 0;
    std::uint32_t size_bytes = 0;
    bool operator==(const Variable&) const = default;
    [[nodiscard]] bool overlaps(std::int64_t from, std::int64_t to) const {
        return from < offset + static_cast<std::int64_t>(size_bytes) && to > offset;
    }
};

// A place for numbers: R0..R9, then the variables.
constexpr int kUnknown = -1;
struct Moved {
    int from = kUnknown; // which place's number at the head
    std::int64_t least = 0;
    std::int64_t most = 0;
    bool operator==(const Moved&) const = default;
};
using Places = std::array<Moved, kFramePointer + kMostVariables>;

// How far a number goes within a round, and whether through half a register.
struct Excursion {
    std::int64_t least = 0;
    std::int64_t most = 0;
    bool is_narrow = false;
};

class Body {
  public:
    Body(const Subject& subject, const Facts& facts, const Loop& loop)
        : subject_(subject), facts_(facts), loop_(loop) {
        for (const InsnIndex at : loop.body) {
            note_variable(subject.insn(at));
            visits_.emplace(at.value, 0U);
        }
        follow();
    }

    [[nodiscard]] const Places& round() const { return round_; }
    [[nodiscard]] const Excursion& excursion(std::size_t place) const { return excursions_[place]; }
    [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }

  private:
    static bool on_own_frame(Reg base) { return base == kFramePointer; }

    void note_variable(const Insn& insn) {
        const bool is_load = insn.kind == InsnKind::load && on_own_frame(insn.src);
        const Variable variable{insn.offset, insn.size_bytes};
        if (is_load && insn.size_bytes >= 4 && variables_.size() < kMostVariables &&
            std::find(variables_.begin(), variables_.end(), variable) == variables_.end()) {
            variables_.push_back(variable);
        }
    }

    void follow() {
        Places start;
        for (std::size_t place = 0; place < start.size(); ++place) {
            start[place].from = static_cast<int>(place);
        }
        std::set<std::uint32_t> work;
        before_[loop_.head.value] = start;
        work.insert(loop_.head.value);
        bool first_round = true;
        while (!work.empty()) {
            const InsnIndex at{*work.begin()};
            work.erase(work.begin());
            const Places after = stepped(before_[at.value], at);
            const Successors next = successors(subject_, at);
            for (unsigned i = 0; i < next.count; ++i) {
                const std::uint32_t to = next.list[i].value;
                if (to == loop_.head.value) {
                    round_ = first_round ? after : joined(round_, after, false);
                    first_round = false;
                } else if (visits_.count(to) != 0 && arrive(to, after)) {
                    work.insert(to);
                }
            }
        }
    }
    bool arrive(std::uint32_t to, const Places& places) {
        const auto [known, is_new] = before_.emplace(to, places);
        if (is_new) {
            return true;
        }
        const bool tired = visits_[to] >= kMostVisits;
        const Places both = joined(known->second, places, tired);
        const bool changed = both != known->second;
        visits_[to] += changed ? 1U : 0U;
        known->second = both;
        return changed;
    }
    static Places joined(const Places& a, const Places& b, bool tired) {
        Places result;
        for (std::size_t place = 0; place < a.size(); ++place) {
            if (a[place] == b[place]) {
                result[place] = a[place];
            } else if (a[place].from == b[place].from && !tired) {
                result[place] = {a[place].from, std::min(a[place].least, b[place].least),
                                 std::max(a[place].most, b[place].most)};
            }
        }
        return result;
    }

    [[nodiscard]] std::size_t place_of(std::size_t variable) const {
        return kFramePointer + variable;
    }
    // A load from or a store to a variable, whole; else none.
    [[nodiscard]] std::optional<std::size_t> variable_at(Reg base, const Insn& insn) const {
        const auto found =
            std::find(variables_.begin(), variables_.end(), Variable{insn.offset, insn.size_bytes});
        return on_own_frame(base) && found != variables_.end()
                   ? std::optional(place_of(static_cast<std::size_t>(found - variables_.begin())))
                   : std::nullopt;
    }

    Places stepped(Places places, InsnIndex at) {
        const Insn& insn = subject_.insn(at);
        Moved result;
        switch (insn.kind) {
        case InsnKind::alu:
            result = moved_by(places, insn);
            break;
        case InsnKind::load: {
            const std::optional<std::size_t> variable = variable_at(insn.src, insn);
            result = variable && insn.extend == Extend::zero ? places[*variable] : Moved{};
            note(result, insn.size_bytes < kSlotBytes);
            break;
        }
        case InsnKind::store_reg:
        case InsnKind::store_imm:
        case InsnKind::atomic:
            stored(places, insn, at);
            break;
        case InsnKind::call_helper:
        case InsnKind::call_subprogram:
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
            forget_variables(places, -kStackBytes, 0);
            break;
        case InsnKind::load_wide:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::jump:
        case InsnKind::jump_always:
        case InsnKind::may_goto:
        case InsnKind::exit:
        case InsnKind::address_space_cast:
            break;
        }
        const RegSet written = writes(insn);
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if ((written & only(reg)) != 0) {
                places[reg] =
                    insn.kind == InsnKind::alu || insn.kind == InsnKind::load ? result : Moved{};
            }
        }
        return places;
    }

    Moved moved_by(const Places& places, const Insn& insn) {
        const bool narrow = insn.width != Width::w64;
        Moved result;
        if (insn.alu_op == AluOp::mov && insn.source == Source::reg) {
            result = places[insn.src == kFramePointer ? 0 : insn.src];
            result.from = insn.src == kFramePointer ? kUnknown : result.from;
        } else if ((insn.alu_op == AluOp::add || insn.alu_op == AluOp::sub) &&
                   insn.source == Source::imm) {
            const std::int64_t step =
                insn.alu_op == AluOp::add ? std::int64_t{insn.imm} : -std::int64_t{insn.imm};
            result = places[insn.dst];
            result.least += step;
            result.most += step;
        }
        const bool too_far = result.least < -kFurthest || result.most > kFurthest;
        result = result.from == kUnknown || too_far ? Moved{} : result;
        note(result, narrow);
        return result;
    }
    void note(const Moved& moved, bool narrow) {
        if (moved.from != kUnknown) {
            Excursion& excursion = excursions_[static_cast<std::size_t>(moved.from)];
            excursion.least = std::min(excursion.least, moved.least);
            excursion.most = std::max(excursion.most, moved.most);
            excursion.is_narrow = excursion.is_narrow || narrow;
        }
    }

    void stored(Places& places, const Insn& insn, InsnIndex at) {
        if (!on_own_frame(insn.dst)) {
            const Region region = facts_.of(at).region;
            if (region == Region::unknown || region == Region::stack) {
                forget_variables(places, -kStackBytes, 0);
            }
            return;
        }
        const std::optional<std::size_t> variable = variable_at(insn.dst, insn);
        const bool keeps =
            insn.kind == InsnKind::store_reg && variable.has_value() && insn.src != kFramePointer;
        const Moved value = keeps ? places[insn.src] : Moved{};
        forget_variables(places, insn.offset, insn.offset + std::int64_t{insn.size_bytes});
        if (keeps) {
            places[*variable] = value;
            note(value, insn.size_bytes < kSlotBytes);
        }
    }
    void forget_variables(Places& places, std::int64_t from, std::int64_t to) const {
        for (std::size_t index = 0; index < variables_.size(); ++index) {
            if (variables_[index].overlaps(from, to)) {
                places[place_of(index)] = {};
            }
        }
    }

    const Subject& subject_;
    const Facts& facts_;
    const Loop& loop_;
    std::vector<Variable> variables_;
    std::map<std::uint32_t, unsigned> visits_; // of the body's instructions
    std::map<std::uint32_t, Places> before_;
    Places round_{}; // what a round makes of the places
    std::array<Excursion, kFramePointer + kMostVariables> excursions_{};
};

// What a place holds at the head, when that is a number of known bounds.
std::optional<Scalar> number_at(const State& state, std::size_t place, const Body& body) {
    if (place < kFramePointer) {
        const Value& value = state.reg(static_cast<Reg>(place));
        return value.is_scalar() ? std::optional(value.number) : std::nullopt;
    }
    if (place - kFramePointer >= body.variables().size()) {
        return std::nullopt;
    }
    const Variable& variable = body.variables()[place - kFramePointer];
    const Slot& slot = state.stack(state.depth()).slot(Stack::slot_of(variable.offset));
    const bool whole = slot.is_spill() && slot.value.is_scalar() &&
                       slot.spilled_bytes() == variable.size_bytes &&
                       variable.offset % static_cast<int>(kSlotBytes) == 0;
    return whole ? std::optional(slot.value.number) : std::nullopt;
}

// Rounds of a number that moves by at least `step` within [min, max], and on the way from
// min + least to max + most: none of that leaves [first, last].
template <class Number>
std::optional<std::uint64_t> rounds_within(Interval<Number> bounds, const Excursion& excursion,
                                           Interval<Number> width, std::uint64_t step) {
    const auto distance = [](Number from, Number to) { // of numbers in order: never wraps
        return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
    };
    if (bounds.is_empty() || bounds.min < width.min || bounds.max > width.max ||
        distance(width.min, bounds.min) < static_cast<std::uint64_t>(-excursion.least) ||
        distance(bounds.max, width.max) < static_cast<std::uint64_t>(excursion.most)) {
        return std::nullopt;
    }
    return distance(bounds.min, bounds.max) / step + 1;
}

// The bound that one place gives for the rounds of the loop from these states.
std::optional<std::uint64_t> rounds_by(const Body& body, std::size_t place,
                                       const std::vector<const State*>& states) {
    const Moved& moved = body.round()[place];
    const bool one_way = moved.least >= 1 || moved.most <= -1;
    if (moved.from != static_cast<int>(place) || !one_way || states.empty()) {
        return std::nullopt;
    }
    std::optional<Scalar> all;
    for (const State* state : states) {
        const std::optional<Scalar> number = number_at(*state, place, body);
        if (!number.has_value()) {
            return std::nullopt;
        }
        all = all.has_value() ? all->join(*number) : *number;
    }
    const auto step = static_cast<std::uint64_t>(moved.least >= 1 ? moved.least : -moved.most);
    const Excursion& excursion = body.excursion(place);
    constexpr UnsignedInterval<64> kHalf{0, std::numeric_limits<std::uint32_t>::max()};
    const auto by_unsigned =
        rounds_within(all->u, excursion, excursion.is_narrow ? kHalf : every_unsigned<64>(), step);
    if (by_unsigned.has_value() || excursion.is_narrow) {
        return by_unsigned;
    }
    return rounds_within(all->s, excursion, every_signed<64>(), step);
}

// Whether every way round goes on behind a may_goto, whose budget runs out. (When it has, the jump
// is taken, as often as one comes there.)
bool goes_through_may_goto(const Subject& subject, const Loop& loop) {
    std::set<std::uint32_t> inside;
    for (const InsnIndex at : loop.body) {
        inside.insert(at.value);
    }
    std::vector<InsnIndex> work{loop.head};
    std::set<std::uint32_t> seen;
    while (!work.empty()) {
        const InsnIndex at = work.back();
        work.pop_back();
        const Successors next = successors(subject, at);
        const bool is_counted = subject.insn(at).kind == InsnKind::may_goto;
        for (unsigned i = is_counted ? 1 : 0; i < next.count; ++i) { // 0: straight on
            if (next.list[i] == loop.head) {
                return false;
            }
            if (inside.count(next.list[i].value) != 0 && seen.insert(next.list[i].value).second) {
                work.push_back(next.list[i]);
            }
        }
    }
    return true;
}

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? ~std::uint64_t{0} : product;
}

class AllRounds {
  public:
    AllRounds(const Subject& subject, const Facts& facts, const LoopOrder& order,
              const std::vector<MergePoints::AtHead>& heads)
        : order_(order), rounds_(order.loops.size(), 0) {
        for (std::uint32_t loop = 0; loop < order.loops.size(); ++loop) {
            std::vector<const State*> states;
            for (const MergePoints::AtHead& at_head : heads) {
                if (at_head.head == order.loops[loop].head) {
                    states.insert(states.end(), at_head.states.begin(), at_head.states.end());
                }
            }
            if (!states.empty()) {
                rounds_[loop] = rounds_of(subject, facts, order.loops[loop], states);
            }
        }
    }
    // With all loops around, and around the calls.
    [[nodiscard]] std::uint64_t altogether(const MergePoints::AtHead& at_head) const {
        std::uint64_t product = around(at_head.head);
        for (const InsnIndex call : at_head.calls) {
            product = times(product, around(call));
        }
        return product;
    }

  private:
    static std::uint64_t rounds_of(const Subject& subject, const Facts& facts, const Loop& loop,
                                   const std::vector<const State*>& states) {
        if (goes_through_may_goto(subject, loop)) {
            return spec::limits::loop_iterations;
        }
        const Body body(subject, facts, loop);
        std::uint64_t least = ~std::uint64_t{0};
        for (std::size_t place = 0; place < body.round().size(); ++place) {
            least = std::min(least, rounds_by(body, place, states).value_or(least));
        }
        return least;
    }
    [[nodiscard]] std::uint64_t around(InsnIndex at) const {
        std::uint64_t product = 1;
        for (std::uint32_t loop = order_.loop[at.value]; loop != kNoLoop;
             loop = order_.loops[loop].outer) {
            product = times(product, std::max<std::uint64_t>(rounds_[loop], 1));
        }
        return product;
    }

    const LoopOrder& order_;
    std::vector<std::uint64_t> rounds_; // ~0: no bound was found
};

} // namespace

bool all_loops_end(const Subject& subject, const Facts& facts, const LoopOrder& order,
                   const std::vector<MergePoints::AtHead>& heads) {
    const AllRounds rounds(subject, facts, order, heads);
    return std::all_of(heads.begin(), heads.end(), [&](const MergePoints::AtHead& at_head) {
        return rounds.altogether(at_head) <= kMostRounds;
    });
}

} // namespace skep::verify
