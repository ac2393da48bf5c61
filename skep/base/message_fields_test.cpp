// SPDX-License-Identifier: Apache-2.0
#include "skep/base/message_fields.hpp"

#include <gtest/gtest.h>

namespace skep {
namespace {

TEST(MessageFields, ComeBackAsTheyWereWritten) {
    ByteWriter writer;
    write_content(writer, ByteVector{1, 2, 3});
    write_text(writer, "four");
    writer.write(std::uint32_t{5});
    ByteReader reader(writer.bytes());
    EXPECT_EQ(read_content(reader).value(), (ByteVector{1, 2, 3}));
    EXPECT_EQ(read_text(reader, 4).value(), "four");
    EXPECT_EQ(read_count(reader, 5).value(), 5U);
    EXPECT_TRUE(reader.at_end());
}

TEST(MessageFields, ALengthPastTheMessageIsRefused) {
    ByteWriter writer;
    writer.write(std::uint32_t{4});
    writer.write_bytes(ByteVector{1, 2, 3});
    ByteReader reader(writer.bytes());
    EXPECT_FALSE(read_content(reader).ok());
    ByteReader empty(Bytes{});
    EXPECT_FALSE(read_content(empty).ok());
}

TEST(MessageFields, WhatIsLongerThanItsReaderExpectsIsRefused) {
    ByteWriter writer;
    write_text(writer, "four");
    ByteReader text(writer.bytes());
    EXPECT_EQ(read_text(text, 3).error().code, Code::too_big);
    ByteReader list(writer.bytes());
    EXPECT_EQ(read_count(list, 3).error().code, Code::too_big);
}

} // namespace
} // namespace skep
