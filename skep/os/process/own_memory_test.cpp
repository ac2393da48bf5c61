// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/own_memory.hpp"

#include <gtest/gtest.h>

#include "skep/os/memory.hpp"

namespace skep::os {
namespace {

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

TEST(OwnMemory, IsReadAndWrittenWhereItExists) {
    ByteVector bytes{1, 2, 3, 4};
    ByteVector copy(4);
    ASSERT_TRUE(read_own_memory(address_of(bytes.data()), copy).ok());
    EXPECT_EQ(copy, bytes);
    ASSERT_TRUE(write_own_memory(address_of(bytes.data()), ByteVector{9, 8}).ok());
    EXPECT_EQ(bytes, (ByteVector{9, 8, 3, 4}));
}

TEST(OwnMemory, GivesAnErrorWhereThereIsNone) {
    ByteVector copy(4);
    EXPECT_EQ(read_own_memory(0, copy).error().code, Code::bad_address);
    EXPECT_EQ(write_own_memory(8, copy).error().code, Code::bad_address);
    EXPECT_EQ(read_own_text(16, 100).error().code, Code::bad_address);
    EXPECT_TRUE(read_own_memory(0, {}).ok());
}

TEST(OwnMemory, TextEndsAtItsZeroOrAtTheLimit) {
    const std::string text(600, 'x');
    EXPECT_EQ(read_own_text(address_of(text.c_str()), 4096).value(), text);
    EXPECT_EQ(read_own_text(address_of(text.c_str()), 10).value(), std::string(10, 'x'));
}

} // namespace
} // namespace skep::os
