// SPDX-License-Identifier: Apache-2.0
//
// Look-ups in arrays, and what programs do with the answer: each form on every engine, for keys of
// elements and others. Machine code may take the comparison of the answer with null for its own
// comparison of the key.
#include <array>
#include <cstring>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/jit/compile.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

constexpr std::uint32_t kEntries = 200; // more than a short immediate holds
constexpr std::uint64_t kNumber = 1000; // of the first element

struct Form {
    const char* name;
    std::string_view text; // the context holds the key, at 0 and at 8
    std::uint64_t none;    // the answer when there is no such element
};

constexpr std::array kForms{
    Form{"LeavesWhenNull", R"(
        r6 = *(u32 *)(r1 + 0)
        *(u32 *)(r10 - 4) = r6
        r1 = map_idx[0]
        r2 = r10
        r2 += -4
        call 1
        if r0 == 0 goto none
        r0 = *(u64 *)(r0 + 0)
        exit
    none:
        r0 = 7
        exit)",
         7},
    Form{"GoesOnWhenNull", R"(
        r2 = r1
        r7 = r1
        r1 = map_idx[0]
        call 1
        if r0 != 0 goto found
        r0 = *(u32 *)(r7 + 8)
        r5 = *(u32 *)(r7 + 0)
        r0 -= r5
        exit
    found:
        r0 = *(u64 *)(r0 + 0)
        exit)",
         0},
    Form{"ReadsTheNull", R"(
        r2 = r1
        r2 += 8
        r1 = map_idx[0]
        call 1
        if r0 == 0 goto none
        r0 = *(u64 *)(r0 + 0)
    none:
        r0 += 3
        r0 -= 3
        exit)",
         0},
    Form{"IsAskedLater", R"(
        r6 = r1
        r6 += 4
        r2 = r6
        r6 += 4
        r2 += 4
        r1 = map_idx[0]
        call 1
        r7 = r0
        r8 = *(u32 *)(r6 + 0)
        if r7 == 0 goto none
        r0 = *(u64 *)(r7 + 0)
        exit
    none:
        r0 = r8
        r5 = *(u32 *)(r6 - 8)
        r0 -= r5
        exit)",
         0},
    Form{"IsJumpedInto", R"(
        r9 = 1
        r2 = r1
        r1 = map_idx[0]
        call 1
    again:
        if r0 == 0 goto none
        if r9 == 0 goto found
        r9 = 0
        goto again
    found:
        r0 = *(u64 *)(r0 + 0)
        exit
    none:
        r0 = 9
        exit)",
         9},
};

std::vector<RawInsn> insns_of(std::string_view text) {
    auto assembled = assemble(text);
    EXPECT_TRUE(assembled.ok()) << text;
    return assembled.ok() ? std::move(assembled->insns) : std::vector<RawInsn>();
}

spec::MapSpec array_of(spec::MapType type, std::uint32_t value_bytes) {
    spec::MapSpec map;
    map.name = "numbers";
    map.type = type;
    map.key_size_bytes = 4;
    map.value_size_bytes = value_bytes;
    map.max_entries = kEntries;
    return map;
}

verify::VerifiedProgram program_of(std::string_view text, const spec::MapSpec& map) {
    const std::vector<RawInsn> insns = insns_of(text);
    UncheckedOptions options;
    options.maps = {map};
    options.facts.resize(insns.size());
    for (verify::InsnFacts& facts : options.facts) {
        facts.map_index = 0; // only a look-up asks
    }
    return unchecked(insns, options);
}

using Case = std::tuple<Form, spec::MapType, std::uint32_t>;
class LookUp : public testing::TestWithParam<Case> {};

TEST_P(LookUp, FindsEachElementAndNothingElse) {
    const auto& [form, type, value_bytes] = GetParam();
    const spec::MapSpec spec = array_of(type, value_bytes);
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok());
    for (std::uint32_t i = 0; i < kEntries; ++i) {
        const std::uint64_t number = kNumber + i;
        std::memcpy((*map)->lookup(reinterpret_cast<const std::uint8_t*>(&i), 0), &number,
                    sizeof(number));
    }
    const auto program = program_of(form.text, spec);
    for (const Engine& engine : engines()) {
        for (const std::uint32_t key : {0U, 1U, 127U, 199U, 200U, 0x7fffffffU, 0xffffffffU}) {
            std::array<std::uint32_t, 4> context{key, 0, key, 0};
            const auto result = run_once(engine, program, context.data(), {{map->get()}, {}});
            ASSERT_TRUE(result.ok()) << result.error().message;
            EXPECT_EQ(*result, key < kEntries ? kNumber + key : form.none)
                << engine.name << ", key " << key;
        }
    }
}

std::string name_of(const testing::TestParamInfo<Case>& one) {
    const auto& [form, type, bytes] = one.param;
    return std::string(form.name) + (type == spec::MapType::array ? "Shared" : "PerCpu") +
           std::to_string(bytes);
}

INSTANTIATE_TEST_SUITE_P(Arrays, LookUp,
                         testing::Combine(testing::ValuesIn(kForms),
                                          testing::Values(spec::MapType::array,
                                                          spec::MapType::percpu_array),
                                          testing::Values(8U, 16U, 24U)),
                         name_of);

TEST(LookUpCode, HasNoAddressOfTheMapItself) {
    const spec::MapSpec spec = array_of(spec::MapType::array, 8);
    auto map = maps::make_map(spec, 1);
    ASSERT_TRUE(map.ok());
    const run::Binding binding{{map->get()}, {}};
    const auto program = program_of(kForms[0].text, spec);
    const auto image = run::jit::compile(program, run::jit::map_shapes(program, binding));
    ASSERT_TRUE(image.ok());
    ASSERT_EQ(image->relocations.size(), 1U);
    EXPECT_EQ(image->relocations[0].referent, run::jit::Referent::map_value);
}

} // namespace
} // namespace skep::tests
