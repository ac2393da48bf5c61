// SPDX-License-Identifier: Apache-2.0
//
// Where ways meet on which a register holds an address here and a number there: sums of such
// registers in every order, by stack, spill, subprogram, callback. Every engine answers, and leaves
// in the map, what the interpreter does.
//
// What an optimising tier may conclude of a sum depends on which operand it takes for the base. So
// the programs are written such that no operand is the base on every way.
#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "skep/run/code/guard.hpp"
#include "skep/verify/verify.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/verdict_case.hpp"

namespace skep::tests {
namespace {

constexpr std::uint32_t kValueBytes = 64;

spec::MapSpec numbers() {
    spec::MapSpec map;
    map.name = "numbers";
    map.type = spec::MapType::array;
    map.key_size_bytes = 4;
    map.value_size_bytes = kValueBytes;
    map.max_entries = 1;
    return map;
}

// R7 = the map's value, R9 = its first word, which says the way to go. R10 - 8 is used.
constexpr std::string_view kBegin = R"(
    *(u32 *)(r10 - 8) = 0
    r1 = map_idx[0]
    r2 = r10
    r2 += -8
    call 1
    if r0 != 0 goto there
    r0 = 0
    exit
there:
    r7 = r0
    r9 = *(u32 *)(r7 + 0)
)";

// `functions` as in verdict cases; only callbacks need any.
verify::Outcome verified(const std::string& text, std::string_view functions) {
    std::string file = "-- asm\n" + text;
    if (!functions.empty()) {
        file += fmt::format("-- functions\n{}\n", functions);
    }
    Result<VerdictCase> made = verdict_case(parse_case(file));
    EXPECT_TRUE(made.ok()) << made.error().message << text;
    const std::array maps{numbers()};
    verify::Environment environment;
    environment.maps = maps;
    environment.program_types = &*made->types;
    return verify::verify(made->program, environment);
}

struct Left {
    std::uint64_t answer = 0;
    std::array<std::uint8_t, kValueBytes> value{};
};

Left run_with(run::Executable& executable, maps::Map& map, std::uint32_t way) {
    Left left;
    for (std::size_t i = 0; i < left.value.size(); ++i) {
        left.value[i] = static_cast<std::uint8_t>(0x11 * i);
    }
    std::memcpy(left.value.data(), &way, sizeof way);
    const std::uint32_t key = 0;
    auto* value = map.lookup(reinterpret_cast<const std::uint8_t*>(&key), 0);
    std::memcpy(value, left.value.data(), kValueBytes);
    helpers::Invocation invocation;
    left.answer = executable.run(nullptr, invocation);
    EXPECT_EQ(invocation.faults, 0U);
    std::memcpy(left.value.data(), value, kValueBytes);
    return left;
}

// Ways 0 to 7 on every engine. The program must be accepted.
void agree(const std::string& text, std::string_view functions = "") {
    const verify::Outcome outcome = verified(text, functions);
    ASSERT_TRUE(outcome.program.has_value()) << outcome.message << text;
    auto map = maps::make_map(numbers(), 1);
    ASSERT_TRUE(map.ok());
    std::vector<Left> wanted;
    for (const Engine& engine : engines()) {
        auto executable = engine.make(*outcome.program, {{map->get()}, {}});
        ASSERT_TRUE(executable.ok()) << executable.error().message;
        for (std::uint32_t way = 0; way < 8; ++way) {
            const Left left = run_with(**executable, **map, way);
            if (wanted.size() == way) {
                wanted.push_back(left);
            }
            ASSERT_EQ(left.answer, wanted[way].answer) << engine.name << " way " << way << text;
            ASSERT_EQ(left.value, wanted[way].value) << engine.name << " way " << way << text;
        }
    }
}

// What R1, R2 and R3 hold on one way: an address of eight bytes, after all three are added up.
struct Way {
    std::string_view first, second, third;
};

std::string set_to(std::string_view reg, std::string_view what) {
    const std::size_t space = what.find(' '); // "r10 -32": an address and what is added to it
    return space == std::string_view::npos
               ? fmt::format("    {} = {}\n", reg, what)
               : fmt::format("    {} = {}\n    {} += {}\n", reg, what.substr(0, space), reg,
                             what.substr(space + 1));
}

// The ways in this order, numbered; then `sums`, which leave the address in R1. Whoever stores
// through it and reads the stack by name must meet himself.
std::string meeting(std::span<const Way> ways, std::string_view sums) {
    std::string text(kBegin);
    text += "    if r9 > " + std::to_string(ways.size()) + " goto none\n";
    text += "    *(u64 *)(r10 - 16) = 1\n    *(u64 *)(r10 - 24) = 2\n    *(u64 *)(r10 - 32) = 3\n";
    for (std::size_t i = 0; i + 1 < ways.size(); ++i) {
        text += fmt::format("    if r9 == {} goto way{}\n", i, i);
    }
    for (std::size_t i = ways.size(); i-- > 0;) {
        text += fmt::format("way{}:\n", i) + set_to("r1", ways[i].first) +
                set_to("r2", ways[i].second) + set_to("r3", ways[i].third) +
                (i == 0 ? "" : "    goto meet\n");
    }
    text += "meet:\n";
    text += sums;
    text += R"(
    r4 = *(u64 *)(r1 + 0)
    r9 += 77
    *(u64 *)(r1 + 0) = r9
    r0 = *(u64 *)(r10 - 16)
    r0 *= 1000
    r5 = *(u64 *)(r10 - 24)
    r0 += r5
    r0 *= 1000
    r5 = *(u64 *)(r10 - 32)
    r0 += r5
    r0 *= 1000
    r0 += r4
    r5 = *(u64 *)(r7 + 16)
    r0 += r5
    exit
none:
    r0 = 0
    exit
)";
    return text;
}

constexpr std::array<std::string_view, 4> kSums{
    "    r2 += r3\n    r1 += r2\n",
    "    r3 += r2\n    r1 += r3\n",
    "    r3 += r1\n    r3 += r2\n    r1 = r3\n",
    "    r2 += r1\n    r2 += r3\n    r1 = r2\n",
};

TEST(Meeting, OfStackAddressesAndNumbersInEveryOrder) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    std::array<Way, 3> ways{Way{"r10 -32", "16", "0"}, Way{"0", "r10", "-24"},
                            Way{"-8", "0", "r10 -16"}};
    std::array<int, 3> order{0, 1, 2};
    do {
        const std::array<Way, 3> ordered{ways[static_cast<std::size_t>(order[0])],
                                         ways[static_cast<std::size_t>(order[1])],
                                         ways[static_cast<std::size_t>(order[2])]};
        for (const std::string_view sums : kSums) {
            ASSERT_NO_FATAL_FAILURE(agree(meeting(ordered, sums)));
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Meeting, OfStackAndMapAddressesAndNumbers) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    const std::array<Way, 4> ways{Way{"r7", "8", "8"}, Way{"0", "r10 -32", "16"},
                                  Way{"-16", "0", "r7 32"}, Way{"r10", "-32", "0"}};
    for (const std::string_view sums : kSums) {
        ASSERT_NO_FATAL_FAILURE(agree(meeting(ways, sums)));
    }
}

// A number on one way alone is never followed to memory, but it is answered.
TEST(Meeting, OfAWayWithoutAnAddress) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    for (const std::string_view sums : kSums) {
        std::string text(kBegin);
        text += R"(
    *(u64 *)(r10 - 16) = 5
    if r9 == 1 goto second
    if r9 == 2 goto third
    if r9 > 2 goto number
    r1 = r10
    r2 = -16
    r3 = 0
    goto meet
number:
    r1 = 0x10000000
    r2 = -0x10000000
    r3 = r9
    goto meet
second:
    r1 = 0
    r2 = r10
    r3 = -16
    goto meet
third:
    r1 = -16
    r2 = 0
    r3 = r10
meet:
)";
        text += sums;
        text += R"(
    if r9 > 2 goto answer
    r9 += 3
    *(u64 *)(r1 + 0) = r9
    r1 = *(u64 *)(r10 - 16)
answer:
    *(u64 *)(r7 + 40) = r1
    r0 = r1
    exit
)";
        ASSERT_NO_FATAL_FAILURE(agree(text));
    }
}

TEST(Meeting, OfSpilledAddressesAndNumbers) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    for (const std::string_view sum : {"r1 += r2", "r2 += r1\n    r1 = r2"}) {
        for (const std::string_view address : {"r10", "r7"}) {
            const int offset = address == "r10" ? -48 : 24;
            agree(fmt::format(R"({}
    r6 = {}
    *(u64 *)(r10 - 48) = 9
    if r9 == 1 goto other
    *(u64 *)(r10 - 16) = r6
    *(u64 *)(r10 - 24) = {}
    goto meet
other:
    *(u64 *)(r10 - 16) = {}
    *(u64 *)(r10 - 24) = r6
meet:
    r1 = *(u64 *)(r10 - 16)
    r2 = *(u64 *)(r10 - 24)
    {}
    r3 = *(u64 *)(r1 + 0)
    *(u64 *)(r1 + 0) = 12
    r0 = *(u64 *)(r10 - 48)
    r0 += r3
    exit
)",
                              kBegin, address, offset, offset, sum));
            ASSERT_FALSE(testing::Test::HasFatalFailure());
        }
    }
}

// What a subprogram answers counts as a number.
TEST(Meeting, OfWhatASubprogramAnswers) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    for (const std::string_view sum : {"r0 += r6", "r6 += r0\n    r0 = r6"}) {
        agree(fmt::format(R"({}
    r1 = r7
    r2 = r9
    call pick
    if r9 == 1 goto other
    r6 = 8
    goto meet
other:
    r0 = 16
    r6 = r7
meet:
    {}
    r1 = *(u64 *)(r0 + 0)
    *(u64 *)(r0 + 0) = 300
    *(u64 *)(r7 + 8) = 4
    r0 = *(u64 *)(r0 + 0)
    r0 += r1
    exit
pick:
    r0 = r1
    if r2 != 5 goto done
    r0 += 8
done:
    exit
)",
                          kBegin, sum));
    }
}

// Arguments that are another thing at each call; two addresses that are no sum.
TEST(Meeting, OfArgumentsOfDifferentKinds) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    for (const std::string_view sum : {"r1 += r2", "r2 += r1\n    r1 = r2"}) {
        agree(fmt::format(R"({}
    *(u64 *)(r10 - 16) = 70
    *(u64 *)(r10 - 24) = 80
    r1 = r10
    r2 = -16
    call add
    r8 = r0
    r1 = -24
    r2 = r10
    call add
    r8 += r0
    r1 = r7
    r2 = 16
    call add
    r8 += r0
    r1 = 24
    r2 = r7
    call add
    r0 += r8
    r1 = *(u64 *)(r10 - 16)
    r0 += r1
    r1 = *(u64 *)(r10 - 24)
    r0 += r1
    r1 = r10
    r2 = r1
    r2 += -40
    r1 -= r2
    r0 *= r1
    exit
add:
    {}
    r0 = *(u64 *)(r1 + 0)
    *(u64 *)(r1 + 0) = 1000
    exit
)",
                          kBegin, sum));
    }
}

TEST(Meeting, InCallbacks) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    for (const std::string_view sum : {"r2 += r3", "r3 += r2\n    r2 = r3"}) {
        agree(fmt::format(R"({}
    *(u64 *)(r10 - 16) = 7
    *(u64 *)(r10 - 24) = r9
    r1 = 3
    r2 = func[round]
    r3 = r10
    r3 += -24
    r4 = 0
    call 181
    r0 = *(u64 *)(r10 - 16)
    exit
round:
    r4 = *(u64 *)(r2 + 0)
    r3 = 8
    if r4 != 2 goto meet
    r3 = r2
    r2 = 8
meet:
    {}
    r4 = *(u64 *)(r2 + 0)
    r4 *= 3
    r4 += r1
    *(u64 *)(r2 + 0) = r4
    r0 = 0
    exit
)",
                          kBegin, sum),
              "round static number number");
    }
}

// What a look-up did not find is the number zero, though on the other way it is an address.
TEST(Meeting, OfWhatWasNotFound) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    for (const std::string_view sum : {"r0 += r3", "r3 += r0\n    r0 = r3"}) {
        for (const std::string_view address : {"r10", "r7"}) {
            agree(fmt::format(R"({}
    *(u64 *)(r10 - 16) = 5
    *(u64 *)(r7 + 8) = 6
    *(u32 *)(r10 - 8) = r9
    r1 = map_idx[0]
    r2 = r10
    r2 += -8
    call 1
    if r0 != 0 goto found
    r3 = {}
    r3 += {}
    {}
    *(u64 *)(r0 + 0) = 70
    r0 = *(u64 *)(r10 - 16)
    r1 = *(u64 *)(r7 + 8)
    r0 *= 1000
    r0 += r1
    exit
found:
    r0 = *(u64 *)(r0 + 0)
    exit
)",
                              kBegin, address, address == "r10" ? -16 : 8, sum));
            ASSERT_FALSE(testing::Test::HasFatalFailure());
        }
    }
}

// A null is a number until it is compared; what is left of an address in 32 bits is one too.
TEST(Meeting, OfNullsAndHalves) {
    ASSERT_TRUE(run::code::install_fault_handlers().ok());
    agree(fmt::format(R"({}
    r6 = 0
    if r9 == 1 goto meet
    r6 = r7
    if r9 == 2 goto meet
    r6 = r10
    r6 += -16
    *(u64 *)(r10 - 16) = 6
meet:
    if r6 == 0 goto none
    r1 = *(u64 *)(r6 + 8)
    *(u64 *)(r6 + 0) = 99
    r0 = *(u64 *)(r7 + 0)
    r2 = r6
    w2 = w2
    w3 = w6
    r2 -= r3
    r0 += r2
    exit
none:
    r0 = 5
    exit
)",
                      kBegin));
}

} // namespace
} // namespace skep::tests
