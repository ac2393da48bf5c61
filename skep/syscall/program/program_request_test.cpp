// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/program/program_request.hpp"

#include <gtest/gtest.h>

#include "skep/base/sha256.hpp"
#include "skep/bytecode/assemble.hpp"

namespace skep::syscall {
namespace {

std::vector<RawInsn> insns_of(std::string_view text) { return assemble(text).value().insns; }

// As RFC 9669 numbers the source register of a wide immediate.
std::vector<RawInsn> wide(std::uint8_t source, std::int32_t low, std::int32_t high) {
    RawInsn first{};
    first.opcode = 0x18;
    first.registers = static_cast<std::uint8_t>(source << 4);
    first.imm = low;
    RawInsn second{};
    second.imm = high;
    return {first, second};
}

TEST(ProgramTag, IsTheBeginningOfAHashOfTheInstructions) {
    const auto insns = insns_of("r0 = 2\nexit");
    const ByteVector bytes{0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0};
    const Sha256Digest digest = sha256(bytes);
    EXPECT_TRUE(std::equal(digest.begin(), digest.begin() + 8, tag_of(insns).begin()));
}

TEST(ProgramTag, DoesNotDependOnTheDescriptorOfAMap) {
    for (const std::uint8_t by_descriptor :
         {std::uint8_t{1}, std::uint8_t{2}}) { // a map, a value in a map
        EXPECT_EQ(tag_of(wide(by_descriptor, 5, 0)), tag_of(wide(by_descriptor, 9, 0)));
        EXPECT_EQ(tag_of(wide(by_descriptor, 5, 8)), tag_of(wide(by_descriptor, 5, 16)));
    }
    EXPECT_NE(tag_of(wide(1, 5, 0)), tag_of(wide(2, 5, 0)));
}

TEST(ProgramTag, DependsOnEveryNumber) {
    EXPECT_NE(tag_of(wide(0, 5, 0)), tag_of(wide(0, 9, 0)));
    EXPECT_NE(tag_of(wide(0, 5, 0)), tag_of(wide(0, 5, 1)));
    EXPECT_NE(tag_of(insns_of("r0 = 1\nexit")), tag_of(insns_of("r0 = 2\nexit")));
}

TEST(ProgramTag, OfAWideImmediateThatIsCutOffIsATagToo) {
    EXPECT_NE(tag_of(std::vector<RawInsn>{wide(1, 5, 0)[0]}), tag_of({}));
}

} // namespace
} // namespace skep::syscall
