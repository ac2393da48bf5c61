// SPDX-License-Identifier: Apache-2.0
#include "skep/os/trace_ring.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace skep::os {
namespace {

TEST(TraceRing, EveryReaderSeesEveryLine) {
    const TraceRing ring = TraceRing::create().value();
    const TraceRing again = TraceRing::open(ring.fd().duplicate().value()).value();
    TraceCursor one(ring);
    TraceCursor two(again);
    ring.write(1'000'000'001'000, 3, 4242, "skepd", "packet number 1");
    EXPECT_EQ(one.next()->text, "packet number 1");
    const TraceLine line = two.next().value();
    EXPECT_EQ(
        trace_pipe_form(line),
        "           skepd-4242    [003] .....  1000.000001: bpf_trace_printk: packet number 1");
    EXPECT_FALSE(one.next().has_value());
}

TEST(TraceRing, AReaderCountsWhatItLost) {
    const TraceRing ring = TraceRing::create().value();
    TraceCursor cursor(ring);
    for (std::uint32_t i = 0; i < TraceRing::kSlots + 10; ++i) {
        ring.write(i, 0, 1, "x", std::to_string(i));
    }
    EXPECT_EQ(cursor.next()->text, "10");
    EXPECT_EQ(cursor.lost(), 10U);
}

TEST(TraceRing, LongLinesAreCutAndLongNamesToo) {
    const TraceRing ring = TraceRing::create().value();
    TraceCursor cursor(ring);
    ring.write(0, 0, 1, std::string(40, 'n'), std::string(5000, 't'));
    const TraceLine line = cursor.next().value();
    EXPECT_EQ(line.comm.size(), 15U);
    EXPECT_EQ(line.text.size(), TraceRing::kTextBytes);
}

TEST(TraceRing, ManyWritersNeverMixTheirLines) {
    const TraceRing ring = TraceRing::create().value();
    TraceCursor cursor(ring);
    constexpr int kEach = 2000;
    std::vector<std::thread> writers;
    for (char letter : {'a', 'b', 'c'}) {
        writers.emplace_back([&ring, letter] {
            for (int i = 0; i < kEach; ++i) {
                ring.write(0, 0, 1, "w", std::string(200, letter));
            }
        });
    }
    std::uint64_t seen = 0;
    while (seen + cursor.lost() < 3 * kEach) {
        if (const auto line = cursor.next()) {
            ++seen;
            EXPECT_EQ(line->text, std::string(200, line->text.front()));
        }
    }
    for (std::thread& writer : writers) {
        writer.join();
    }
    EXPECT_EQ(seen + cursor.lost(), 3U * kEach);
}

TEST(TraceRing, OtherMemoryIsRefused) {
    EXPECT_FALSE(TraceRing::open(make_memfd("x", 4096).value()).ok());
    EXPECT_FALSE(TraceRing::open(make_memfd("x", 4096 + 1024 * 1024).value()).ok());
}

} // namespace
} // namespace skep::os
