// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/sealed_memory.hpp"

#include <gtest/gtest.h>

#include "skep/os/memory.hpp"

namespace skep::os {
namespace {

TEST(SealedMemory, GivesBackWhatWasPutIn) {
    ByteVector bytes(200'000, 7);
    bytes[12345] = 1;
    const Fd memory = make_sealed_memory("payload", bytes).value();
    EXPECT_EQ(read_sealed_memory(memory, bytes.size()).value(), bytes);
    EXPECT_EQ(read_sealed_memory(memory, bytes.size() - 1).error().code, Code::too_big);
    EXPECT_TRUE(read_sealed_memory(make_sealed_memory("none", {}).value(), 10).value().empty());
}

TEST(SealedMemory, IsNotReadWhenSomebodyCouldChangeIt) {
    EXPECT_EQ(read_sealed_memory(make_memfd("open", 10).value(), 100).error().code,
              Code::invalid_input);
    EXPECT_EQ(read_sealed_memory(make_memfd("open", 10, Resizable::yes).value(), 100).error().code,
              Code::invalid_input);
}

} // namespace
} // namespace skep::os
