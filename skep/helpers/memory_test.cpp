// SPDX-License-Identifier: Apache-2.0
//
// Probe reads, ring buffer records and dynptrs.
#include <array>
#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "skep/helpers/testing/calls.hpp"
#include "skep/maps/queue/ring_buffer.hpp"

namespace skep::helpers {
namespace {

using testing::at;
using testing::call;
using testing::made;

constexpr std::uint32_t kProbeRead = 4, kProbeReadKernelText = 115, kCopyFromUser = 148;

TEST(ProbeRead, ReadsTheProgramsOwnMemoryAndNothingElse) {
    auto map = made(spec::MapType::array, 4, 16, 2);
    maps::Map* maps[] = {map.get()};
    std::uint64_t own[4] = {1, 2, 3, 4};
    std::uint64_t foreign[2] = {5, 6};
    std::uint64_t to[2] = {9, 9};
    Invocation invocation;
    invocation.stack = {at(own), at(own + 4)};
    invocation.maps = maps;
    EXPECT_EQ(call(kProbeRead, {at(to), 16, at(own + 2)}, invocation), 0);
    EXPECT_EQ(to[1], 4U);
    EXPECT_EQ(call(kProbeRead, {at(to), 16, at(own + 3)}, invocation), -EFAULT); // leaves the stack
    EXPECT_EQ(to[0], 0U);
    to[0] = 9;
    EXPECT_EQ(call(kProbeRead, {at(to), 16, at(foreign)}, invocation), -EFAULT);
    EXPECT_EQ(to[0], 0U);
    EXPECT_EQ(call(kProbeRead, {at(to), 8, 0}, invocation), -EFAULT);
    EXPECT_EQ(call(kProbeRead, {at(to), 8, ~std::uint64_t{0}}, invocation), -EFAULT);
    EXPECT_EQ(call(kProbeRead, {at(to), 8, at(map->direct_values()->base)}, invocation), 0);
    EXPECT_EQ(call(kCopyFromUser, {at(to), 8, at(own)}, invocation), -EFAULT);
}

TEST(ProbeRead, ReadsPlainValuesOneCpusAtATime) {
    std::uint64_t values[4] = {1, 2, 3, 4}; // two CPUs with two each
    const PlainValues all[] = {{values, 16, 2}};
    std::uint64_t to[4] = {};
    Invocation invocation;
    invocation.plain_values = all;
    EXPECT_EQ(call(kProbeRead, {at(to), 16, at(values + 2)}, invocation), 0);
    EXPECT_EQ(to[1], 4U);
    EXPECT_EQ(call(kProbeRead, {at(to), 0, at(values + 1)}, invocation), 0);
    EXPECT_EQ(call(kProbeRead, {at(to), 16, at(values + 1)}, invocation), -EFAULT);
    EXPECT_EQ(call(kProbeRead, {at(to), 8, at(values + 4)}, invocation), -EFAULT);
    EXPECT_EQ(call(kProbeRead, {at(to), 8, at(values) - 1}, invocation), -EFAULT);
}

TEST(ProbeRead, EndsWhereTheValuesOfAnArrayEnd) {
    for (const auto type : {spec::MapType::array, spec::MapType::percpu_array}) {
        auto map = made(type, 4, 12, 3); // 16 bytes each
        maps::Map* maps[] = {map.get()};
        const std::array<std::uint8_t, 4> first{};
        const auto begin = at(map->lookup(first.data(), 0));
        std::uint64_t to[8] = {};
        Invocation invocation;
        invocation.maps = maps;
        EXPECT_EQ(call(kProbeRead, {at(to), 48, begin}, invocation), 0);
        EXPECT_EQ(call(kProbeRead, {at(to), 49, begin}, invocation), -EFAULT);
        EXPECT_EQ(call(kProbeRead, {at(to), 8, begin + 41}, invocation), -EFAULT);
        EXPECT_EQ(call(kProbeRead, {at(to), 1, begin - 1}, invocation), -EFAULT);
    }
}

TEST(ProbeRead, CopiesTextsToTheirEnd) {
    char own[8] = "word";
    char to[8] = {};
    Invocation invocation;
    invocation.stack = {at(own), at(own + sizeof own)};
    EXPECT_EQ(call(kProbeReadKernelText, {at(to), sizeof to, at(own)}, invocation), 5);
    EXPECT_STREQ(to, "word");
    EXPECT_EQ(call(kProbeReadKernelText, {at(to), 3, at(own)}, invocation), 3);
    EXPECT_STREQ(to, "wo");
    std::memset(own, 'x', sizeof own);
    char wide[16];
    EXPECT_EQ(call(kProbeReadKernelText, {at(wide), sizeof wide, at(own)}, invocation), -EFAULT);
}

constexpr std::uint32_t kReserve = 131, kSubmit = 132, kDiscard = 133, kQuery = 134;

TEST(RingHelpers, RememberRecordsAndGiveThemUpWhenARunEnds) {
    auto map = made(spec::MapType::ringbuf, 0, 0, 4096);
    Invocation invocation;
    EXPECT_EQ(call(kReserve, {at(map.get()), 8, 1}, invocation), 0); // flags
    const auto first =
        static_cast<std::uint64_t>(call(kReserve, {at(map.get()), 8, 0}, invocation));
    ASSERT_NE(first, 0U);
    call(kSubmit, {first, 0}, invocation);
    call(kSubmit, {first, 0}, invocation);      // not open any more: nothing happens
    call(kDiscard, {first + 8, 0}, invocation); // never was
    EXPECT_EQ(call(kQuery, {at(map.get()), 3}, invocation), 16);
    for (std::uint32_t i = 0; i < kReservationsMost; ++i) {
        ASSERT_NE(call(kReserve, {at(map.get()), 8, 0}, invocation), 0);
    }
    EXPECT_EQ(call(kReserve, {at(map.get()), 8, 0}, invocation), 0); // too many at once
    end_run(invocation);
    EXPECT_NE(call(kReserve, {at(map.get()), 8, 0}, invocation), 0);
    end_run(invocation);
}

constexpr std::uint32_t kFromMem = 197, kReserveDynptr = 198, kSubmitDynptr = 199, kRead = 201,
                        kWrite = 202, kData = 203;

TEST(Dynptr, ReadsAndWritesInsideItsBoundsOnly) {
    std::uint8_t memory[32] = {};
    std::uint64_t dynptr[2] = {};
    std::uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    Invocation invocation;
    EXPECT_EQ(call(kFromMem, {at(memory), 32, 1, at(dynptr)}, invocation), -EINVAL);
    EXPECT_EQ(call(kRead, {at(bytes), 1, at(dynptr), 0, 0}, invocation), -EINVAL); // the null one
    EXPECT_EQ(call(kFromMem, {at(memory), 1U << 24, 0, at(dynptr)}, invocation), -E2BIG);
    EXPECT_EQ(call(kFromMem, {at(memory), 32, 0, at(dynptr)}, invocation), 0);
    EXPECT_EQ(call(kWrite, {at(dynptr), 24, at(bytes), 8, 0}, invocation), 0);
    EXPECT_EQ(memory[31], 8);
    EXPECT_EQ(call(kWrite, {at(dynptr), 25, at(bytes), 8, 0}, invocation), -E2BIG);
    EXPECT_EQ(call(kWrite, {at(dynptr), 0xffffffff, at(bytes), 8, 0}, invocation), -E2BIG);
    EXPECT_EQ(call(kRead, {at(bytes), 4, at(dynptr), 28, 0}, invocation), 0);
    EXPECT_EQ(bytes[0], 5);
    EXPECT_EQ(call(kRead, {at(bytes), 4, at(dynptr), 29, 0}, invocation), -E2BIG);
    EXPECT_EQ(static_cast<std::uint64_t>(call(kData, {at(dynptr), 8, 24}, invocation)),
              at(memory + 8));
    EXPECT_EQ(call(kData, {at(dynptr), 8, 25}, invocation), 0);
}

TEST(Dynptr, HoldsARingRecord) {
    auto map = made(spec::MapType::ringbuf, 0, 0, 4096);
    std::uint64_t dynptr[2] = {};
    Invocation invocation;
    EXPECT_EQ(call(kReserveDynptr, {at(map.get()), 5000, 0, at(dynptr)}, invocation), -EINVAL);
    call(kSubmitDynptr, {at(dynptr), 0}, invocation); // the null one
    EXPECT_EQ(call(kReserveDynptr, {at(map.get()), 100, 0, at(dynptr)}, invocation), 0);
    const std::uint64_t word = 7;
    EXPECT_EQ(call(kWrite, {at(dynptr), 92, at(&word), 8, 0}, invocation), 0);
    EXPECT_EQ(call(kWrite, {at(dynptr), 93, at(&word), 8, 0}, invocation), -E2BIG);
    call(kSubmitDynptr, {at(dynptr), 0}, invocation);
    EXPECT_EQ(dynptr[0], 0U);
    EXPECT_EQ(map->ring()->query(0), 112U);
}

} // namespace
} // namespace skep::helpers
