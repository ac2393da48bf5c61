// SPDX-License-Identifier: Apache-2.0
//
// Machine code of whole programs: look-ups done in place, tail calls, joined instructions,
// listings.
#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/spec/contexts/host_contexts.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

std::vector<RawInsn> insns_of(std::string_view text) {
    auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok()) << assembled.error().message;
    return assembled->insns;
}

spec::MapSpec array_of(std::uint32_t value_bytes, std::uint32_t entries,
                       spec::MapType type = spec::MapType::array) {
    spec::MapSpec map;
    map.name = "numbers";
    map.type = type;
    map.key_size_bytes = 4;
    map.value_size_bytes = value_bytes;
    map.max_entries = entries;
    return map;
}

// R0 = the number at the index in the context, or -1 when there is none.
constexpr std::string_view kLookUp = R"(
    r6 = r1
    r7 = *(u32 *)(r6 + 0)
    *(u32 *)(r10 - 4) = r7
    r1 = map_idx[0]
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto none
    r0 = *(u64 *)(r0 + 0)
    exit
none:
    r0 = -1
    exit
)";
constexpr std::size_t kLookUpSlot = 7; // the wide immediate takes two

class ArrayLookup : public testing::TestWithParam<std::uint32_t> {};

TEST_P(ArrayLookup, InPlaceFindsEveryValueAndNothingElse) {
    const spec::MapSpec spec = array_of(GetParam(), 10);
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok());
    for (std::uint32_t i = 0; i < spec.max_entries; ++i) {
        const std::uint64_t number = 1000 + i;
        std::memcpy((*map)->lookup(reinterpret_cast<const std::uint8_t*>(&i), 0), &number,
                    sizeof(number));
    }
    UncheckedOptions options;
    options.maps = {spec};
    options.facts.resize(kLookUpSlot + 1);
    options.facts[kLookUpSlot].map_index = 0;
    const auto program = unchecked(insns_of(kLookUp), options);
    const run::Binding binding{{map->get()}, {}};
    for (const std::uint32_t index : {0U, 1U, 9U, 10U, 0x7fffffffU, 0xffffffffU}) {
        std::uint32_t context = index;
        const auto result = run_once(engines().back(), program, &context, binding);
        ASSERT_TRUE(result.ok()) << result.error().message;
        EXPECT_EQ(*result, index < 10 ? 1000U + index : ~std::uint64_t{0}) << index;
    }
}
INSTANTIATE_TEST_SUITE_P(ValueSizes, ArrayLookup, testing::Values(8U, 16U, 12U, 4096U, 200U));

TEST(PercpuArrayLookup, InPlaceFindsTheValueOfItsCpu) {
    const spec::MapSpec spec = array_of(8, 4, spec::MapType::percpu_array);
    auto map = maps::make_map(spec, 3);
    ASSERT_TRUE(map.ok());
    UncheckedOptions options;
    options.maps = {spec};
    options.facts.resize(kLookUpSlot + 1);
    options.facts[kLookUpSlot].map_index = 0;
    auto executable =
        engines().back().make(unchecked(insns_of(kLookUp), options), {{map->get()}, {}});
    ASSERT_TRUE(executable.ok());
    for (std::uint32_t cpu = 0; cpu < 3; ++cpu) {
        std::uint32_t index = 2;
        const std::uint64_t number = 70 + cpu;
        std::memcpy((*map)->lookup(reinterpret_cast<const std::uint8_t*>(&index), cpu), &number,
                    sizeof(number));
        helpers::Invocation invocation;
        invocation.cpu = cpu;
        EXPECT_EQ((*executable)->run(&index, invocation), number);
    }
}

TEST(MapValue, IsReachedByItsAddress) {
    const spec::MapSpec spec = array_of(64, 1);
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok());
    UncheckedOptions options;
    options.maps = {spec};
    const auto program = unchecked(
        insns_of("r1 = map_idx_value[0]+16\n*(u64 *)(r1 + 8) = 77\nr0 = *(u32 *)(r1 + 8)\nexit"),
        options);
    for (const Engine& engine : engines()) {
        const auto result = run_once(engine, program, nullptr, {{map->get()}, {}});
        ASSERT_TRUE(result.ok()) << result.error().message;
        EXPECT_EQ(*result, 77U);
        EXPECT_EQ((*map)->direct_values()->base[24], 77);
    }
    EXPECT_FALSE(run_once(engines().back(), program, nullptr).ok()); // nothing is bound
}

// Program 5 answers 100 + the tail calls so far; program 6 is not there.
bool run_program(void*, std::uint32_t id, helpers::Invocation& invocation, std::uint64_t* result) {
    *result = 100 + invocation.tail_calls;
    return id == 5;
}

TEST(TailCall, EndsTheSubprogramOrFallsThrough) {
    spec::MapSpec spec = array_of(4, 2, spec::MapType::prog_array);
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok());
    for (std::uint32_t i = 0; i < 2; ++i) {
        const std::uint32_t id = 5 + i;
        ASSERT_EQ((*map)->update(reinterpret_cast<const std::uint8_t*>(&i),
                                 reinterpret_cast<const std::uint8_t*>(&id), 0, 0),
                  0);
    }
    UncheckedOptions options;
    options.maps = {spec};
    // The subprogram's tail call ends the subprogram; R6 must be what it was.
    const auto program = unchecked(insns_of(R"(
        r6 = 1000
        r2 = *(u32 *)(r1 + 0)
        call sub
        r0 += r6
        exit
    sub:
        r6 = 3
        r3 = r2
        r2 = map_idx[0]
        call 12
        r0 = 7
        exit
    )"),
                                   options);
    helpers::Services services;
    services.run_program = run_program;
    for (const Engine& engine : engines()) {
        auto executable = engine.make(program, {{map->get()}, {}});
        ASSERT_TRUE(executable.ok()) << executable.error().message;
        for (const auto& [index, calls, wanted] : {std::array{0U, 0U, 1101U},
                                                   {1U, 0U, 1007U},
                                                   {2U, 0U, 1007U},
                                                   {0U, 32U, 1133U},
                                                   {0U, 33U, 1007U}}) {
            helpers::Invocation invocation;
            invocation.services = &services;
            invocation.tail_calls = calls;
            std::uint32_t context = index;
            EXPECT_EQ((*executable)->run(&context, invocation), wanted)
                << engine.name << " " << index << " " << calls;
        }
    }
}

TEST(PacketLoad, ReadsInNetworkOrderAndEndsOutside) {
    std::array<std::uint8_t, 16> packet{0x12, 0x34, 0x56, 0x78, 0x9a};
    spec::HostSkb skb;
    skb.data = reinterpret_cast<std::uintptr_t>(packet.data());
    skb.data_end = skb.data + packet.size();
    for (const auto& [text, wanted] :
         {std::pair<std::string_view, std::uint64_t>{"r6 = r1\nr0 = *(u8 *)skb[1]\nexit", 0x34},
          {"r6 = r1\nr0 = *(u16 *)skb[1]\nexit", 0x3456},
          {"r6 = r1\nr3 = 1\nr0 = *(u32 *)skb[r3 + 0]\nexit", 0x3456789a},
          {"r6 = r1\nr0 = *(u32 *)skb[13]\nr0 = 5\nexit", 0}}) {
        for (const Engine& engine : engines()) {
            const auto result = run_once(engine, unchecked(insns_of(text)), &skb);
            ASSERT_TRUE(result.ok()) << result.error().message;
            EXPECT_EQ(*result, wanted) << engine.name << ": " << text;
        }
    }
}

// Neighbours that the lowering joins; each also with a jump that arrives between them.
TEST(Joining, ChangesNothing) {
    std::array<std::uint64_t, 8> memory{11, 22, 33, 44, 55, 66, 77, 88};
    for (const std::string_view text : {
             "r2 = 16\nr3 = r1\nr3 += r2\nr3 = *(u64 *)(r3 + 8)\nr0 = r3\nexit",
             "r2 = 16\nr1 += r2\nr1 = *(u8 *)(r1 - 8)\nr0 = r1\nexit",
             "r3 = r1\nr3 += 24\nr0 = *(u64 *)(r3 + 0)\nexit",
             "r3 = r1\nr3 += 24\nr3 = *(s8 *)(r3 + 8)\nr0 = r3\nexit",
             "r2 = 5\nr0 = r2\nr0 += r0\nexit",
             "r0 = -1\nr0 <<= 32\nr0 >>= 32\nexit",
             "r0 = 0x80000000 ll\nr0 <<= 32\nr0 s>>= 32\nexit",
             "r0 = 1\nr2 = 5\nif r2 > 3 goto +1\ngoto +1\nr0 = 2\nexit",
             "r0 = 1\nr2 = 2\nif r2 & 1 goto +1\ngoto +1\nr0 = 2\nexit",
             "r2 = 8\nr3 = r1\nif r2 == 8 goto +1\nr3 = r2\nr3 += r2\nr3 = *(u64 *)(r3 + 0)\nr0 = "
             "r3\nexit",
             "r0 = 0\nr2 = 4\nloop:\nr0 += r2\nr2 -= 1\nif r2 == 0 goto +1\ngoto loop\nexit",
         }) {
        const auto program = unchecked(insns_of(text));
        const auto wanted = run_once(engines().front(), program, memory.data());
        const auto result = run_once(engines().back(), program, memory.data());
        ASSERT_TRUE(wanted.ok() && result.ok());
        EXPECT_EQ(*result, *wanted) << text;
    }
}

// A place of the stack that was written on one way only holds some number on the other, and the
// same one for whoever compares it twice.
TEST(Stack, HoldsOneNumberWhereNothingWasWritten) {
    const auto program = unchecked(insns_of(R"(
    r1 = *(u64 *)(r1 + 0)
    if r1 == 0 goto none
    *(u64 *)(r10 - 8) = r1
none:
    r2 = *(u64 *)(r10 - 8)
    r2 &= 255
    r2 += 1
    r0 = 1
    if r2 s> 100 goto large
    r0 = 2
large:
    if r2 s> 100 goto out
    r0 += 10
out:
    exit
)"));
    for (const Engine& engine : engines()) {
        auto executable = engine.make(program, {});
        ASSERT_TRUE(executable.ok()) << executable.error().message;
        helpers::Invocation invocation;
        for (std::uint64_t written : {0ULL, 5ULL, 200ULL}) {
            const std::uint64_t answer = (*executable)->run(&written, invocation);
            EXPECT_TRUE(answer == 1 || answer == 12) << engine.name << " says " << answer;
            if (written != 0) {
                EXPECT_EQ(answer, written > 100 ? 1U : 12U) << engine.name;
            }
        }
    }
}

TEST(LongJumps, ReachTheirTargets) {
    for (const int filling : {1, 20, 40, 41, 42, 43, 44, 60, 500, 30000}) {
        std::string text = "r0 = 0\nr2 = 3\nloop:\nif r2 == 0 goto out\nr2 -= 1\n";
        for (int i = 0; i < filling; ++i) {
            text += "r0 += 1\n";
        }
        text += "goto loop\nout:\nexit\n";
        const auto program = unchecked(insns_of(text));
        const auto result = run_once(engines().back(), program, nullptr);
        ASSERT_TRUE(result.ok()) << result.error().message;
        EXPECT_EQ(*result, 3U * static_cast<unsigned>(filling));
    }
}

TEST(Listing, NamesTheFirstByteOfEveryInstruction) {
    if (engines().back().name != "jit") {
        GTEST_SKIP() << "there is no code generator for this machine";
    }
    const auto program = unchecked(insns_of("r6 = 5\ncall pc+3\nr1 = 1 ll\nexit\nr0 = 3\nexit"));
    auto executable = run::make_jit(program, {});
    ASSERT_TRUE(executable.ok());
    const auto listing = (*executable)->listing();
    ASSERT_TRUE(listing.has_value());
    ASSERT_EQ(listing->insn_offsets.size(), program.insns().size() + 1);
    ASSERT_EQ(listing->subprogram_offsets.size(), 2U);
    EXPECT_TRUE(std::is_sorted(listing->insn_offsets.begin(), listing->insn_offsets.end()));
    EXPECT_EQ(listing->insn_offsets[0], 0U);
    EXPECT_EQ(listing->subprogram_offsets[1], listing->insn_offsets[5]);
    EXPECT_LE(listing->insn_offsets.back(), listing->bytes.size());
    EXPECT_EQ(listing->bytes.size(), (*executable)->code_bytes());
}

// The room for an address is as the machine's moves have it: see image.hpp.
bool is_empty_room(const run::jit::Image& image, std::uint32_t offset) {
    const std::uint8_t* room = image.code.data() + offset;
    if (image.machine == run::jit::Machine::x64) {
        return std::all_of(room, room + 8, [](std::uint8_t byte) { return byte == 0; });
    }
    for (int part = 0; part < 4; ++part) {
        std::uint32_t word = 0;
        std::memcpy(&word, room + 4 * part, sizeof word);
        if ((word >> 5 & 0xffff) != 0) {
            return false;
        }
    }
    return true;
}

TEST(Image, HoldsNoAddressOfItsProcess) {
    UncheckedOptions options;
    options.maps = {array_of(8, 1)};
    const auto program =
        unchecked(insns_of("r1 = map_idx[0]\ncall 5\nr0 = map_idx_value[0]+0\nexit"), options);
    for (const auto machine : {run::jit::Machine::x64, run::jit::Machine::arm64}) {
        const auto image = run::jit::compile(program, {}, {.machine = machine});
        ASSERT_TRUE(image.ok());
        EXPECT_EQ(image->relocations.size(), 3U);
        for (const run::jit::Relocation& relocation : image->relocations) {
            EXPECT_TRUE(is_empty_room(*image, relocation.offset));
        }
    }
}

// As optimised code has them, on either machine.
TEST(Image, HasWholeAddressesBehindItsInstructions) {
    for (const run::jit::Machine machine : {run::jit::Machine::x64, run::jit::Machine::arm64}) {
        run::jit::Image image;
        image.machine = machine;
        image.code.assign(32, 0);
        image.text_bytes = 16;
        image.relocations = {{run::jit::Referent::helper, 16, 5, 0}};
        ASSERT_TRUE(run::jit::bind(image, {}).ok());
        std::array<std::uint64_t, 4> words{};
        std::memcpy(words.data(), image.code.data(), image.code.size());
        const auto wanted =
            reinterpret_cast<std::uintptr_t>(helpers::find_helper(5)); // NOLINT: as in code
        EXPECT_EQ(words, (std::array<std::uint64_t, 4>{0, 0, wanted, 0}));
    }
}

TEST(Image, OfAnotherMachineIsMadeButDoesNotRun) {
    const auto other = run::jit::kThisMachine == run::jit::Machine::x64 ? run::jit::Machine::arm64
                                                                        : run::jit::Machine::x64;
    auto image = run::jit::compile(unchecked(insns_of("r0 = 2\nexit")), {}, {.machine = other});
    ASSERT_TRUE(image.ok());
    EXPECT_FALSE(image->code.empty());
    EXPECT_FALSE(run::jit::make_runnable(std::move(image).value()).ok());
}

} // namespace
} // namespace skep::tests
