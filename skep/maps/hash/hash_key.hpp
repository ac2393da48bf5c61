// SPDX-License-Identifier: Apache-2.0
//
// Data plane. A 64-bit number from a key and two secrets: multiply, fold the 128-bit product.
//
// Not a cryptographic hash; the secrets come from a number that is random per map (unless ZERO_SEED
// asks for equal orders), so that keys chosen from outside cannot be made to meet in one bucket.
// Sixteen bytes are multiplied in halves, each half hidden by a secret first: no half can be chosen
// to make the product zero. Keys of up to sixteen bytes, which is most of them, are one
// multiplication.
//
// Keys are read in pieces, four bytes at most: programs build them on the stack just before the
// call (KeyPieces of map.hpp says more).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "skep/maps/map.hpp"

namespace skep::maps {

inline std::uint64_t folded_product(std::uint64_t left, std::uint64_t right) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

struct HashSecrets {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    static HashSecrets from(std::uint64_t seed) {
        constexpr std::uint64_t kOdd1 = 0x9e3779b97f4a7c15; // golden ratio
        constexpr std::uint64_t kOdd2 = 0xd6e8feb86659fd93;
        const std::uint64_t low = folded_product(seed ^ kOdd2, kOdd1);
        return {low ^ kOdd1, folded_product(low ^ kOdd1, kOdd2) | 1};
    }
};

// Up to sixteen bytes of a key, filled up with zeroes.
struct KeyPart {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    friend bool operator==(const KeyPart&, const KeyPart&) = default;
};

// A number anywhere. Volatile, so that the compiler makes no wider load of two.
template <class Number>
std::uint32_t piece_at(const std::uint8_t* bytes) {
    using Unaligned [[gnu::aligned(1), gnu::may_alias]] = const volatile Number;
    return *reinterpret_cast<Unaligned*>(bytes); // NOLINT: see above
}

template <KeyPieces pieces>
std::uint32_t two_bytes(const std::uint8_t* bytes) {
    return pieces == KeyPieces::bytes
               ? piece_at<std::uint8_t>(bytes + 1) << 8 | piece_at<std::uint8_t>(bytes)
               : piece_at<std::uint16_t>(bytes);
}

template <KeyPieces pieces>
std::uint32_t four_bytes(const std::uint8_t* bytes) {
    if constexpr (pieces == KeyPieces::words) {
        return piece_at<std::uint32_t>(bytes);
    } else {
        return two_bytes<pieces>(bytes + 2) << 16 | two_bytes<pieces>(bytes);
    }
}

// At most eight bytes.
template <KeyPieces pieces>
std::uint64_t key_word(const std::uint8_t* bytes, std::uint32_t size_bytes) {
    if (size_bytes == 8) {
        return std::uint64_t{four_bytes<pieces>(bytes + 4)} << 32 | four_bytes<pieces>(bytes);
    }
    if (size_bytes == 4) {
        return four_bytes<pieces>(bytes);
    }
    std::uint64_t word = 0;
    std::uint32_t at = 0;
    if ((size_bytes & 4) != 0) {
        word = four_bytes<pieces>(bytes);
        at = 4;
    }
    if ((size_bytes & 2) != 0) {
        word |= std::uint64_t{two_bytes<pieces>(bytes + at)} << (8 * at);
        at += 2;
    }
    return (size_bytes & 1) != 0 ? word | std::uint64_t{bytes[at]} << (8 * at) : word;
}

template <KeyPieces pieces = KeyPieces::halves>
KeyPart key_part(const std::uint8_t* bytes, std::uint32_t size_bytes) {
    return size_bytes <= 8
               ? KeyPart{key_word<pieces>(bytes, size_bytes), 0}
               : KeyPart{key_word<pieces>(bytes, 8), key_word<pieces>(bytes + 8, size_bytes - 8)};
}

inline std::uint64_t hash_part(KeyPart part, HashSecrets secrets) {
    return folded_product(part.low ^ secrets.low, part.high ^ secrets.high);
}

// part_at(offset, size): the bytes of the key there, sixteen at most.
template <class PartAt>
std::uint64_t hash_parts(std::uint32_t size_bytes, HashSecrets secrets, PartAt part_at) {
    constexpr std::uint32_t kPartBytes = 16;
    std::uint32_t at = 0;
    for (; size_bytes - at > kPartBytes; at += kPartBytes) {
        secrets.low ^= std::rotl(hash_part(part_at(at, kPartBytes), secrets), 32);
    }
    return hash_part(part_at(at, size_bytes - at), secrets);
}

template <KeyPieces pieces = KeyPieces::halves>
std::uint64_t hash_key(const std::uint8_t* key, std::uint32_t size_bytes, HashSecrets secrets) {
    return hash_parts(size_bytes, secrets, [key](std::uint32_t at, std::uint32_t part_bytes) {
        return key_part<pieces>(key + at, part_bytes);
    });
}

} // namespace skep::maps
