// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/arm64/bitmask.hpp"

#include <bit>

namespace skep::run::jit::arm64 {
namespace {

constexpr std::uint64_t low_bits(unsigned count) {
    return count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// The smallest element that the number repeats.
unsigned element_bits(std::uint64_t number) {
    unsigned size = 64;
    while (size > 2 && std::rotr(number, static_cast<int>(size / 2)) == number) {
        size /= 2;
    }
    return size;
}

} // namespace

std::optional<std::uint32_t> bitmask_of(std::uint64_t number) {
    if (number == 0 || number == ~std::uint64_t{0}) {
        return std::nullopt;
    }
    const unsigned size = element_bits(number);
    const std::uint64_t element = number & low_bits(size);
    const auto ones = static_cast<unsigned>(std::popcount(element));
    // Turning the number to the left by this puts the run at the bottom; as elements repeat, a
    // rotation of the whole is one of each element.
    unsigned turned = 0;
    while (turned < size &&
           (std::rotl(number, static_cast<int>(turned)) & low_bits(size)) != low_bits(ones)) {
        ++turned;
    }
    if (turned == size) {
        return std::nullopt;
    }
    // The size stands as ones from above, down to a zero, in front of the length less one.
    const std::uint32_t size_and_length = (~(2 * size - 1) & 0x3fU) | (ones - 1);
    const std::uint32_t n = size == 64 ? 1 : 0;
    return n << 12 | turned << 6 | size_and_length;
}

} // namespace skep::run::jit::arm64
