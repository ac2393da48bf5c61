// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/context.hpp"

#include <gtest/gtest.h>

#include <cstddef>

#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::verify {
namespace {

struct Bench {
    ProgramSpec program;
    Environment environment;
    Subject subject{program, environment, {}, {}};

    explicit Bench(spec::ProgramType type) { program.type = type; }

    Ruling<Value> load(std::int32_t offset, std::uint32_t size, bool sign_extended = false) const {
        return check_context_access(
            subject, {.offset = offset, .size_bytes = size, .sign_extended = sign_extended});
    }
};

TEST(ContextAccess, LoadingThePacketsBoundsGivesPacketPointers) {
    const Bench bench(spec::ProgramType::xdp);
    EXPECT_TRUE(bench.load(0, 4).value().is(ValueKind::packet));
    EXPECT_TRUE(bench.load(4, 4).value().is(ValueKind::packet_end));
    EXPECT_TRUE(bench.load(8, 4).value().is(ValueKind::packet_meta));
}

TEST(ContextAccess, ANumberHasTheWidthOfItsLoad) {
    const Bench bench(spec::ProgramType::sched_cls);
    EXPECT_EQ(bench.load(8, 1).value().number.u.max, 255U);
    EXPECT_EQ(bench.load(8, 4).value().number.u.max, 0xffffffffU);
    EXPECT_EQ(bench.load(8, 1, true).value().number.s.min, -128);
    EXPECT_TRUE(bench.load(48, 8).value().number.is_top());
}

TEST(ContextAccess, ARefusalIsInTheKernelsWords) {
    const Bench bench(spec::ProgramType::xdp);
    const Ruling<Value> ruling = bench.load(0, 8);
    ASSERT_FALSE(ruling.ok());
    EXPECT_EQ(ruling.finding().kernel_message, "invalid bpf_context access off=0 size=8");
    EXPECT_EQ(ruling.finding().because, "8 bytes at offset 0 are read: xdp_md.data (4 bytes at 0), "
                                        "which xdp programs may not access so");
}

TEST(ContextAccess, AnAddressIsNeverSignExtended) {
    EXPECT_FALSE(Bench(spec::ProgramType::xdp).load(0, 4, true).ok());
}

TEST(ContextAccess, AStoreIsAllowedWhereItsRowSaysSo) {
    const Bench bench(spec::ProgramType::sched_cls);
    EXPECT_TRUE(check_context_access(bench.subject,
                                     {.offset = 8, .size_bytes = 4, .direction = Direction::write})
                    .ok());
    EXPECT_FALSE(check_context_access(bench.subject,
                                      {.offset = 0, .size_bytes = 4, .direction = Direction::write})
                     .ok());
}

TEST(ContextAccess, TheHostHasAddressesOfEightBytes) {
    const Bench bench(spec::ProgramType::xdp);
    const std::optional<HostAccess> host =
        host_access(bench.subject, {.offset = 4, .size_bytes = 4});
    ASSERT_TRUE(host.has_value());
    EXPECT_EQ(host->offset, offsetof(spec::HostXdp, data_end));
    EXPECT_EQ(host->size_bytes, 8U);
}

TEST(ContextAccess, ANarrowReadOnTheHostKeepsItsPlaceInTheField) {
    const Bench bench(spec::ProgramType::sched_cls);
    const std::optional<HostAccess> host =
        host_access(bench.subject, {.offset = 10, .size_bytes = 2});
    ASSERT_TRUE(host.has_value());
    EXPECT_EQ(host->offset, offsetof(spec::HostSkb, mark) + 2);
    EXPECT_EQ(host->size_bytes, 2U);
}

TEST(ContextAccess, AContextWithoutAHostHasNoHostAccess) {
    const Bench bench(spec::ProgramType::kprobe);
    EXPECT_TRUE(bench.load(0, 8).ok());
    EXPECT_FALSE(host_access(bench.subject, {.offset = 0, .size_bytes = 8}).has_value());
}

} // namespace
} // namespace skep::verify
