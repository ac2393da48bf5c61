// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/verified_program_maker.hpp"

#include <random>

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

VerifiedProgram example() {
    VerifiedProgramParts parts;
    parts.spec.name = "count";
    parts.spec.section = "xdp";
    parts.spec.type = spec::ProgramType::xdp;
    parts.spec.license = "GPL";
    parts.insns = {{0x18, 0x51, 0, 0}, {0, 0, 0, 0}, {0xb7, 0, 0, 2}, {0x95, 0, 0, 0}};
    parts.spec.insns = parts.insns;
    parts.spec.functions = {{InsnIndex{0}, 7}};
    parts.spec.lines = {{InsnIndex{0}, 1, 2, (3U << 10) | 4}};
    parts.facts.resize(4);
    parts.facts[0].map_index = 0;
    parts.facts[2].constant = 2;
    parts.origins = {InsnIndex{0}, InsnIndex{1}, InsnIndex{2}, InsnIndex{3}};
    parts.subprograms = {{InsnIndex{0}, InsnIndex{4}, 16, true, false, false, true}};
    auto inner = std::make_shared<spec::MapSpec>();
    inner->name = "inner";
    inner->type = spec::MapType::array;
    spec::MapSpec map;
    map.name = "outer";
    map.type = spec::MapType::hash;
    map.inner = inner;
    map.value_fields = {{spec::FieldKind::timer, 8, 16}};
    map.constant_value = {1, 2, 3};
    parts.maps = {map};
    parts.program_facts.helpers = {1, 6};
    parts.verified_insns = 99;
    return VerifiedProgramMaker::make(std::move(parts));
}

TEST(VerifiedProgram, ComesBackFromBytesAsItWas) {
    const ByteVector bytes = example().encode();
    const Result<VerifiedProgram> again = VerifiedProgram::decode(bytes);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->encode(), bytes);
    EXPECT_EQ(again->spec().name, "count");
    EXPECT_EQ(again->spec().lines[0].line(), 3U);
    EXPECT_EQ(again->facts()[2].constant, 2U);
    EXPECT_EQ(again->maps()[0].inner->name, "inner");
    EXPECT_EQ(again->program_facts().helpers, (std::vector<std::uint32_t>{1, 6}));
}

// Origins are the shortest records: a long list of them before little else was once refused.
TEST(VerifiedProgram, ComesBackWhenItIsLongAndHasNoMaps) {
    VerifiedProgramParts parts;
    parts.spec.type = spec::ProgramType::xdp;
    parts.spec.insns.assign(1000, RawInsn{0xb7, 0, 0, 2});
    parts.insns = parts.spec.insns;
    parts.facts.resize(1000);
    parts.origins.resize(1000);
    parts.subprograms = {{InsnIndex{0}, InsnIndex{1000}}};
    const ByteVector bytes = VerifiedProgramMaker::make(std::move(parts)).encode();
    const Result<VerifiedProgram> again = VerifiedProgram::decode(bytes);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(again->encode(), bytes);
}

TEST(VerifiedProgram, RefusesEveryTruncationAndAnythingBehindTheEnd) {
    ByteVector bytes = example().encode();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(VerifiedProgram::decode(Bytes(bytes).first(size)).ok()) << size;
    }
    bytes.push_back(0);
    EXPECT_FALSE(VerifiedProgram::decode(bytes).ok());
}

TEST(VerifiedProgram, ReadsChangedBytesConsistentlyOrNotAtAll) {
    const ByteVector bytes = example().encode();
    std::mt19937 random(7);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (int trial = 0; trial < 8; ++trial) {
            ByteVector changed = bytes;
            changed[at] = static_cast<std::uint8_t>(random());
            const Result<VerifiedProgram> read = VerifiedProgram::decode(changed);
            if (read.ok()) {
                EXPECT_EQ(read->encode(), changed) << "byte " << at;
                EXPECT_EQ(read->facts().size(), read->insns().size());
            }
        }
    }
}

TEST(VerifiedProgram, TakesNoMemoryForLengthsThatAreNotThere) {
    ByteVector bytes = example().encode();
    for (std::size_t at = 8; at < 16; ++at) {
        bytes[at] = 0xff; // the length of the name
    }
    EXPECT_EQ(VerifiedProgram::decode(bytes).error().message,
              "reading a verified program: at byte 16: a length exceeds what is there");
}

} // namespace
} // namespace skep::verify
