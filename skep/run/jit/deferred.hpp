// SPDX-License-Identifier: Apache-2.0
//
// Deferred: simple arithmetic that is put off until it is known what it is for.
//
// A copy, a sum with an address's parts, a shift by a constant is not said to the target at once
// but noted as an expression over other registers. What comes next decides what becomes of it: the
// base of a load or store becomes part of its address, two opposite shifts that are joined by an or
// become a rotation, and what nobody reads any more becomes nothing. Anything else makes it real
// first.
//
// What holds between instructions (R's place is the machine register where R lives):
//  - a register that is not pending has its value in its place;
//  - a pending register's value is its expression over *places*, which nobody has written since;
//  - an expression is only ever noted over places of registers that are not pending, or over its
//  own.
// From the last follows that making one real never goes round in a circle: if it must first make
// real those whose expressions read its place, these were noted earlier.
//
// Nothing is pending where a jump arrives or leaves, so no path needs to know of another's notes.
//
// Proved by: tests/jit/deferred_test.cpp; tests/engines (random programs against interpreter and
// kernel).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "skep/run/jit/effects.hpp"
#include "skep/run/jit/target.hpp"

namespace skep::run::jit {

template <Target T>
class Deferred {
  public:
    explicit Deferred(T& target) : target_(target) {}

    // Notes the instruction instead of saying it, when it is of the kind that can wait. `live` are
    // the registers that it reads or that are read after it. Precondition: it is arithmetic.
    bool defer(const Insn& insn, RegSet live) {
        live_ = live;
        if (insn.source == Source::reg) {
            return insn.width == Width::w64 ? defer_wide(insn) : defer_narrow(insn);
        }
        return defer_number(insn);
    }

    [[nodiscard]] bool is_empty() const { return pending_ == 0; }

    // Before an instruction that reads and writes these is said.
    void prepare(RegSet reads, RegSet writes, RegSet live) {
        live_ = static_cast<RegSet>(live | reads);
        make_real(reads);
        give_up_places(writes, live, kNoIndex);
    }

    // The same for one that goes to memory at base + offset; its base is not among the reads.
    Address prepare_access(const Address& at, RegSet reads, RegSet writes, RegSet live) {
        const Reg base = at.base;
        live_ = static_cast<RegSet>(live | reads | set_of(base));
        make_real(reads);
        give_up_places(writes, live, base);
        if (!is_pending(base)) {
            return at;
        }
        const Expression note = notes_[base];
        const std::int64_t displacement = std::int64_t{note.number()} + at.displacement;
        const bool loses_place = (places_of(note) & writes) != 0;
        const bool lives_on = (live & set_of(base)) != 0 && (writes & set_of(base)) == 0;
        if (note.kind() != Kind::address ||
            displacement != static_cast<std::int32_t>(displacement) || (loses_place && lives_on)) {
            make_real(set_of(base));
            return at;
        }
        if (loses_place || (writes & set_of(base)) != 0) {
            forget(base);
        }
        return {note.source(), note.index(), static_cast<std::int32_t>(displacement), note.scale()};
    }

    // The same for what goes to memory at base alone, and on from there: of what is live only the
    // base may still wait, for its own sake.
    Address settle_access(Reg base, RegSet writes, RegSet live) {
        live_ = static_cast<RegSet>(live | set_of(base));
        make_real(static_cast<RegSet>(pending_ & live & ~set_of(base)));
        pending_ &= set_of(base);
        const Address at = prepare_access({base, kNoIndex, 0}, RegSet{0}, writes, live);
        pending_ = 0;
        return at;
    }

    // Before a jump arrives or leaves: everything that is live becomes real, nothing stays pending.
    void settle(RegSet live) {
        if (is_empty()) {
            return;
        }
        live_ = live;
        make_real(static_cast<RegSet>(pending_ & live));
        pending_ = 0;
    }

  private:
    enum class Kind : std::uint8_t {
        address,
        low_bytes, // as many as the number says
        low_half,
        signed_half,
        left,
        right,
        rotation
    };

    // One number, which is written and read whole: these are written and read again at once, and a
    // processor waits for a read that is wider than the writes before it.
    class Expression {
      public:
        // The register's place.
        Expression() : Expression(0) {}
        explicit Expression(Reg source) : Expression(source, kNoIndex, 0, 0) {}
        // source + (index << scale) + displacement
        Expression(Reg source, Reg index, std::uint8_t scale, std::int32_t displacement)
            : bits_(packed(Kind::address, scale, source, index, displacement)) {}
        // What is done to the source's place: shifted or rotated by so many bits, for instance.
        Expression(Kind kind, Width width, Reg source, std::int32_t count = 0)
            : bits_(packed(kind, static_cast<std::uint8_t>(width), source, kNoIndex, count)) {}

        [[nodiscard]] Kind kind() const { return static_cast<Kind>(byte(0)); }
        [[nodiscard]] std::uint8_t scale() const { return byte(1); }              // addresses
        [[nodiscard]] Width width() const { return static_cast<Width>(byte(1)); } // the others
        [[nodiscard]] Reg source() const { return byte(2); }
        [[nodiscard]] Reg index() const { return byte(3); }
        [[nodiscard]] bool has_index() const { return index() != kNoIndex; }
        [[nodiscard]] std::int32_t number() const { // displacement or count
            return static_cast<std::int32_t>(bits_ >> 32);
        }

      private:
        static std::uint64_t packed(Kind kind, std::uint8_t detail, Reg source, Reg index,
                                    std::int32_t number) {
            return static_cast<std::uint64_t>(kind) | std::uint64_t{detail} << 8 |
                   std::uint64_t{source} << 16 | std::uint64_t{index} << 24 |
                   std::uint64_t{static_cast<std::uint32_t>(number)} << 32;
        }
        [[nodiscard]] std::uint8_t byte(unsigned at) const {
            return static_cast<std::uint8_t>(bits_ >> 8 * at);
        }

        std::uint64_t bits_;
    };

    static RegSet places_of(Expression note) {
        return static_cast<RegSet>(set_of(note.source()) |
                                   (note.has_index() ? set_of(note.index()) : 0));
    }
    static bool is_copy(Expression note) {
        return note.kind() == Kind::address && !note.has_index() && note.number() == 0;
    }

    [[nodiscard]] bool is_pending(Reg reg) const { return (pending_ >> reg & 1) != 0; }
    void forget(Reg reg) { pending_ &= static_cast<RegSet>(~set_of(reg)); }

    // Precondition: the places it is over are of registers that are not pending, or reg's own, or
    // were those of reg's note before.
    bool note(Reg reg, Expression expression) {
        notes_[reg] = expression;
        pending_ |= set_of(reg);
        return true;
    }

    // The register's value as an expression: its note, or its place.
    Expression value_of(Reg reg) const { return is_pending(reg) ? notes_[reg] : Expression(reg); }

    bool defer_wide(const Insn& insn) {
        const Reg dst = insn.dst;
        const Reg src = insn.src;
        if (insn.alu_op == AluOp::mov) {
            if (dst == src) {
                return true;
            }
            const bool over_pending = is_pending(src) && (places_of(notes_[src]) & pending_) != 0;
            forget(dst);
            make_real(over_pending ? set_of(src) : RegSet{0});
            return note(dst, value_of(src));
        }
        if (insn.alu_op == AluOp::add && dst != src) {
            return defer_sum(dst, src);
        }
        return insn.alu_op == AluOp::or_ && defer_rotation(insn);
    }

    bool defer_sum(Reg dst, Reg src) {
        make_real(is_scaled_index(src) ? RegSet{0} : set_of(src));
        Expression sum = value_of(dst);
        if (sum.kind() != Kind::address || sum.has_index()) {
            make_real(set_of(dst)); // and with it perhaps src
            sum = value_of(dst);
        }
        if (!is_scaled_index(src)) {
            return note(dst, Expression(sum.source(), src, 0, sum.number()));
        }
        const Expression index = notes_[src];
        return note(dst, Expression(sum.source(), index.source(),
                                    static_cast<std::uint8_t>(index.number()), sum.number()));
    }

    // Whether the register is a shift that an address can do by itself. Its note may be over its
    // own place, which then has two readers; it is read by no other's note that must be real before
    // its own, so making them real still ends.
    [[nodiscard]] bool is_scaled_index(Reg reg) const {
        const Expression value = notes_[reg];
        return scales_indexes<T>() && is_pending(reg) && value.kind() == Kind::left &&
               value.width() == Width::w64 && value.number() <= 3 &&
               (value.source() == reg || !is_pending(value.source()));
    }

    bool defer_narrow(const Insn& insn) {
        if (insn.alu_op == AluOp::or_) {
            return defer_rotation(insn);
        }
        if (insn.alu_op != AluOp::mov) {
            return false;
        }
        const Reg dst = insn.dst;
        make_real(insn.src == dst && is_pending(dst) && !is_copy(notes_[dst]) ? set_of(dst)
                                                                              : RegSet{0});
        make_real(insn.src != dst ? set_of(insn.src) : RegSet{0});
        return note(dst, Expression(Kind::low_half, Width::w32, value_of(insn.src).source()));
    }

    // x << k | x >> (width - k), in either order.
    bool defer_rotation(const Insn& insn) {
        if (insn.dst == insn.src || !is_pending(insn.dst) || !is_pending(insn.src)) {
            return false;
        }
        const Expression one = notes_[insn.dst];
        const Expression other = notes_[insn.src];
        const bool opposite = (one.kind() == Kind::left && other.kind() == Kind::right) ||
                              (one.kind() == Kind::right && other.kind() == Kind::left);
        const std::int32_t width = one.width() == Width::w64 ? 64 : 32;
        if (!opposite || one.source() != other.source() || one.width() != other.width() ||
            one.number() + other.number() != width || (insn.width == Width::w32 && width == 64)) {
            return false;
        }
        return note(insn.dst, Expression(Kind::rotation, one.width(), one.source(),
                                         one.kind() == Kind::left ? one.number() : other.number()));
    }

    bool defer_number(const Insn& insn) {
        const bool wide = insn.width == Width::w64;
        if (insn.alu_op == AluOp::add) {
            return wide && defer_distance(insn.dst, insn.imm);
        }
        if (insn.alu_op == AluOp::sub) {
            return wide && insn.imm != INT32_MIN && defer_distance(insn.dst, -insn.imm);
        }
        if (insn.alu_op == AluOp::and_) {
            return (insn.imm == 0xff || insn.imm == 0xffff) && keep_bytes(insn.dst, insn.imm);
        }
        if (insn.alu_op == AluOp::lsh || insn.alu_op == AluOp::rsh) {
            return defer_shift(insn, insn.alu_op == AluOp::lsh ? Kind::left : Kind::right);
        }
        return insn.alu_op == AluOp::arsh && wide && insn.imm == 32 &&
               halve(insn.dst, Kind::signed_half);
    }

    bool defer_distance(Reg dst, std::int32_t distance) {
        const Expression sum = value_of(dst);
        const std::int64_t number = std::int64_t{sum.number()} + distance;
        if (sum.kind() != Kind::address || number != static_cast<std::int32_t>(number)) {
            make_real(set_of(dst));
            return note(dst, Expression(dst, kNoIndex, 0, distance));
        }
        return note(dst, Expression(sum.source(), sum.index(), sum.scale(),
                                    static_cast<std::int32_t>(number)));
    }

    bool defer_shift(const Insn& insn, Kind kind) {
        const std::int32_t bits = insn.width == Width::w64 ? 64 : 32;
        if (insn.imm <= 0 || insn.imm >= bits) {
            return false;
        }
        if (kind == Kind::right && bits == 64 && insn.imm == 32 &&
            halve(insn.dst, Kind::low_half)) {
            return true;
        }
        Expression value = value_of(insn.dst);
        const bool low_is_enough = value.kind() == Kind::low_half && insn.width == Width::w32;
        if (!is_copy(value) && !low_is_enough) {
            make_real(set_of(insn.dst));
            value = value_of(insn.dst);
        }
        return note(insn.dst, Expression(kind, insn.width, value.source(), insn.imm));
    }

    // d <<= 32 is noted; a shift back by 32 leaves the low half, with or without its sign.
    bool halve(Reg dst, Kind kind) {
        const Expression value = value_of(dst);
        if (!is_pending(dst) || value.kind() != Kind::left || value.width() != Width::w64 ||
            value.number() != 32) {
            return false;
        }
        return note(dst, Expression(kind, Width::w32, value.source()));
    }

    // Of a copy: in place there is nothing to gain.
    bool keep_bytes(Reg dst, std::int32_t mask) {
        const Expression value = value_of(dst);
        if (!is_pending(dst) || (!is_copy(value) && value.kind() != Kind::low_half)) {
            return false;
        }
        return note(dst,
                    Expression(Kind::low_bytes, Width::w32, value.source(), mask == 0xff ? 1 : 2));
    }

    void make_real(RegSet regs) {
        for (RegSet left = regs & pending_; left != 0; left = regs & pending_) {
            make_one_real(static_cast<Reg>(std::countr_zero(left)));
        }
    }

    void make_one_real(Reg reg) {
        const Expression value = notes_[reg];
        forget(reg);
        release_place(reg);
        say(reg, value);
    }

    // The place of this register is about to be written: whoever's expression reads it must be made
    // real, or forgotten when nobody reads it.
    void release_place(Reg reg) { give_up_readers(pending_, set_of(reg), live_); }

    // Those of the registers that are still pending and whose expressions read one of the places:
    // real when they are live, else forgotten.
    void give_up_readers(RegSet regs, RegSet places, RegSet live) {
        for (RegSet left = regs; left != 0; left = static_cast<RegSet>(left & (left - 1))) {
            const auto other = static_cast<Reg>(std::countr_zero(left));
            if (!is_pending(other) || (places_of(notes_[other]) & places) == 0) {
                continue;
            }
            if ((live & set_of(other)) != 0) {
                make_one_real(other);
            } else {
                forget(other);
            }
        }
    }

    // Registers that the next instruction writes: their notes are void, their places lost. The base
    // of its address is dealt with by the caller.
    void give_up_places(RegSet writes, RegSet live, Reg base) {
        const RegSet kept = base == kNoIndex ? RegSet{0} : set_of(base);
        pending_ &= static_cast<RegSet>(~writes | kept);
        if (writes != 0) {
            give_up_readers(static_cast<RegSet>(pending_ & ~kept), writes, live);
        }
    }

    void say(Reg reg, Expression value) {
        switch (value.kind()) {
        case Kind::address:
            return say_sum(reg, value);
        case Kind::low_bytes:
            return target_.zero_extend(reg, value.source(),
                                       static_cast<std::uint8_t>(value.number()));
        case Kind::low_half:
            return target_.alu({AluOp::mov, Width::w32}, reg, value.source());
        case Kind::signed_half:
            return target_.alu({AluOp::movsx32, Width::w64}, reg, value.source());
        case Kind::left:
        case Kind::right:
            return target_.shift(
                {value.kind() == Kind::left ? AluOp::lsh : AluOp::rsh, value.width()}, reg,
                value.source(), static_cast<std::uint8_t>(value.number()));
        case Kind::rotation:
            return target_.rotate_left(reg, value.source(), value.width(),
                                       static_cast<std::uint8_t>(value.number()));
        }
    }

    void say_sum(Reg reg, Expression value) {
        const bool in_place = value.source() == reg;
        if (!value.has_index() && value.number() == 0) {
            return target_.alu({AluOp::mov, Width::w64}, reg, value.source());
        }
        if (in_place && !value.has_index()) {
            return target_.alu_imm({AluOp::add, Width::w64}, reg, value.number());
        }
        if (in_place && value.number() == 0 && value.scale() == 0) {
            return target_.alu({AluOp::add, Width::w64}, reg, value.index());
        }
        target_.sum(reg, {value.source(), value.index(), value.number(), value.scale()});
    }

    T& target_;
    std::array<Expression, kFramePointer + 1> notes_{}; // of those in pending_
    RegSet pending_ = 0;
    RegSet live_ = kAllRegs; // read by or after the instruction at hand
};

} // namespace skep::run::jit
