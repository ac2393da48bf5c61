// SPDX-License-Identifier: Apache-2.0
#include "skep/base/bytes.hpp"

#include <array>

#include <gtest/gtest.h>

namespace skep {
namespace {

constexpr std::array<std::uint8_t, 6> kSix{1, 2, 3, 4, 0, 6};

TEST(Bytes, ReadsBothByteOrders) {
    EXPECT_EQ(read_at<std::uint16_t>(kSix, 0).value(), 0x0201);
    EXPECT_EQ(read_at<std::uint16_t>(kSix, 0, std::endian::big).value(), 0x0102);
}

TEST(Bytes, RefusesWhatIsNotThere) {
    EXPECT_EQ(read_at<std::uint32_t>(kSix, 3).error().message,
              "4 bytes wanted at offset 3, 6 bytes in all");
    EXPECT_FALSE(slice(kSix, ~std::uint64_t{0}, 2).ok());
    EXPECT_FALSE(slice(kSix, 2, ~std::uint64_t{0}).ok());
    EXPECT_TRUE(slice(kSix, 6, 0).ok());
}

TEST(Bytes, TextNeedsItsZero) {
    EXPECT_EQ(text_at(kSix, 0).value().size(), 4U);
    EXPECT_FALSE(text_at(kSix, 5).ok());
    EXPECT_FALSE(text_at(kSix, 7).ok());
}

TEST(ByteReader, StaysWhereAReadFailed) {
    ByteReader reader(kSix);
    EXPECT_EQ(reader.read<std::uint32_t>().value(), 0x04030201U);
    EXPECT_FALSE(reader.read<std::uint32_t>().ok());
    EXPECT_EQ(reader.position(), 4U);
    EXPECT_EQ(reader.read<std::uint16_t>().value(), 0x0600U);
    EXPECT_TRUE(reader.at_end());
}

TEST(ByteWriter, WritesWhatAReaderReads) {
    ByteWriter writer(std::endian::big);
    writer.write(std::uint32_t{0x01020304});
    EXPECT_EQ(read_at<std::uint32_t>(writer.bytes(), 0, std::endian::big).value(), 0x01020304U);
}

} // namespace
} // namespace skep
