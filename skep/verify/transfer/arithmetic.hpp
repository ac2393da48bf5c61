// SPDX-License-Identifier: Apache-2.0
//
// Transfer<op>: what an arithmetic instruction makes of two sets of numbers, keyed by the row of
// the instruction table. The primary template is never defined: a row without an entry here does
// not compile.
//
// apply<Bits> is the operation on the whole register, apply_low<Bits> the one on its low half,
// which leaves the upper half zero. For 64 bits these are the two instruction classes.
//
// Proved by: arithmetic_test.cpp.
#pragma once

#include "skep/spec/instructions.hpp"
#include "skep/verify/domain/operations.hpp"

namespace skep::verify {

template <spec::AluOp op>
struct Transfer;

// The low half of the result depends on the low halves alone: both are computed.
template <class Operation>
struct Parallel {
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply(const BasicScalar<Bits>& a,
                                             const BasicScalar<Bits>& b) {
        return combined<Bits>(Operation::run(whole(a), whole(b)),
                              Operation::run(low_half(a), low_half(b)));
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply_low(const BasicScalar<Bits>& a,
                                                 const BasicScalar<Bits>& b) {
        return zero_extended<Bits>(Operation::run(low_half(a), low_half(b)));
    }
};
// Nothing is known of the result, not even that a 32-bit one leaves the upper half zero: Linux has
// it so, and programs that rely on more would be refused by it.
struct Unknown {
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply(const BasicScalar<Bits>&, const BasicScalar<Bits>&) {
        return BasicScalar<Bits>::top();
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply_low(const BasicScalar<Bits>&,
                                                 const BasicScalar<Bits>&) {
        return BasicScalar<Bits>::top();
    }
};
// The low `count` bits are kept, the rest is zero: what a narrow load does, too.
template <unsigned count>
struct LowBits {
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply(const BasicScalar<Bits>& a, const BasicScalar<Bits>&) {
        BasicScalar<Bits> result = a;
        result.keep_low_bits(count);
        return result;
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply_low(const BasicScalar<Bits>& a,
                                                 const BasicScalar<Bits>& b) {
        return apply(a, b);
    }
};
constexpr std::uint64_t reversed_bytes(std::uint64_t number, unsigned count) {
    return __builtin_bswap64(number) >> (64 - count);
}
// The low `count` bits with their bytes in reverse, the rest zero. Each bit goes to a place of its
// own, known or not, and intervals mean nothing afterwards.
template <unsigned count>
struct Reversed {
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply(const BasicScalar<Bits>& a, const BasicScalar<Bits>&) {
        if constexpr (Bits < 64) {
            return BasicScalar<Bits>::top(); // byte order is a matter of programs' own width
        } else {
            BasicScalar<Bits> result;
            result.bits = {reversed_bytes(a.bits.value, count), reversed_bytes(a.bits.mask, count)};
            result.intervals_from_bits();
            return result;
        }
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply_low(const BasicScalar<Bits>& a,
                                                 const BasicScalar<Bits>& b) {
        return apply(a, b);
    }
};
// A shift: known only when the amount is one number below the width, the whole of it: Linux looks
// at the upper half of the amount even when only the low half shifts.
template <class Operation>
struct Shift {
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply(const BasicScalar<Bits>& a,
                                             const BasicScalar<Bits>& amount) {
        if (amount.u.max >= Bits || !amount.is_constant()) {
            return BasicScalar<Bits>::top();
        }
        return Operation::template wide<Bits>(a, static_cast<unsigned>(amount.value()));
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply_low(const BasicScalar<Bits>& a,
                                                 const BasicScalar<Bits>& amount) {
        if (amount.u.max >= Bits / 2 || !amount.low_is_constant()) {
            return BasicScalar<Bits>::top();
        }
        return zero_extended<Bits>(
            Operation::run(low_half(a), static_cast<unsigned>(amount.low_value())));
    }
};
// Sign extension of the low `count` bits.
template <unsigned count>
struct Extended {
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply(const BasicScalar<Bits>&, const BasicScalar<Bits>& b) {
        return combined<Bits>(operations::sign_extend(whole(b), count), Piece<Bits / 2>::top());
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply_low(const BasicScalar<Bits>&,
                                                 const BasicScalar<Bits>& b) {
        return zero_extended<Bits>(operations::sign_extend(low_half(b), count));
    }
};

struct Add {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, const Piece<Bits>& b) {
        return operations::add(a, b);
    }
};
struct Subtract {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, const Piece<Bits>& b) {
        return operations::subtract(a, b);
    }
};
struct Multiply {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, const Piece<Bits>& b) {
        return operations::multiply(a, b);
    }
};
struct BitAnd {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, const Piece<Bits>& b) {
        return operations::bit_and(a, b);
    }
};
struct BitOr {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, const Piece<Bits>& b) {
        return operations::bit_or(a, b);
    }
};
struct BitXor {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, const Piece<Bits>& b) {
        return operations::bit_xor(a, b);
    }
};
struct Negate {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, const Piece<Bits>&) {
        return operations::negate(a);
    }
};

struct ShiftLeft {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, unsigned amount) {
        return operations::shift_left(a, amount);
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> wide(const BasicScalar<Bits>& a, unsigned amount) {
        using S = BasicScalar<Bits>;
        Piece<Bits> result = operations::shift_left(whole(a), amount);
        const auto low = amount < Bits / 2 ? operations::shift_left(low_half(a), amount)
                                           : Piece<Bits / 2>::constant(0);
        // By half the width, the low half becomes the upper one with its sign: the first half of
        // what compilers emit to sign-extend.
        if (amount == Bits / 2) {
            constexpr auto kUnit = std::int64_t{1} << (Bits / 2);
            result.s = {static_cast<typename S::Signed>(a.s_low.min * kUnit),
                        static_cast<typename S::Signed>(a.s_low.max * kUnit)};
        }
        return combined<Bits>(result, low);
    }
};
struct ShiftRight {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, unsigned amount) {
        return operations::shift_right(a, amount);
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> wide(const BasicScalar<Bits>& a, unsigned amount) {
        return combined<Bits>(operations::shift_right(whole(a), amount), Piece<Bits / 2>::top());
    }
};
struct ShiftRightSigned {
    template <unsigned Bits>
    static constexpr Piece<Bits> run(const Piece<Bits>& a, unsigned amount) {
        return operations::shift_right_signed(a, amount);
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> wide(const BasicScalar<Bits>& a, unsigned amount) {
        return combined<Bits>(operations::shift_right_signed(whole(a), amount),
                              Piece<Bits / 2>::top());
    }
};
// A copy; identity and links are the walk's business.
struct Copy {
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply(const BasicScalar<Bits>&, const BasicScalar<Bits>& b) {
        return b;
    }
    template <unsigned Bits>
    static constexpr BasicScalar<Bits> apply_low(const BasicScalar<Bits>&,
                                                 const BasicScalar<Bits>& b) {
        return zero_extended<Bits>(low_half(b));
    }
};

using spec::AluOp;
template <>
struct Transfer<AluOp::add> : Parallel<Add> {};
template <>
struct Transfer<AluOp::sub> : Parallel<Subtract> {};
template <>
struct Transfer<AluOp::mul> : Parallel<Multiply> {};
template <>
struct Transfer<AluOp::and_> : Parallel<BitAnd> {};
template <>
struct Transfer<AluOp::or_> : Parallel<BitOr> {};
template <>
struct Transfer<AluOp::xor_> : Parallel<BitXor> {};
template <>
struct Transfer<AluOp::neg> : Parallel<Negate> {};
template <>
struct Transfer<AluOp::lsh> : Shift<ShiftLeft> {};
template <>
struct Transfer<AluOp::rsh> : Shift<ShiftRight> {};
template <>
struct Transfer<AluOp::arsh> : Shift<ShiftRightSigned> {};
template <>
struct Transfer<AluOp::div> : Unknown {};
template <>
struct Transfer<AluOp::sdiv> : Unknown {};
template <>
struct Transfer<AluOp::mod> : Unknown {};
template <>
struct Transfer<AluOp::smod> : Unknown {};
template <>
struct Transfer<AluOp::mov> : Copy {};
template <>
struct Transfer<AluOp::movsx8> : Extended<8> {};
template <>
struct Transfer<AluOp::movsx16> : Extended<16> {};
template <>
struct Transfer<AluOp::movsx32> : Extended<32> {};
template <>
struct Transfer<AluOp::le16> : LowBits<16> {};
template <>
struct Transfer<AluOp::le32> : LowBits<32> {};
template <>
struct Transfer<AluOp::le64> : LowBits<64> {};
template <>
struct Transfer<AluOp::be16> : Reversed<16> {};
template <>
struct Transfer<AluOp::be32> : Reversed<32> {};
template <>
struct Transfer<AluOp::be64> : Reversed<64> {};
template <>
struct Transfer<AluOp::bswap16> : Reversed<16> {};
template <>
struct Transfer<AluOp::bswap32> : Reversed<32> {};
template <>
struct Transfer<AluOp::bswap64> : Reversed<64> {};

// By an operation known at run time: on the whole register, or on the low half.
Scalar transferred(spec::AluOp op, const Scalar& a, const Scalar& b);
Scalar transferred_low(spec::AluOp op, const Scalar& a, const Scalar& b);

} // namespace skep::verify
