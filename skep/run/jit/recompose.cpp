// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/recompose.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace skep::run::jit {
namespace {

constexpr std::size_t kRegisters = 11;
constexpr std::uint32_t kMostReach = 64;  // slots that one number is made in
constexpr std::int32_t kZero = INT32_MIN; // a byte that is zero, and comes from nowhere

// A register as bytes of memory, the lowest first.
struct Row {
    std::array<std::int32_t, 8> bytes{kZero, kZero, kZero, kZero, kZero, kZero, kZero, kZero};
    Reg base = 0;
    std::uint32_t base_version = 0;
    std::uint32_t first_part = 0;
    std::uint64_t parts = 0; // bit i: the instruction at slot first_part + i
    std::uint8_t loads = 0;  // of the parts
    std::uint32_t last_load = 0;

    [[nodiscard]] bool has_part(std::uint32_t slot) const {
        return slot - first_part < kMostReach && (parts >> (slot - first_part) & 1) != 0;
    }
    // False when it is too far from the first. Precondition: it comes after all the others.
    bool add_part(std::uint32_t slot) {
        if (slot - first_part >= kMostReach) {
            return false;
        }
        parts |= std::uint64_t{1} << (slot - first_part);
        return true;
    }
};

// Calls visit(slot) for every part.
template <class Visit>
void for_each_part(const Row& row, Visit visit) {
    for (std::uint64_t left = row.parts; left != 0; left &= left - 1) {
        visit(row.first_part + static_cast<std::uint32_t>(std::countr_zero(left)));
    }
}

// A row that is a whole number at the end of an instruction.
struct Candidate {
    Row row;
    WideLoad load;
    std::uint32_t end = 0; // the slot that completes it
};

bool is_narrow_load(const Plan& plan, std::uint32_t at) {
    const Insn& insn = plan.insns[at];
    return insn.kind == InsnKind::load && insn.size_bytes <= 4 && insn.extend == Extend::zero &&
           !plan.has(kCalls, at) && !plan.has(kKnown, at);
}

bool may_join(const Insn& insn) {
    return insn.kind == InsnKind::alu && insn.source == Source::reg &&
           (insn.alu_op == AluOp::or_ || insn.alu_op == AluOp::add || insn.alu_op == AluOp::xor_);
}

bool leaves_memory_alone(const Insn& insn) {
    return insn.kind == InsnKind::alu || insn.kind == InsnKind::load_wide ||
           insn.kind == InsnKind::load || insn.kind == InsnKind::address_space_cast;
}

Row shifted(Row row, std::size_t count) {
    for (std::size_t i = row.bytes.size(); i-- > 0;) {
        row.bytes[i] = i >= count ? row.bytes[i - count] : kZero;
    }
    return row;
}

Row cut(Row row, std::size_t size) {
    std::fill(row.bytes.begin() + static_cast<std::ptrdiff_t>(size), row.bytes.end(), kZero);
    return row;
}

Row reversed(Row row, std::size_t size) {
    row = cut(row, size);
    std::reverse(row.bytes.begin(), row.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    return row;
}

std::optional<Row> joined(const Row& left, const Row& right) {
    const Row& earlier = left.first_part <= right.first_part ? left : right;
    const Row& later = &earlier == &left ? right : left;
    const std::uint32_t apart = later.first_part - earlier.first_part;
    if (left.base != right.base || left.base_version != right.base_version || apart >= kMostReach) {
        return std::nullopt;
    }
    Row row = left;
    for (std::size_t i = 0; i < row.bytes.size(); ++i) {
        if (row.bytes[i] != kZero && right.bytes[i] != kZero) {
            return std::nullopt;
        }
        row.bytes[i] = row.bytes[i] != kZero ? row.bytes[i] : right.bytes[i];
    }
    row.first_part = earlier.first_part;
    row.parts = earlier.parts | later.parts
                                    << apart; // one that falls out is too far, as is the end
    row.loads = static_cast<std::uint8_t>(left.loads + right.loads);
    row.last_load = std::max(left.last_load, right.last_load);
    return row;
}

// The load that gives the row, when its bytes lie side by side and there is nothing above them.
std::optional<WideLoad> as_load(const Row& row, Reg dst) {
    std::size_t size = 0;
    while (size < 8 && row.bytes[size] != kZero) {
        ++size;
    }
    const bool is_whole = std::all_of(row.bytes.begin() + static_cast<std::ptrdiff_t>(size),
                                      row.bytes.end(), [](std::int32_t b) { return b == kZero; });
    if (!is_whole || (size != 2 && size != 4 && size != 8)) {
        return std::nullopt;
    }
    const std::int32_t step = row.bytes[1] > row.bytes[0] ? 1 : -1;
    for (std::size_t i = 1; i < size; ++i) {
        if (row.bytes[i] != row.bytes[i - 1] + step) {
            return std::nullopt;
        }
    }
    return WideLoad{dst, row.base, step > 0 ? row.bytes[0] : row.bytes[size - 1],
                    static_cast<std::uint8_t>(size), step < 0};
}

class Recomposer {
  public:
    Recomposer(const Plan& plan, std::span<const RegSet> live) : plan_(plan), live_(live) {}

    Recomposed run() {
        const std::span<const std::uint8_t> marks = plan_.marks;
        std::uint32_t done = 0;
        for (std::uint32_t at = 0; at < marks.size();) {
            if ((marks[at] & kMovesBytes) != 0) {
                done = at = follow_stretch(at, done);
            } else {
                ++at;
            }
        }
        take_best();
        return std::move(result_);
    }

  private:
    [[nodiscard]] const Insn& insn(std::uint32_t at) const { return plan_.insns[at]; }
    [[nodiscard]] RegSet live_after(std::uint32_t at) const { return live_[at + insn(at).slots()]; }

    // What rows outlive: no jump enters it, and none leaves it but at its end. Follows the one that
    // the slot is in, which does not begin before `begin`; answers where it ends.
    std::uint32_t follow_stretch(std::uint32_t slot, std::uint32_t begin) {
        const auto slots = static_cast<std::uint32_t>(plan_.insns.size());
        std::uint32_t first = slot;
        while (first > begin && !plan_.is_target(first) && goes_on(before(first))) {
            first = before(first);
        }
        std::uint32_t loads = 0;
        std::uint32_t joins = 0;
        std::uint32_t end = first;
        for (bool ends = false; !ends;) {
            loads += is_narrow_load(plan_, end) ? 1 : 0;
            joins += may_join(insn(end)) ? 1 : 0;
            const bool is_last = !goes_on(end);
            end += insn(end).slots();
            ends = is_last || end >= slots || plan_.is_target(end);
        }
        if (loads > 1 && joins != 0) { // else there is nothing to put together
            for (std::uint32_t at = first; at < end; at += insn(at).slots()) {
                step(at);
            }
            forget_all();
        }
        return end;
    }

    [[nodiscard]] std::uint32_t before(std::uint32_t at) const {
        return at - (plan_.has(kSecondSlot, at - 1) ? 2 : 1);
    }

    [[nodiscard]] bool goes_on(std::uint32_t at) const {
        const Insn& one = insn(at);
        return leaves_memory_alone(one) || one.kind == InsnKind::store_imm ||
               one.kind == InsnKind::store_reg;
    }

    void forget_all() {
        if (holding_ == 0) {
            return; // versions tell rows from each other
        }
        for (RegSet left = holding_; left != 0; left = static_cast<RegSet>(left & (left - 1))) {
            rows_[static_cast<std::size_t>(std::countr_zero(left))].reset();
        }
        holding_ = 0;
        for (std::uint32_t& version : versions_) {
            ++version;
        }
    }

    void step(std::uint32_t at) {
        const Insn& one = insn(at);
        if (holding_ == 0 && !is_narrow_load(plan_, at)) {
            return;
        }
        const std::optional<Row> row = row_of(at, one);
        const RegSet writes = plan_.effects[at].writes;
        for (RegSet left = writes; left != 0; left = static_cast<RegSet>(left & (left - 1))) {
            const auto reg = static_cast<std::size_t>(std::countr_zero(left));
            rows_[reg].reset();
            ++versions_[reg];
        }
        holding_ = static_cast<RegSet>(holding_ & ~writes);
        if (row.has_value()) {
            note(at, one.dst, *row);
            rows_[one.dst] = row;
            holding_ = static_cast<RegSet>(holding_ | set_of(one.dst));
        }
    }

    // What the register holds after the instruction, as bytes of memory.
    std::optional<Row> row_of(std::uint32_t at, const Insn& one) {
        if (is_narrow_load(plan_, at)) {
            Row row;
            for (std::int32_t i = 0; i < one.size_bytes; ++i) {
                row.bytes[static_cast<std::size_t>(i)] = one.offset + i;
            }
            row.base = one.src;
            row.base_version = versions_[one.src];
            row.first_part = at;
            row.parts = 1;
            row.loads = 1;
            row.last_load = at;
            return row;
        }
        if (one.kind != InsnKind::alu || plan_.has(kKnown, at)) {
            return std::nullopt;
        }
        std::optional<Row> row = one.source == Source::reg ? of_registers(one) : of_number(one);
        if (!row.has_value() || !row->add_part(at)) {
            return std::nullopt;
        }
        const bool narrow = one.width == Width::w32 && swap_size(one.alu_op) == 0;
        return narrow ? cut(*row, 4) : row;
    }

    std::optional<Row> of_registers(const Insn& one) {
        if (one.alu_op == AluOp::mov) {
            return rows_[one.src];
        }
        if (!may_join(one) || one.dst == one.src || !rows_[one.dst] || !rows_[one.src]) {
            return std::nullopt;
        }
        return joined(*rows_[one.dst], *rows_[one.src]);
    }

    std::optional<Row> of_number(const Insn& one) {
        const std::optional<Row>& row = rows_[one.dst];
        if (!row.has_value()) {
            return std::nullopt;
        }
        if (const std::size_t size = swap_size(one.alu_op); size != 0) {
            return reversed(*row, size);
        }
        const std::int32_t bits = one.width == Width::w64 ? 64 : 32;
        if (one.alu_op == AluOp::lsh && one.imm > 0 && one.imm < bits && one.imm % 8 == 0) {
            return shifted(*row, static_cast<std::size_t>(one.imm / 8));
        }
        return std::nullopt;
    }

    void note(std::uint32_t at, Reg dst, const Row& row) {
        if (row.loads < 2) {
            return;
        }
        if (const std::optional<WideLoad> load = as_load(row, dst)) {
            candidates_.push_back({row, *load, at});
        }
    }

    // The largest first: what they are made of is not there for the smaller ones any more.
    void take_best() {
        std::stable_sort(candidates_.begin(), candidates_.end(),
                         [](const Candidate& left, const Candidate& right) {
                             return std::popcount(left.row.parts) > std::popcount(right.row.parts);
                         });
        for (const Candidate& candidate : candidates_) {
            if (!meets_another(candidate) && may_take(candidate)) {
                take(candidate);
            }
        }
    }

    void take(const Candidate& candidate) {
        if (result_.dropped.empty()) {
            result_.dropped.resize(plan_.insns.size());
            result_.loads.resize(plan_.insns.size());
        }
        for_each_part(candidate.row, [&](std::uint32_t part) { result_.dropped[part] = 1; });
        result_.loads[candidate.row.last_load] = candidate.load;
        taken_.push_back({candidate.row.first_part, candidate.end, candidate.load.dst});
    }

    // Two numbers may be put together at the same time, of different parts and in different
    // registers: a register that waits for its end looks unused to the other.
    [[nodiscard]] bool meets_another(const Candidate& candidate) const {
        bool meets = std::any_of(taken_.begin(), taken_.end(), [&](const Taken& other) {
            return other.dst == candidate.load.dst && other.begin <= candidate.end &&
                   candidate.row.first_part <= other.end;
        });
        for_each_part(candidate.row, [&](std::uint32_t part) { meets |= result_.drops(part); });
        return meets;
    }

    // The three conditions at the head of recompose.hpp; nothing between jumps in or out, since
    // rows do not outlive that.
    [[nodiscard]] bool may_take(const Candidate& candidate) const {
        const RegSet dst = set_of(candidate.load.dst);
        RegSet holding = 0; // registers that hold some of the bytes
        for (std::uint32_t at = candidate.row.first_part; at <= candidate.end;
             at += insn(at).slots()) {
            const Effects effects = plan_.effects[at];
            if (candidate.row.has_part(at)) {
                holding = static_cast<RegSet>(holding | effects.writes);
                const RegSet after = at == candidate.row.last_load ? live_after(at) : RegSet{0};
                if ((after & dst & ~holding) != 0) {
                    return false; // it still holds something else
                }
                continue;
            }
            if ((effects.reads & holding) != 0 ||
                (at < candidate.row.last_load && !leaves_memory_alone(insn(at))) ||
                (at > candidate.row.last_load && (effects.writes & dst) != 0)) {
                return false;
            }
            holding = static_cast<RegSet>(holding & ~effects.writes);
        }
        return (holding & ~dst & live_after(candidate.end)) == 0;
    }

    const Plan& plan_;
    std::span<const RegSet> live_; // by slot, before it
    std::array<std::optional<Row>, kRegisters> rows_;
    RegSet holding_ = 0; // registers that have a row
    std::array<std::uint32_t, kRegisters> versions_{};
    struct Taken { // slots, both included
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        Reg dst = 0;
    };
    std::vector<Candidate> candidates_;
    std::vector<Taken> taken_;
    Recomposed result_;
};

} // namespace

Recomposed recompose(const Plan& plan, std::span<const RegSet> live_before) {
    return Recomposer(plan, live_before).run();
}

} // namespace skep::run::jit
