// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "skep/maps/queue/ring_buffer.hpp"

namespace skep::maps {
namespace {

std::unique_ptr<Map> made(std::uint32_t size) {
    spec::MapSpec spec;
    spec.name = "records";
    spec.type = spec::MapType::ringbuf;
    spec.max_entries = size;
    auto map = make_map(spec, 2);
    EXPECT_TRUE(map.ok()) << map.error().message;
    return std::move(map).value();
}

// A reader as the public description has it: consumer position on page 0, producer position on page
// 1, data from page 2 on, a record that crosses the end going on behind it.
class Reader {
  public:
    explicit Reader(const Map& map)
        : memory_(std::move(
                      os::Mapping::of(map.files().shared,
                                      2 * os::page_size() + 2 * std::size_t{map.spec().max_entries},
                                      os::Protection::read_write))
                      .value()),
          size_(map.spec().max_entries) {}

    std::atomic<std::uint64_t>& consumer() { return word(0); }
    std::atomic<std::uint64_t>& producer() { return word(os::page_size()); }

    std::uint32_t* first_header() {
        return reinterpret_cast<std::uint32_t*>(memory_.data() + 2 * os::page_size()); // NOLINT
    }

    // The next record, false when there is none. `discarded` ones are passed over.
    bool next(ByteVector& record) {
        for (;;) {
            const std::uint64_t position = consumer().load();
            if (position >= producer().load(std::memory_order_acquire)) {
                return false;
            }
            const std::size_t at = 2 * os::page_size() + (position & (size_ - 1));
            const auto header =
                static_cast<std::uint32_t>(word(at).load(std::memory_order_acquire));
            if ((header & (1U << 31)) != 0) {
                return false;
            }
            const std::uint32_t length = header & ~(3U << 30);
            record.assign(memory_.data() + at + 8, memory_.data() + at + 8 + length);
            consumer().store(position + (length + 8 + 7) / 8 * 8);
            if ((header & (1U << 30)) == 0) {
                return true;
            }
        }
    }

  private:
    std::atomic<std::uint64_t>& word(std::size_t offset) {
        return *reinterpret_cast<std::atomic<std::uint64_t>*>(memory_.data() + offset);
    }
    os::Mapping memory_;
    std::uint64_t size_;
};

TEST(RingBuffer, HasTheKernelsLimits) {
    auto map = made(4096);
    RingBuffer& ring = *map->ring();
    EXPECT_EQ(ring.reserve(4089), nullptr);
    EXPECT_EQ(ring.reserve(0x3fffffff), nullptr);
    EXPECT_EQ(ring.reserve(0x40000000), nullptr);
    EXPECT_EQ(ring.reserve(~std::uint64_t{0}), nullptr);
    std::uint8_t* whole = ring.reserve(4080);
    ASSERT_NE(whole, nullptr);
    EXPECT_EQ(ring.output(whole, 0, 0), -EAGAIN);
    EXPECT_EQ(ring.output(whole, 0, 4), -EINVAL);
    EXPECT_EQ(ring.query(0), 4088U);
    EXPECT_EQ(ring.query(1), 4096U);
    EXPECT_EQ(ring.query(3), 4088U);
    EXPECT_EQ(ring.query(99), 0U);
    auto empty = made(4096);
    int records = 0;
    while (empty->ring()->output(nullptr, 0, 0) == 0) {
        ++records;
    }
    EXPECT_EQ(records, 511);
    EXPECT_EQ(map->memory_bytes(), 16'728U);
}

TEST(RingBuffer, BringsEveryRecordWholeAcrossTheEnd) {
    auto map = made(4096);
    Reader reader(*map);
    ByteVector found;
    std::uint32_t next_read = 0;
    for (std::uint32_t i = 0; i < 5'000; ++i) {
        const ByteVector record(i % 501, static_cast<std::uint8_t>(i));
        ASSERT_EQ(map->ring()->output(record.data(), record.size(), 0), 0) << i;
        if (i % 3 == 2) {
            while (reader.next(found)) {
                ASSERT_EQ(found, ByteVector(next_read % 501, static_cast<std::uint8_t>(next_read)));
                ++next_read;
            }
        }
    }
    EXPECT_GE(next_read, 4'998U);
}

TEST(RingBuffer, HidesOpenRecordsAndSkipsDiscardedOnes) {
    auto map = made(4096);
    RingBuffer& ring = *map->ring();
    Reader reader(*map);
    std::uint8_t* first = ring.reserve(20);
    std::uint8_t* second = ring.reserve(4);
    ASSERT_NE(second, nullptr);
    std::memset(second, 9, 4);
    ring.commit(second, 0, Commit::submit);
    ByteVector found;
    EXPECT_FALSE(reader.next(found)); // the first is still open
    ring.commit(first, 0, Commit::discard);
    ASSERT_TRUE(reader.next(found));
    EXPECT_EQ(found, ByteVector(4, 9));
    EXPECT_EQ(ring.query(2), 32U + 16U);
}

TEST(RingBuffer, NotifiesAReaderThatHasCaughtUpAndNoOther) {
    auto map = made(4096);
    RingBuffer& ring = *map->ring();
    Reader reader(*map);
    const std::uint8_t byte = 1;
    ring.output(&byte, 1, 0);
    EXPECT_EQ(ring.notifications(), 1U);
    ring.output(&byte, 1, 0); // the reader is behind
    EXPECT_EQ(ring.notifications(), 1U);
    ring.output(&byte, 1, kForceWakeup);
    EXPECT_EQ(ring.notifications(), 2U);
    ByteVector found;
    while (reader.next(found)) {
    }
    ring.output(&byte, 1, kNoWakeup);
    EXPECT_EQ(ring.notifications(), 2U);
}

TEST(RingBuffer, StaysInsideItsMemoryWhateverAClientWrites) {
    auto map = made(4096);
    Reader client(*map);
    ByteVector record(100, 1);
    for (const std::uint64_t position :
         {std::uint64_t{8}, ~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{4097}}) {
        client.consumer() = position;
        client.producer() = position * 3;
        for (int i = 0; i < 100; ++i) {
            const int status = map->ring()->output(record.data(), record.size(), 0);
            ASSERT_TRUE(status == 0 || status == -EAGAIN);
        }
    }
    client.consumer() = map->ring()->query(3);
    EXPECT_EQ(map->ring()->output(record.data(), record.size(), 0), 0);
}

TEST(RingBuffer, TakesRecordsFromSeveralThreads) {
    auto map = made(4096);
    Reader reader(*map);
    constexpr std::uint64_t kEach = 20'000;
    const auto produce = [&](std::uint64_t who) {
        for (std::uint64_t i = 0; i < kEach;) {
            const std::uint64_t record[3] = {who, i, who ^ i};
            i += map->ring()->output(reinterpret_cast<const std::uint8_t*>(record), sizeof record,
                                     0) == 0
                     ? 1
                     : 0;
        }
    };
    std::thread left([&] { produce(0); });
    std::thread right([&] { produce(1); });
    std::uint64_t next[2] = {};
    ByteVector found;
    while (next[0] + next[1] < 2 * kEach) {
        if (reader.next(found)) {
            std::uint64_t record[3];
            ASSERT_EQ(found.size(), sizeof record);
            std::memcpy(record, found.data(), sizeof record);
            ASSERT_EQ(record[1], next[record[0]]++);
            ASSERT_EQ(record[2], record[0] ^ record[1]);
        }
    }
    left.join();
    right.join();
}

struct Heard {
    std::vector<ByteVector> records;
    std::size_t enough = 100;
};

bool hear(void* owner, const std::uint8_t* record, std::uint32_t size_bytes) {
    auto& heard = *static_cast<Heard*>(owner);
    heard.records.emplace_back(record, record + size_bytes);
    return heard.records.size() < heard.enough;
}

TEST(RingBuffer, IsReadInThisProcessUpToTheFirstUnfinishedRecord) {
    const auto map = made(4096);
    RingBuffer& ring = *map->ring();
    const ByteVector one{1, 2, 3};
    ASSERT_EQ(ring.output(one.data(), one.size(), 0), 0);
    ring.commit(ring.reserve(8), 0, Commit::discard);
    ASSERT_EQ(ring.output(one.data(), 1, 0), 0);
    std::uint8_t* open = ring.reserve(16);
    ASSERT_EQ(ring.output(one.data(), 2, 0), 0);
    Heard heard;
    EXPECT_EQ(ring.consume(hear, &heard), 2U);
    EXPECT_EQ(heard.records, (std::vector<ByteVector>{{1, 2, 3}, {1}}));
    EXPECT_EQ(ring.consume(hear, &heard), 0U);
    ring.commit(open, 0, Commit::submit);
    heard = {{}, 1};
    EXPECT_EQ(ring.consume(hear, &heard), 1U) << "it had enough";
    EXPECT_EQ(ring.consume(hear, &heard), 1U);
    EXPECT_EQ(heard.records.back(), (ByteVector{1, 2}));
    EXPECT_EQ(ring.query(0), 0U);
}

TEST(RingBuffer, IsReadAcrossItsEnd) {
    const auto map = made(4096);
    const ByteVector record(1000, 7);
    Heard heard;
    for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(map->ring()->output(record.data(), record.size(), 0), 0);
        ASSERT_EQ(map->ring()->consume(hear, &heard), 1U);
        ASSERT_EQ(heard.records.back(), record);
    }
}

TEST(RingBuffer, AReadersPositionOrALengthThatMakesNoSenseEndsTheReading) {
    const auto map = made(4096);
    Reader other(*map);
    const ByteVector record(8, 7);
    ASSERT_EQ(map->ring()->output(record.data(), record.size(), 0), 0);
    Heard heard;
    other.consumer().store(1U << 20);
    EXPECT_EQ(map->ring()->consume(hear, &heard), 0U);
    other.consumer().store(0);
    *other.first_header() = 0x0fffffff;
    EXPECT_EQ(map->ring()->consume(hear, &heard), 0U);
    EXPECT_TRUE(heard.records.empty());
}

} // namespace
} // namespace skep::maps
