// SPDX-License-Identifier: Apache-2.0
//
// Conditional jumps on numbers: is the answer known, and what does each side learn?
//
// decided() answers only when every pair of members gives the same answer. refine() shrinks both
// operands to what may be there on one edge: it intersects with a condition that the edge implies,
// so no pair that takes the edge is lost. Bounds follow spec/verifier.md, section 3.
//
// Proved by: transfer/arithmetic_test.cpp (pairs of sets at eight bits, every member, against the
// table).
#pragma once

#include <bit>
#include <optional>

#include "skep/spec/instructions.hpp"
#include "skep/verify/domain/operations.hpp"

namespace skep::verify {

// The jump that is taken exactly when `op` is not; nothing for jset, which has none.
constexpr std::optional<spec::JumpOp> opposite(spec::JumpOp op) {
    using spec::JumpOp;
    switch (op) {
    case JumpOp::jeq:
        return JumpOp::jne;
    case JumpOp::jne:
        return JumpOp::jeq;
    case JumpOp::jgt:
        return JumpOp::jle;
    case JumpOp::jle:
        return JumpOp::jgt;
    case JumpOp::jge:
        return JumpOp::jlt;
    case JumpOp::jlt:
        return JumpOp::jge;
    case JumpOp::jsgt:
        return JumpOp::jsle;
    case JumpOp::jsle:
        return JumpOp::jsgt;
    case JumpOp::jsge:
        return JumpOp::jslt;
    case JumpOp::jslt:
        return JumpOp::jsge;
    case JumpOp::jset:
        return std::nullopt;
    }
    return std::nullopt;
}
// The jump that says of (b, a) what `op` says of (a, b).
constexpr spec::JumpOp mirrored(spec::JumpOp op) {
    using spec::JumpOp;
    switch (op) {
    case JumpOp::jgt:
        return JumpOp::jlt;
    case JumpOp::jlt:
        return JumpOp::jgt;
    case JumpOp::jge:
        return JumpOp::jle;
    case JumpOp::jle:
        return JumpOp::jge;
    case JumpOp::jsgt:
        return JumpOp::jslt;
    case JumpOp::jslt:
        return JumpOp::jsgt;
    case JumpOp::jsge:
        return JumpOp::jsle;
    case JumpOp::jsle:
        return JumpOp::jsge;
    case JumpOp::jeq:
    case JumpOp::jne:
    case JumpOp::jset:
        return op;
    }
    return op;
}

namespace branch {

// a < b for every pair, for none, or it depends; likewise a <= b.
template <class Number>
constexpr std::optional<bool> less(const Interval<Number>& a, const Interval<Number>& b) {
    if (a.max < b.min) {
        return true;
    }
    return a.min >= b.max ? std::optional<bool>(false) : std::nullopt;
}
template <class Number>
constexpr std::optional<bool> at_most(const Interval<Number>& a, const Interval<Number>& b) {
    if (a.max <= b.min) {
        return true;
    }
    return a.min > b.max ? std::optional<bool>(false) : std::nullopt;
}
constexpr std::optional<bool> negated(std::optional<bool> answer) {
    return answer.has_value() ? std::optional<bool>(!*answer) : std::nullopt;
}

template <unsigned Bits>
constexpr std::optional<bool> equal(const Piece<Bits>& a, const Piece<Bits>& b) {
    if (a.is_constant() && b.is_constant()) {
        return a.bits.value == b.bits.value;
    }
    if (a.bits.disjoint(b.bits) || a.u.disjoint(b.u) || a.s.disjoint(b.s)) {
        return false;
    }
    return std::nullopt;
}
template <unsigned Bits>
constexpr std::optional<bool> any_common_bit(const Piece<Bits>& a, const Piece<Bits>& b) {
    if (!b.is_constant()) {
        return a.is_constant() ? any_common_bit(b, a) : std::nullopt;
    }
    if ((a.bits.value & b.bits.value) != 0) {
        return true;
    }
    return (a.bits.greatest() & b.bits.value) == 0 ? std::optional<bool>(false) : std::nullopt;
}

template <unsigned Bits>
constexpr std::optional<bool> decided(spec::JumpOp op, const Piece<Bits>& a, const Piece<Bits>& b) {
    using spec::JumpOp;
    switch (op) {
    case JumpOp::jeq:
        return equal(a, b);
    case JumpOp::jne:
        return negated(equal(a, b));
    case JumpOp::jset:
        return any_common_bit(a, b);
    case JumpOp::jlt:
        return less(a.u, b.u);
    case JumpOp::jle:
        return at_most(a.u, b.u);
    case JumpOp::jgt:
        return less(b.u, a.u);
    case JumpOp::jge:
        return at_most(b.u, a.u);
    case JumpOp::jslt:
        return less(a.s, b.s);
    case JumpOp::jsle:
        return at_most(a.s, b.s);
    case JumpOp::jsgt:
        return less(b.s, a.s);
    case JumpOp::jsge:
        return at_most(b.s, a.s);
    }
    return std::nullopt;
}

template <class Number>
constexpr void learn_less(Interval<Number>& a, Interval<Number>& b) {
    if (a.min < b.max) { // else no pair takes this edge, and nothing may be said
        a.max = std::min(a.max, static_cast<Number>(b.max - 1));
        b.min = std::max(b.min, static_cast<Number>(a.min + 1));
    }
}
template <class Number>
constexpr void learn_at_most(Interval<Number>& a, Interval<Number>& b) {
    a.max = std::min(a.max, b.max);
    b.min = std::max(b.min, a.min);
}
template <class Number>
constexpr void learn_differs(Interval<Number>& a, Number from) {
    if (a.min < a.max) {
        a.min = a.min == from ? static_cast<Number>(a.min + 1) : a.min;
        a.max = a.max == from ? static_cast<Number>(a.max - 1) : a.max;
    }
}

template <unsigned Bits>
constexpr void learn_equal(Piece<Bits>& a, Piece<Bits>& b) {
    const Piece<Bits> both{a.bits.meet(b.bits), a.u.meet(b.u), a.s.meet(b.s)};
    a = both;
    b = both;
}
template <unsigned Bits>
constexpr void learn_unequal(Piece<Bits>& a, Piece<Bits>& b) {
    if (!b.is_constant()) {
        if (a.is_constant()) {
            learn_unequal(b, a);
        }
        return;
    }
    learn_differs(a.u, b.u.min);
    learn_differs(a.s, b.s.min);
}
template <unsigned Bits>
constexpr void learn_common_bit(Piece<Bits>& a, Piece<Bits>& b) {
    if (!b.is_constant()) {
        if (a.is_constant()) {
            learn_common_bit(b, a);
        }
        return;
    }
    if (std::has_single_bit(b.bits.value)) {
        a.bits = a.bits.bit_or(b.bits);
    }
}
template <unsigned Bits>
constexpr void learn_no_common_bit(Piece<Bits>& a, Piece<Bits>& b) {
    if (!b.is_constant()) {
        if (a.is_constant()) {
            learn_no_common_bit(b, a);
        }
        return;
    }
    a.bits =
        a.bits.bit_and(Tnum<Bits>::constant(BitWidth<Bits>::trimmed(~std::uint64_t{b.bits.value})));
}

template <unsigned Bits>
constexpr void learn(spec::JumpOp op, Piece<Bits>& a, Piece<Bits>& b) {
    using spec::JumpOp;
    switch (op) {
    case JumpOp::jeq:
        return learn_equal(a, b);
    case JumpOp::jne:
        return learn_unequal(a, b);
    case JumpOp::jset:
        return learn_common_bit(a, b);
    case JumpOp::jlt:
        return learn_less(a.u, b.u);
    case JumpOp::jle:
        return learn_at_most(a.u, b.u);
    case JumpOp::jgt:
        return learn_less(b.u, a.u);
    case JumpOp::jge:
        return learn_at_most(b.u, a.u);
    case JumpOp::jslt:
        return learn_less(a.s, b.s);
    case JumpOp::jsle:
        return learn_at_most(a.s, b.s);
    case JumpOp::jsgt:
        return learn_less(b.s, a.s);
    case JumpOp::jsge:
        return learn_at_most(b.s, a.s);
    }
}

template <unsigned Bits>
constexpr void put_whole(BasicScalar<Bits>& scalar, const Piece<Bits>& piece) {
    scalar.bits = piece.bits;
    scalar.u = piece.u;
    scalar.s = piece.s;
}
template <unsigned Bits>
constexpr void put_low(BasicScalar<Bits>& scalar, const Piece<Bits / 2>& piece) {
    scalar.bits = scalar.bits.with_low(piece.bits);
    scalar.u_low = piece.u;
    scalar.s_low = piece.s;
}

} // namespace branch

// Which part of the registers a jump compares: the 64-bit class or the 32-bit class.
enum class Compared : std::uint8_t { whole, low };

template <unsigned Bits>
constexpr std::optional<bool> decided(spec::JumpOp op, Compared part, const BasicScalar<Bits>& a,
                                      const BasicScalar<Bits>& b) {
    if (part == Compared::low) {
        return branch::decided(op, low_half(a), low_half(b));
    }
    const auto answer = branch::decided(op, whole(a), whole(b));
    if (answer.has_value() || (op != spec::JumpOp::jeq && op != spec::JumpOp::jne)) {
        return answer;
    }
    // Numbers whose low halves differ differ.
    const bool low_disjoint = a.u_low.disjoint(b.u_low) || a.s_low.disjoint(b.s_low);
    return low_disjoint ? std::optional<bool>(op == spec::JumpOp::jne) : std::nullopt;
}

// What is known of both operands on the edge that is taken, or not taken. An edge that no pair can
// take may leave them empty (is_bottom).
template <unsigned Bits>
constexpr void refine(spec::JumpOp op, Compared part, bool taken, BasicScalar<Bits>& a,
                      BasicScalar<Bits>& b) {
    const auto learn = [op, taken](auto& left, auto& right) {
        if (taken) {
            branch::learn(op, left, right);
        } else if (const auto not_op = opposite(op)) {
            branch::learn(*not_op, left, right);
        } else {
            branch::learn_no_common_bit(left, right);
        }
    };
    if (part == Compared::low) {
        auto left = low_half(a);
        auto right = low_half(b);
        learn(left, right);
        branch::put_low(a, left);
        branch::put_low(b, right);
    } else {
        auto left = whole(a);
        auto right = whole(b);
        learn(left, right);
        branch::put_whole(a, left);
        branch::put_whole(b, right);
    }
    a.synchronise();
    b.synchronise();
}

} // namespace skep::verify
