// SPDX-License-Identifier: Apache-2.0
//
// What an engine does beside computing, on every engine alike: callbacks, tail calls, loops with a
// budget, packet loads, maps, guarded loads, and the refusal of what cannot be bound.
#include <cstring>

#include <gmock/gmock.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/spec/contexts/host_contexts.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

using ::testing::HasSubstr;

std::vector<RawInsn> insns_of(std::string_view text) {
    auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok()) << assembled.error().message;
    return assembled->insns;
}

spec::MapSpec map_of(spec::MapType type, std::uint32_t value_bytes) {
    spec::MapSpec map;
    map.name = "numbers";
    map.type = type;
    map.key_size_bytes = 4;
    map.value_size_bytes = value_bytes;
    map.max_entries = 4;
    return map;
}

class EveryEngine : public testing::TestWithParam<Engine> {
  protected:
    [[nodiscard]] static std::uint64_t run(std::string_view text, void* context = nullptr,
                                           UncheckedOptions options = {},
                                           const run::Binding& binding = {}) {
        const auto result =
            run_once(GetParam(), unchecked(insns_of(text), std::move(options)), context, binding);
        EXPECT_TRUE(result.ok()) << result.error().message;
        return result.ok() ? *result : ~std::uint64_t{0};
    }
};
INSTANTIATE_TEST_SUITE_P(All, EveryEngine, testing::ValuesIn(engines().begin(), engines().end()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(EveryEngine, RunsCallbacksAboveTheFrameOfTheirCaller) {
    EXPECT_EQ(run(R"(
        r6 = 5
        *(u64 *)(r10 - 8) = 0
        r1 = 10
        r2 = func[add]
        r3 = r10
        r3 += -8
        r4 = 0
        call 181
        if r0 != 10 goto wrong
        if r6 != 5 goto wrong
        r0 = *(u64 *)(r10 - 8)
        exit
    wrong:
        r0 = -1
        exit
    add:
        r6 = 99
        *(u64 *)(r10 - 8) = 77
        r3 = *(u64 *)(r2 + 0)
        r3 += r1
        *(u64 *)(r2 + 0) = r3
        r0 = 0
        exit
    )"),
              45U);
}

TEST_P(EveryEngine, EndsALoopOfMayGotoWhenTheBudgetIsUsedUp) {
    EXPECT_EQ(run("r0 = 0\nagain: may_goto done\nr0 += 1\ngoto again\ndone: exit"),
              8U * 1024 * 1024);
}

TEST_P(EveryEngine, ReadsThePacketInNetworkOrderAndEndsOutsideIt) {
    std::array<std::uint8_t, 20> packet{};
    for (std::size_t at = 0; at < packet.size(); ++at) {
        packet[at] = static_cast<std::uint8_t>(at + 1);
    }
    spec::HostSkb skb;
    skb.data = reinterpret_cast<std::uint64_t>(packet.data());
    skb.data_end = skb.data + packet.size();
    EXPECT_EQ(run("r6 = r1\nr0 = *(u32 *)skb[2]\nexit", &skb), 0x03040506U);
    EXPECT_EQ(run("r6 = r1\nr2 = 3\nr0 = *(u16 *)skb[r2 + 1]\nexit", &skb), 0x0506U);
    EXPECT_EQ(run("r6 = r1\nr0 = *(u8 *)skb[19]\nexit", &skb), 20U);
    EXPECT_EQ(run("r6 = r1\nr0 = *(u8 *)skb[20]\nr0 = 7\nexit", &skb), 0U);
    EXPECT_EQ(run("r6 = r1\nr2 = -1\nr0 = *(u8 *)skb[r2 + 0]\nr0 = 7\nexit", &skb), 0U);
}

TEST_P(EveryEngine, ReachesMapsAndTheirValues) {
    const spec::MapSpec spec = map_of(spec::MapType::array, 16);
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok()) << map.error().message;
    UncheckedOptions options;
    options.maps = {spec};
    const run::Binding binding{{map->get()}, {}};
    EXPECT_EQ(run(R"(
        r1 = map_idx_value[0]+8
        *(u64 *)(r1 + 0) = 42
        *(u32 *)(r10 - 4) = 0
        r1 = map_idx[0]
        r2 = r10
        r2 += -4
        call 1
        if r0 == 0 goto none
        r0 = *(u64 *)(r0 + 8)
        exit
    none:
        r0 = 0
        exit
    )",
                  nullptr, options, binding),
              42U);
}

// Stands for a registry: program 7 answers 100 and may call itself again.
struct OneProgram {
    run::Executable* executable = nullptr;
    unsigned runs = 0;

    static bool run_program(void* owner, std::uint32_t id, helpers::Invocation& invocation,
                            std::uint64_t* result) {
        auto& self = *static_cast<OneProgram*>(owner);
        if (id != 7) {
            return false;
        }
        ++self.runs;
        *result = self.executable->run(invocation.context, invocation);
        return true;
    }
    static void* program_by_id(void* owner, std::uint32_t id) {
        auto& self = *static_cast<OneProgram*>(owner);
        self.runs += id == 7 ? 1 : 0;
        return id == 7 ? self.executable : nullptr;
    }
};

TEST_P(EveryEngine, MakesTailCallsUpToTheirLimitAndGoesOnAfterTheLast) {
    const spec::MapSpec spec = map_of(spec::MapType::prog_array, 4);
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok()) << map.error().message;
    const std::uint32_t index = 2;
    const std::uint32_t id = 7;
    ASSERT_EQ((*map)->write_user(reinterpret_cast<const std::uint8_t*>(&index),
                                 Bytes(reinterpret_cast<const std::uint8_t*>(&id), 4), 0),
              0);
    UncheckedOptions options;
    options.maps = {spec};
    const auto program =
        unchecked(insns_of("r2 = map_idx[0]\nr3 = 2\ncall 12\nr0 = 100\nexit"), options);
    auto executable = GetParam().make(program, run::Binding{{map->get()}, {}});
    ASSERT_TRUE(executable.ok()) << executable.error().message;
    for (const bool at_the_end : {false, true}) {
        OneProgram registry{executable->get(), 0};
        helpers::Services services;
        services.owner = &registry;
        services.run_program = OneProgram::run_program;
        services.program_by_id = at_the_end ? OneProgram::program_by_id : nullptr;
        helpers::Invocation invocation;
        invocation.services = &services;
        EXPECT_EQ((*executable)->run(nullptr, invocation), 100U);
        EXPECT_EQ(registry.runs, 33U);
        EXPECT_EQ(invocation.tail_calls, 33U);
    }
}

TEST_P(EveryEngine, ReadsZeroWhereAGuardedLoadFaults) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    UncheckedOptions options;
    options.loads_may_fault = true;
    EXPECT_EQ(run("r1 = 0x1000 ll\nr0 = 5\nr0 = *(u64 *)(r1 + 0)\nr0 += 3\nexit", nullptr, options),
              3U);
}

TEST_P(EveryEngine, SaysWhatItCannotBind) {
    const auto problem = [](std::string_view text) {
        const auto made = GetParam().make(unchecked(insns_of(text)), {});
        return made.ok() ? std::string("made") : made.error().message;
    };
    EXPECT_THAT(problem("call 60000\nexit"), HasSubstr("60000"));
    EXPECT_THAT(problem("r1 = map_idx[3]\nexit"), HasSubstr("3"));
    EXPECT_NE(problem("r1 = btf_id[3]\nexit"), "made");
    EXPECT_NE(problem("call kfunc#5\nexit"), "made");
    EXPECT_NE(problem("r1 = map_fd[3]\nexit"), "made");
}

} // namespace
} // namespace skep::tests
