// SPDX-License-Identifier: Apache-2.0
#include "skep/os/net/capture_file.hpp"

#include <array>
#include <cstdio>

#include <gtest/gtest.h>
#include <unistd.h>

namespace skep::os {
namespace {

// A file without a name; what is written through one descriptor is read through another.
Fd scratch_file() {
    std::FILE* file = std::tmpfile();
    Fd copy(::dup(::fileno(file)));
    std::fclose(file);
    return copy;
}

void write_bytes(const Fd& file, Bytes bytes) {
    ASSERT_EQ(::pwrite(file.number(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    ::lseek(file.number(), 0, SEEK_SET);
}

class EitherFormat : public testing::TestWithParam<CaptureFormat> {};

TEST_P(EitherFormat, WhatIsWrittenIsRead) {
    const Fd file = scratch_file();
    const ByteVector small(61, 7);
    const ByteVector large(1500, 9);
    {
        CaptureWriter writer = CaptureWriter::create(file.duplicate().value(), GetParam()).value();
        ASSERT_TRUE(writer.write({small, 61, 1'700'000'000'123'456'789}).ok());
        ASSERT_TRUE(writer.write({large, 9000, 1'700'000'001'000'000'001}).ok());
    }
    ::lseek(file.number(), 0, SEEK_SET);
    CaptureReader reader = CaptureReader::open(file.duplicate().value()).value();
    const CapturedPacket first = reader.next().value().value();
    EXPECT_EQ(ByteVector(first.bytes.begin(), first.bytes.end()), small);
    EXPECT_EQ(first.time_ns, 1'700'000'000'123'456'789U);
    const CapturedPacket second = reader.next().value().value();
    EXPECT_EQ(ByteVector(second.bytes.begin(), second.bytes.end()), large);
    EXPECT_EQ(second.original_bytes, 9000U);
    EXPECT_FALSE(reader.next().value().has_value());
}
INSTANTIATE_TEST_SUITE_P(CaptureFile, EitherFormat,
                         testing::Values(CaptureFormat::pcap, CaptureFormat::pcapng));

TEST(CaptureFile, GarbageAndCutFilesAreErrors) {
    const Fd garbage = scratch_file();
    write_bytes(garbage, std::array<std::uint8_t, 4>{1, 2, 3, 4});
    EXPECT_FALSE(CaptureReader::open(garbage.duplicate().value()).ok());

    const Fd cut = scratch_file();
    {
        CaptureWriter writer =
            CaptureWriter::create(cut.duplicate().value(), CaptureFormat::pcap).value();
        ASSERT_TRUE(writer.write({ByteVector(100, 1), 100, 0}).ok());
    }
    ASSERT_EQ(::ftruncate(cut.number(), 80), 0);
    ::lseek(cut.number(), 0, SEEK_SET);
    CaptureReader reader = CaptureReader::open(cut.duplicate().value()).value();
    EXPECT_NE(reader.next().error().message.find("packet 1"), std::string::npos);
}

TEST(CaptureFile, TheExtensionChoosesTheFormat) {
    EXPECT_EQ(capture_format_of("/tmp/a.pcapng"), CaptureFormat::pcapng);
    EXPECT_EQ(capture_format_of("a.pcap"), CaptureFormat::pcap);
    EXPECT_EQ(capture_format_of("a"), CaptureFormat::pcap);
}

} // namespace
} // namespace skep::os
