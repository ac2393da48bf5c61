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
    while (seen + cursor.lost() < std::uint64_t{3} * kEach) {
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

// The state of the first slot, as the header of trace_ring.hpp tells it.
std::uint64_t* state_of_first_slot(const Mapping& memory) {
    return reinterpret_cast<std::uint64_t*>(memory.data() + 4096); // NOLINT: see above
}

TEST(TraceRing, AWriterThatFindsAnotherInItsSlotLosesItsLineAtOnce) {
    const TraceRing ring = TraceRing::create().value();
    const Mapping memory = Mapping::of(ring.fd(), 8192, Protection::read_write).value();
    TraceCursor cursor(ring);
    const auto write_and_read = [&](std::uint64_t lines) {
        std::uint64_t read = 0;
        for (std::uint64_t i = 0; i < lines; ++i) {
            ring.write(0, 0, 1, "w", "line");
            read += cursor.next().has_value() ? 1 : 0;
        }
        return read;
    };
    EXPECT_EQ(write_and_read(TraceRing::kSlots), TraceRing::kSlots);
    *state_of_first_slot(memory) = 1; // the first writer, killed or held up in the middle
    EXPECT_EQ(write_and_read(TraceRing::kSlots), TraceRing::kSlots - 1);
    EXPECT_EQ(cursor.lost(), 1U);
    // It counts as dead when the ring went round so often.
    write_and_read(std::uint64_t{TraceRing::kSlots} * (TraceRing::kLapsAlive - 2));
    const std::uint64_t lost = cursor.lost();
    EXPECT_EQ(lost, TraceRing::kLapsAlive - 1U);
    EXPECT_EQ(write_and_read(TraceRing::kSlots), TraceRing::kSlots);
    EXPECT_EQ(cursor.lost(), lost);
}

TEST(TraceRing, AStateThatNobodyCanHaveLeftTakesNoSlotAway) {
    const TraceRing ring = TraceRing::create().value();
    const Mapping memory = Mapping::of(ring.fd(), 8192, Protection::read_write).value();
    TraceCursor cursor(ring);
    *state_of_first_slot(memory) = ~std::uint64_t{0};
    ring.write(0, 0, 1, "w", "line");
    ASSERT_TRUE(cursor.next().has_value());
    EXPECT_EQ(cursor.lost(), 0U);
}

TEST(TraceRing, OtherMemoryIsRefused) {
    EXPECT_FALSE(TraceRing::open(make_memfd("x", 4096).value()).ok());
    EXPECT_FALSE(TraceRing::open(make_memfd("x", 4096 + 1024 * 1024).value()).ok());
}

} // namespace
} // namespace skep::os
