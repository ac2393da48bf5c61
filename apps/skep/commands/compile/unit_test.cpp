// SPDX-License-Identifier: Apache-2.0
//
// What a header holds of names that were chosen to do harm. That compilers take headers is shown in
// tests/ahead.
#include "apps/skep/commands/compile/unit.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/skep/commands/compile/names.hpp"

namespace skep::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kEvil = "*/ int evil; //\\\n#include \"/etc/passwd\"\n?\?/\xc3\xa9";

Unit unit_with(bool runtime) {
    Unit unit;
    unit.prefix = as_identifier(kEvil);
    SymbolNames names(unit.prefix);
    unit.opener = names.opener();
    unit.source = kEvil;
    unit.programs.push_back({kEvil, names.of_program(kEvil), spec::ProgramType::xdp});
    unit.programs.push_back({kEvil, names.of_program(kEvil), spec::ProgramType::socket_filter});
    UnitMap map;
    map.name = kEvil;
    map.symbol = names.of_map(kEvil);
    map.spec.name = kEvil;
    map.spec.type = spec::MapType::array;
    map.spec.max_entries = 2;
    map.spec.key_size_bytes = map.spec.value_size_bytes = 4;
    map.stride_bytes = 8;
    map.in_object = !runtime;
    map.has_handle = runtime;
    map.initial = {1, 2, 3, 0, 0};
    unit.maps.push_back(map);
    return unit;
}

TEST(UnitHeader, NamesOfStrangersCannotLeaveTheirPlace) {
    for (const bool runtime : {false, true}) {
        const std::string header = header_of(unit_with(runtime));
        EXPECT_THAT(header, Not(HasSubstr("int evil")));
        EXPECT_THAT(header, Not(HasSubstr("passwd\"")));
        EXPECT_THAT(header, Not(HasSubstr("?\?/")));
        EXPECT_THAT(header, Not(HasSubstr("\\")));
        EXPECT_TRUE(std::all_of(header.begin(), header.end(), [](char letter) {
            return letter == '\n' || (letter >= ' ' && letter <= '~');
        }));
    }
}

TEST(UnitHeader, TheBeginningOfAValueIsSaidUpToItsLastByteThatIsNotZero) {
    EXPECT_THAT(header_of(unit_with(true)), HasSubstr("1,2,3};"));
}

TEST(UnitHeader, OnlyWhatCallsOutsideNeedsTheLibrary) {
    EXPECT_FALSE(unit_with(false).needs_runtime());
    EXPECT_THAT(header_of(unit_with(false)), Not(HasSubstr("skep_runtime.h")));
    EXPECT_TRUE(unit_with(true).needs_runtime());
    EXPECT_THAT(header_of(unit_with(true)), HasSubstr("skep_runtime.h"));
}

} // namespace
} // namespace skep::app
