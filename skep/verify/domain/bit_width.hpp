// SPDX-License-Identifier: Apache-2.0
//
// Numbers of a width in bits: 64 and 32 are what programs compute with; 8, 4 and 2 exist so that
// every abstract operation can be proved by trying every pair of inputs.
//
// A number of 4 bits is kept in a byte whose upper half is zero (unsigned) or the sign (signed);
// trimmed() restores that after arithmetic.
#pragma once

#include <cstdint>
#include <type_traits>

namespace skep::verify {

template <unsigned Bits>
struct BitWidth {
    static_assert(Bits == 2 || Bits == 4 || Bits == 8 || Bits == 16 || Bits == 32 || Bits == 64);

    using Unsigned = std::conditional_t<
        Bits <= 8, std::uint8_t,
        std::conditional_t<Bits == 16, std::uint16_t,
                           std::conditional_t<Bits == 32, std::uint32_t, std::uint64_t>>>;
    using Signed = std::make_signed_t<Unsigned>;

    static constexpr Unsigned kUnsignedMax =
        static_cast<Unsigned>(~std::uint64_t{0} >> (64 - Bits));
    static constexpr Unsigned kSignBit = static_cast<Unsigned>(std::uint64_t{1} << (Bits - 1));
    static constexpr Signed kSignedMax = static_cast<Signed>(kUnsignedMax >> 1);
    static constexpr Signed kSignedMin = static_cast<Signed>(-kSignedMax - 1);

    static constexpr Unsigned trimmed(std::uint64_t number) {
        return static_cast<Unsigned>(number & kUnsignedMax);
    }
    // The same bits read as a signed number.
    static constexpr Signed as_signed(Unsigned number) {
        const auto up = static_cast<std::int64_t>(std::uint64_t{number} << (64 - Bits));
        return static_cast<Signed>(up >> (64 - Bits));
    }
    static constexpr Unsigned as_unsigned(Signed number) {
        return trimmed(static_cast<std::uint64_t>(static_cast<std::int64_t>(number)));
    }
};

} // namespace skep::verify
