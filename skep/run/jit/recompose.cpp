// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/recompose.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>

namespace skep::run::jit {
namespace {

constexpr std::size_t kRegisters = 11;
constexpr std::uint32_t kMostReach = 64;  // slots that one number is made in
constexpr std::int16_t kZero = INT16_MIN; // a byte that is zero, and comes from nowhere

// A register as bytes of memory, the lowest first.
struct Row {
    std::array<std::int16_t, 8> bytes; // offsets from the base
    std::uint64_t parts;               // bit i: the instruction at slot first_part + i
    std::uint32_t first_part;
    std::uint32_t last_load;
    std::uint32_t base_version;
    Reg base;
    std::uint8_t loads; // of the parts

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
    constexpr std::int16_t kFar = INT16_MAX - 4; // whose bytes have no number
    const Insn& insn = plan.insns[at];
    return insn.kind == InsnKind::load && insn.size_bytes <= 4 && insn.extend == Extend::zero &&
           insn.offset <= kFar && insn.offset != kZero && (plan.marks[at] & (kCalls | kKnown)) == 0;
}

bool may_join(const Insn& insn) {
    return insn.kind == InsnKind::alu && insn.source == Source::reg &&
           (insn.alu_op == AluOp::or_ || insn.alu_op == AluOp::add || insn.alu_op == AluOp::xor_);
}

bool leaves_memory_alone(const Insn& insn) {
    return insn.kind == InsnKind::alu || insn.kind == InsnKind::load_wide ||
           insn.kind == InsnKind::load || insn.kind == InsnKind::address_space_cast;
}

void shift(Row& row, std::size_t count) {
    for (std::size_t i = row.bytes.size(); i-- > 0;) {
        row.bytes[i] = i >= count ? row.bytes[i - count] : kZero;
    }
}

void cut(Row& row, std::size_t size) {
    std::fill(row.bytes.begin() + static_cast<std::ptrdiff_t>(size), row.bytes.end(), kZero);
}

void reverse(Row& row, std::size_t size) {
    cut(row, size);
    std::reverse(row.bytes.begin(), row.bytes.begin() + static_cast<std::ptrdiff_t>(size));
}

// Puts the other's bytes where the row has none; false when both have one.
bool join(Row& row, const Row& other) {
    const std::uint32_t apart =
        std::max(row.first_part, other.first_part) - std::min(row.first_part, other.first_part);
    if (row.base != other.base || row.base_version != other.base_version || apart >= kMostReach) {
        return false;
    }
    for (std::size_t i = 0; i < row.bytes.size(); ++i) {
        if (row.bytes[i] != kZero && other.bytes[i] != kZero) {
            return false;
        }
        row.bytes[i] = row.bytes[i] != kZero ? row.bytes[i] : other.bytes[i];
    }
    // A part that falls out is too far, as is the end.
    if (row.first_part <= other.first_part) {
        row.parts |= other.parts << apart;
    } else {
        row.parts = row.parts << apart | other.parts;
        row.first_part = other.first_part;
    }
    row.loads = static_cast<std::uint8_t>(row.loads + other.loads);
    row.last_load = std::max(row.last_load, other.last_load);
    return true;
}

// The load that gives the row, when its bytes lie side by side and there is nothing above them.
std::optional<WideLoad> as_load(const Row& row, Reg dst) {
    std::size_t size = 0;
    while (size < 8 && row.bytes[size] != kZero) {
        ++size;
    }
    const bool is_whole = std::all_of(row.bytes.begin() + static_cast<std::ptrdiff_t>(size),
                                      row.bytes.end(), [](std::int16_t b) { return b == kZero; });
    if (!is_whole || (size != 2 && size != 4 && size != 8)) {
        return std::nullopt;
    }
    const std::int32_t step = row.bytes[1] > row.bytes[0] ? 1 : -1;
    for (std::size_t i = 1; i < size; ++i) {
        if (row.bytes[i] != row.bytes[i - 1] + step) {
            return std::nullopt;
        }
    }
    return WideLoad{row.last_load,
                    dst,
                    row.base,
                    step > 0 ? row.bytes[0] : row.bytes[size - 1],
                    static_cast<std::uint8_t>(size),
                    step < 0};
}

class Recomposer {
  public:
    Recomposer(const Plan& plan, std::span<const RegSet> live)
        : plan_(plan), live_(live), candidates_(plan.memory()), taken_(plan.memory()),
          result_(plan.memory()) {}

    Recomposed run() {
        std::uint32_t done = 0;
        for (const std::uint32_t at : plan_.byte_moves) {
            done = at >= done ? follow_stretch(at, done) : done;
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
        Row row;
        const bool holds = row_of(at, one, row);
        const RegSet writes = plan_.effects[at].writes;
        for (RegSet left = writes; left != 0; left = static_cast<RegSet>(left & (left - 1))) {
            ++versions_[static_cast<std::size_t>(std::countr_zero(left))];
        }
        holding_ = static_cast<RegSet>(holding_ & ~writes);
        if (holds) {
            note(at, one.dst, row);
            rows_[one.dst] = row;
            holding_ = static_cast<RegSet>(holding_ | set_of(one.dst));
        }
    }

    [[nodiscard]] bool is_holding(Reg reg) const { return (holding_ >> reg & 1) != 0; }

    // Whether the register holds bytes of memory after the instruction, and which.
    bool row_of(std::uint32_t at, const Insn& one, Row& row) const {
        if (is_narrow_load(plan_, at)) {
            row.bytes.fill(kZero);
            for (std::int32_t i = 0; i < one.size_bytes; ++i) {
                row.bytes[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(one.offset + i);
            }
            row.base = one.src;
            row.base_version = versions_[one.src];
            row.first_part = at;
            row.parts = 1;
            row.loads = 1;
            row.last_load = at;
            return true;
        }
        if (one.kind != InsnKind::alu || plan_.has(kKnown, at)) {
            return false;
        }
        const bool is_row =
            one.source == Source::reg ? of_registers(one, row) : of_number(one, row);
        if (!is_row || !row.add_part(at)) {
            return false;
        }
        if (one.width == Width::w32 && swap_size(one.alu_op) == 0) {
            cut(row, 4);
        }
        return true;
    }

    bool of_registers(const Insn& one, Row& row) const {
        const bool moves = one.alu_op == AluOp::mov;
        if (!is_holding(one.src) ||
            (!moves && (!may_join(one) || one.dst == one.src || !is_holding(one.dst)))) {
            return false;
        }
        row = rows_[moves ? one.src : one.dst];
        return moves || join(row, rows_[one.src]);
    }

    bool of_number(const Insn& one, Row& row) const {
        const std::size_t size = swap_size(one.alu_op);
        const std::int32_t bits = one.width == Width::w64 ? 64 : 32;
        const bool shifts =
            one.alu_op == AluOp::lsh && one.imm > 0 && one.imm < bits && one.imm % 8 == 0;
        if (!is_holding(one.dst) || (size == 0 && !shifts)) {
            return false;
        }
        row = rows_[one.dst];
        if (size != 0) {
            reverse(row, size);
        } else {
            shift(row, static_cast<std::size_t>(one.imm / 8));
        }
        return true;
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
        WorkList<std::uint64_t> order(plan_.memory()); // the fewer parts, the higher; then which
        order.reserve(candidates_.size());
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            const auto parts = static_cast<unsigned>(std::popcount(candidates_[i].row.parts));
            order.push_back(std::uint64_t{kMostReach - parts} << 32 | i);
        }
        std::sort(order.begin(), order.end());
        for (const std::uint64_t one : order) {
            const Candidate& candidate = candidates_[static_cast<std::uint32_t>(one)];
            if (!meets_another(candidate) && may_take(candidate)) {
                take(candidate);
            }
        }
        std::sort(result_.loads.begin(), result_.loads.end(),
                  [](const WideLoad& one, const WideLoad& other) { return one.slot < other.slot; });
    }

    void take(const Candidate& candidate) {
        if (result_.dropped.empty()) {
            result_.dropped.resize(plan_.insns.size());
        }
        for_each_part(candidate.row,
                      [&](std::uint32_t part) { result_.dropped[part] = Recomposed::kDropped; });
        result_.dropped[candidate.load.slot] = Recomposed::kHasLoad;
        result_.loads.push_back(candidate.load);
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
    std::span<const RegSet> live_;     // by slot, before it
    std::array<Row, kRegisters> rows_; // of those in holding_
    RegSet holding_ = 0;               // registers that have a row
    std::array<std::uint32_t, kRegisters> versions_{};
    struct Taken { // slots, both included
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        Reg dst = 0;
    };
    WorkList<Candidate> candidates_;
    WorkList<Taken> taken_;
    Recomposed result_;
};

} // namespace

Recomposed recompose(const Plan& plan, std::span<const RegSet> live_before) {
    return plan.byte_moves.empty() ? Recomposed(plan.memory())
                                   : Recomposer(plan, live_before).run();
}

} // namespace skep::run::jit
