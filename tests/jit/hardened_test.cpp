// SPDX-License-Identifier: Apache-2.0
//
// Hardened code: no constant of the program stands in it as it is. What it answers is compared by
// every test that runs all engines.
#include <algorithm>
#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/jit/image.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

// On arm64 a number is in no place as it is: what its moves leave in a register is looked at.
bool moves_make(Bytes code, std::uint64_t number) {
    std::array<std::uint64_t, 32> left{};
    for (std::size_t at = 0; at + 4 <= code.size(); at += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, code.data() + at, sizeof word);
        const unsigned place = 16 * (word >> 21 & 3);
        const std::uint64_t part = std::uint64_t{word >> 5 & 0xffff} << place;
        const std::uint32_t kind = word & 0x7f800000;
        std::uint64_t& reg = left[word & 31];
        if (kind == 0x52800000 || kind == 0x12800000) { // movz, movn
            reg = kind == 0x52800000 ? part : ~part;
        } else if (kind == 0x72800000) { // movk
            reg = (reg & ~(std::uint64_t{0xffff} << place)) | part;
        } else {
            continue;
        }
        if (reg == number) {
            return true;
        }
    }
    return false;
}

bool holds(Bytes code, std::uint64_t number, std::size_t size_bytes) {
    if (run::jit::kThisMachine == run::jit::Machine::arm64) {
        return moves_make(code, number);
    }
    std::array<std::uint8_t, 8> wanted{};
    std::memcpy(wanted.data(), &number, wanted.size());
    return std::search(code.begin(), code.end(), wanted.begin(),
                       wanted.begin() + static_cast<std::ptrdiff_t>(size_bytes)) != code.end();
}

constexpr std::string_view kConstantsEverywhere = R"(
    r1 = 0x11223344
    r2 = 0x1122334455667788 ll
    r0 = 1
    r0 += 0x21223344
    r0 ^= 0x31223344
    r0 *= 0x41223344
    r0 /= 0x51223344
    r0 s%= 0x61223344
    w0 |= 0x71223344
    *(u64 *)(r10 - 8) = 0x12345678
    *(u32 *)(r10 - 16) = 0x22345678
    if r0 == 0x32345678 goto out
    if w0 & 0x42345678 goto out
    r0 += r1
    r0 += r2
    r1 = *(u64 *)(r10 - 8)
    r0 += r1
    r3 = r10
    r3 += -32
    r3 += 0x1234567
    r3 -= 0x1234567
    *(u8 *)(r3 + 0) = 7
out:
    exit
)";

TEST(Hardened, NoConstantStandsInTheCode) {
    if (engines().back().name != "jit") {
        GTEST_SKIP() << "there is no code generator for this machine";
    }
    const auto assembled = assemble(kConstantsEverywhere);
    ASSERT_TRUE(assembled.ok()) << assembled.error().message;
    const auto program = unchecked(assembled->insns);
    const auto plain = run::make_jit(program, {});
    const auto hardened = run::make_hardened_jit(program, {});
    ASSERT_TRUE(plain.ok() && hardened.ok());
    const Bytes code = (*hardened)->listing()->bytes;
    for (const std::uint64_t number :
         {0x11223344, 0x21223344, 0x31223344, 0x41223344, 0x51223344, 0x61223344, 0x71223344,
          0x12345678, 0x22345678, 0x32345678, 0x42345678, 0x1234567}) {
        EXPECT_FALSE(holds(code, number, 4)) << std::hex << number;
    }
    EXPECT_FALSE(holds(code, 0x1122334455667788, 8));
    EXPECT_TRUE(holds((*plain)->listing()->bytes, 0x1122334455667788, 8));
    EXPECT_TRUE(holds((*plain)->listing()->bytes, 0x41223344, 4));
    helpers::Invocation invocation;
    EXPECT_EQ((*hardened)->run(nullptr, invocation), (*plain)->run(nullptr, invocation));
}

TEST(Hardened, TheKeysAreOthersEachTime) {
    if (engines().back().name != "jit") {
        GTEST_SKIP() << "there is no code generator for this machine";
    }
    const auto assembled = assemble("r0 = 0x11223344\nexit");
    const auto program = unchecked(assembled->insns);
    const auto one = run::make_hardened_jit(program, {});
    const auto other = run::make_hardened_jit(program, {});
    ASSERT_TRUE(one.ok() && other.ok());
    const Bytes left = (*one)->listing()->bytes;
    const Bytes right = (*other)->listing()->bytes;
    EXPECT_FALSE(std::equal(left.begin(), left.end(), right.begin(), right.end()));
}

} // namespace
} // namespace skep::tests
