// SPDX-License-Identifier: Apache-2.0
//
// Laws of the command table, and what is printed from it.
#include "apps/skep/command_table.hpp"

#include <set>

#include <gtest/gtest.h>

#include "apps/skep/dispatch.hpp"
#include "apps/skep/help/completion.hpp"
#include "apps/skep/help/help.hpp"

namespace skep::app {
namespace {

TEST(CommandTable, EveryNounHasASentenceAndSomethingToDo) {
    std::set<std::string_view> names;
    for (const Noun* noun : nouns()) {
        EXPECT_TRUE(names.insert(noun->name).second) << noun->name;
        EXPECT_FALSE(noun->says.empty()) << noun->name;
        EXPECT_NE(noun->verbs.empty(), noun->itself == nullptr) << noun->name;
    }
}

TEST(CommandTable, EveryVerbThatRunsHasASentence) {
    for (const Noun* noun : nouns()) {
        for (const Verb& verb : noun->verbs) {
            EXPECT_TRUE(verb.run == nullptr || !verb.says.empty())
                << noun->name << " " << verb.names;
        }
    }
}

TEST(CommandTable, ManPageAndCompletionNameEveryNoun) {
    const std::string man = man_page();
    for (const Noun* noun : nouns()) {
        EXPECT_NE(man.find(".SS " + std::string(noun->name)), std::string::npos) << noun->name;
        for (const char* shell : {"bash", "zsh", "fish"}) {
            EXPECT_NE(completion_for(shell)->find(noun->name), std::string::npos)
                << shell << " " << noun->name;
        }
    }
    EXPECT_FALSE(completion_for("csh").has_value());
}

TEST(CommandLineReader, TakesOptionsOutWhereverTheyStand) {
    const Result<CommandLine> line =
        read_command_line({"-j", "prog", "show", "--engine=kernel", "id", "7"}, "");
    ASSERT_TRUE(line.ok());
    EXPECT_TRUE(line->options.json);
    EXPECT_EQ(line->options.engine, client::EngineKind::kernel);
    EXPECT_EQ(line->words, (std::vector<std::string>{"prog", "show", "id", "7"}));
}

TEST(CommandLineReader, LeavesOwnOptionsToSkepsOwnNouns) {
    const Result<CommandLine> line = read_command_line({"run", "x.o", "--repeat", "3", "-j"}, "");
    ASSERT_TRUE(line.ok());
    EXPECT_TRUE(line->options.json);
    EXPECT_EQ(line->words, (std::vector<std::string>{"run", "x.o", "--repeat", "3"}));
}

TEST(CommandLineReader, RefusesWhatItDoesNotKnow) {
    EXPECT_FALSE(read_command_line({"prog", "list", "--nosuch"}, "").ok());
    EXPECT_FALSE(read_command_line({"--engine", "steam"}, "").ok());
    EXPECT_FALSE(read_command_line({"prog"}, "steam").ok());
}

} // namespace
} // namespace skep::app
