// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/compile/names.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "apps/skep/commands/compile/reserved_words.hpp"
#include "apps/skep/commands/compile/unit.hpp"

namespace skep::app {
namespace {

TEST(NamesInC, AnIdentifierIsMadeOfWhatIdentifiersAreMadeOf) {
    EXPECT_EQ(as_identifier("filter"), "filter");
    EXPECT_EQ(as_identifier("xdp/filter-2"), "xdp_filter_2");
    EXPECT_EQ(as_identifier("__under"), "under");
    EXPECT_EQ(as_identifier("7up"), "p7up");
    EXPECT_EQ(as_identifier(""), "p");
    EXPECT_EQ(as_identifier("___"), "p");
    EXPECT_EQ(as_identifier("a*/ int x; /*\n"), "a___int_x_____");
    EXPECT_EQ(as_identifier("gr\xc3\xbc\xc3\x9f"), "gr____");
    EXPECT_LE(as_identifier(std::string(100'000, 'a')).size(), 200U);
}

TEST(NamesInC, ARemarkCannotEndItsCommentNorGoOnInTheNextLine) {
    EXPECT_EQ(as_remark("x.bss"), "x.bss");
    EXPECT_EQ(as_remark("*/ int x; //\\\n"), "___int_x______");
    EXPECT_EQ(as_remark("?\?/\r\n\t\"'"), "________");
    EXPECT_LE(as_remark(std::string(100'000, '.')).size(), 200U);
}

TEST(NamesInC, CapitalsAreOfTheAlphabetAlone) { EXPECT_EQ(in_capitals("a_z9\xe4"), "A_Z9\xe4"); }

TEST(NamesInC, TheSameNameTwiceGetsANumber) {
    SymbolNames names("unit");
    EXPECT_EQ(names.of_map("count"), "unit_count");
    EXPECT_EQ(names.of_program("count"), "unit_count_2");
    EXPECT_EQ(names.of_program("_count"), "unit_count_3");
}

TEST(NamesInC, DerivedNamesMeetNoOthers) {
    SymbolNames names("unit");
    EXPECT_EQ(names.of_map("flows"), "unit_flows");
    EXPECT_EQ(names.of_program("flows_handle"), "unit_flows_handle_2");
    EXPECT_EQ(names.of_program("run"), "unit_run");
    EXPECT_EQ(names.of_program("run_on"), "unit_run_on_2");
    EXPECT_EQ(names.of_map("run_call_back"), "unit_run_call_back_2");
    EXPECT_EQ(names.of_program("late_on"), "unit_late_on");
    EXPECT_EQ(names.of_program("late"), "unit_late_2"); // whose _on would be the one before
    EXPECT_EQ(names.of_map("FLOWS"), "unit_FLOWS_2");   // UNIT_FLOWS_ENTRIES is taken
}

TEST(NamesInC, OneNameManyTimesTakesNoLonger) {
    SymbolNames names("unit");
    for (int i = 1; i < 100'000; ++i) {
        names.of_variable("unit_bss", "same");
    }
    EXPECT_EQ(names.of_variable("unit_bss", "same"), "UNIT_BSS_AT_same_100000");
}

TEST(NamesInC, VariablesStandBehindTheirMap) {
    SymbolNames names("unit");
    EXPECT_EQ(names.of_variable("unit_bss", "count"), "UNIT_BSS_AT_count");
    EXPECT_EQ(names.of_variable("unit_bss", "count"), "UNIT_BSS_AT_count_2");
}

TEST(NamesInC, TheHeadersOwnNamesAreTaken) {
    SymbolNames names("unit");
    EXPECT_EQ(names.of_program("open"), "unit_open_2");
    EXPECT_EQ(names.of_map("helper_map_lookup_elem"), "unit_helper_map_lookup_elem_2");
    EXPECT_EQ(names.of_map("routine_tail_call"), "unit_routine_tail_call_2");
    EXPECT_EQ(names.of_program("close"), "unit_close");
}

TEST(NamesInC, WhatIsCalledFirstReplacesNoFunctionOfTheLibrary) {
    EXPECT_EQ(SymbolNames("unit").opener(), "unit_open");
    EXPECT_EQ(SymbolNames("shm").opener(), "shm_open_2");
    EXPECT_EQ(SymbolNames("pthread").of_program("create"), "pthread_create_2");
}

// Every word of ours in the library's header and in the part that all headers share.
TEST(NamesInC, NoNameIsOneOfOurs) {
    const auto read = [](const char* file) {
        std::ostringstream text;
        text << std::ifstream(std::string(SKEP_SOURCE_DIR "/apps/") + file).rdbuf();
        return text.str();
    };
    Unit unit;
    unit.prefix = "unit";
    const std::string text = read("runtime/skep_runtime.h") + header_of(unit);
    const auto is_of_word = [](char c) {
        return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
    };
    int count = 0;
    for (auto at = text.begin(); at != text.end();) {
        at = std::find_if(at, text.end(), is_of_word);
        const auto end = std::find_if_not(at, text.end(), is_of_word);
        const std::string word(at, end);
        at = end;
        if (word.starts_with("skep_") || word.starts_with("SKEP_")) {
            ++count;
            EXPECT_TRUE(is_reserved_word(word) || word == "SKEP_COMPILED_unit") << word;
        }
    }
    EXPECT_GT(count, 50);
}

TEST(NamesInC, WordsOfTheLanguageAndTheLibraryAreNotUsed) {
    EXPECT_EQ(SymbolNames("static").of_program("cast"), "static_cast_2");
    EXPECT_EQ(SymbolNames("uint64").of_map("t"), "uint64_t_2");
    EXPECT_EQ(SymbolNames("sched").of_program("yield"), "sched_yield_2");
    EXPECT_EQ(SymbolNames("skep").of_program("map_make"), "skep_map_make_2");
    EXPECT_EQ(SymbolNames("skep").of_program("entry"), "skep_entry_2");
    EXPECT_FALSE(is_reserved_word("sched_yields"));
    EXPECT_FALSE(is_reserved_word("timer_open"));
}

} // namespace
} // namespace skep::app
