// SPDX-License-Identifier: Apache-2.0
//
// Bounded bytes: the only way in for what strangers wrote.
//
// Every read of an object file, of BTF, of a capture or of a message goes through these functions.
// They cannot be asked for what is not there: the answer is an Error that names the offset, the
// bytes wanted and the bytes that exist. No pointer is ever cast onto such bytes.
//
// Proved by: bytes_test.cpp; the fuzz targets.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.hpp"

namespace skep {

using Bytes = std::span<const std::uint8_t>; // borrowed, read-only
using MutableBytes = std::span<std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>; // owned

// The sum or product, or nothing when it does not fit: for sizes that come from outside.
template <std::unsigned_integral T>
std::optional<T> checked_add(T left, T right) {
    T sum = 0;
    return __builtin_add_overflow(left, right, &sum) ? std::nullopt : std::optional<T>(sum);
}
template <std::unsigned_integral T>
std::optional<T> checked_multiply(T left, T right) {
    T product = 0;
    return __builtin_mul_overflow(left, right, &product) ? std::nullopt : std::optional<T>(product);
}

// `size` bytes at `offset`, or an error naming both.
Result<Bytes> slice(Bytes bytes, std::uint64_t offset, std::uint64_t size);

// The zero-terminated text at `offset`, without its zero; an error when no zero follows.
Result<std::string_view> text_at(Bytes bytes, std::uint64_t offset);

template <std::integral T>
constexpr T byte_swapped(T number) {
    if constexpr (sizeof(T) == 1) {
        return number;
    } else if constexpr (sizeof(T) == 2) {
        return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(number)));
    } else if constexpr (sizeof(T) == 4) {
        return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(number)));
    } else {
        return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(number)));
    }
}

// One integer at `offset`, in the byte order given.
template <std::integral T>
Result<T> read_at(Bytes bytes, std::uint64_t offset, std::endian order = std::endian::little) {
    const Bytes field = TRY(slice(bytes, offset, sizeof(T)));
    T number = 0;
    std::memcpy(&number, field.data(), sizeof(T));
    return order == std::endian::native ? number : byte_swapped(number);
}

// Reads one field after the other. After an error the position is where the failed field begins.
class ByteReader {
  public:
    explicit ByteReader(Bytes bytes, std::endian order = std::endian::little)
        : bytes_(bytes), order_(order) {}

    [[nodiscard]] std::uint64_t position() const { return position_; }
    [[nodiscard]] std::uint64_t remaining() const { return bytes_.size() - position_; }
    [[nodiscard]] bool at_end() const { return remaining() == 0; }

    template <std::integral T>
    Result<T> read() {
        const T number = TRY(read_at<T>(bytes_, position_, order_));
        position_ += sizeof(T);
        return number;
    }

    Result<Bytes> read_bytes(std::uint64_t size);
    Result<void> skip(std::uint64_t size);

  private:
    Bytes bytes_;
    std::endian order_;
    std::uint64_t position_ = 0;
};

// Appends fields in little-endian order (or the order given) to bytes it owns.
class ByteWriter {
  public:
    explicit ByteWriter(std::endian order = std::endian::little) : order_(order) {}

    template <std::integral T>
    void write(T number) {
        const T stored = order_ == std::endian::native ? number : byte_swapped(number);
        const auto* first =
            reinterpret_cast<const std::uint8_t*>(&stored); // NOLINT: bytes of a local
        bytes_.insert(bytes_.end(), first, first + sizeof(T));
    }
    void write_bytes(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] const ByteVector& bytes() const { return bytes_; }
    ByteVector take() { return std::move(bytes_); }

  private:
    std::endian order_;
    ByteVector bytes_;
};

} // namespace skep
