// SPDX-License-Identifier: Apache-2.0
#include "skep/bytecode/cfg.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"

namespace skep {
namespace {

Result<std::vector<SubprogramGraph>> graph_of(std::string_view text) {
    return control_flow(assemble(text).value().insns);
}

TEST(ControlFlow, SplitsAtJumpsAndTheirTargetsButNotAtCalls) {
    const auto graph =
        graph_of("call f\nif r0 == 0 goto out\nr1 = 5 ll\nr0 = 1\nout: exit\nf: r0 = 0\nexit");
    ASSERT_TRUE(graph.ok()) << graph.error().message;
    ASSERT_EQ(graph->size(), 2U);
    const SubprogramGraph& main = (*graph)[0];
    ASSERT_EQ(main.blocks.size(), 3U);
    EXPECT_EQ(main.blocks[0].last.value, 1U);
    EXPECT_EQ(main.blocks[0].successors, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(main.blocks[1].end.value, 5U);
    EXPECT_EQ(main.blocks[1].successors, (std::vector<std::uint32_t>{2}));
    EXPECT_TRUE(main.blocks[2].exits);
    EXPECT_EQ((*graph)[1].start.value, 6U);
}

TEST(ControlFlow, FindsLoops) {
    const auto graph = graph_of("r1 = 9\nagain: r1 -= 1\nif r1 != 0 goto again\nexit");
    ASSERT_TRUE(graph.ok());
    EXPECT_EQ((*graph)[0].blocks[1].successors, (std::vector<std::uint32_t>{2, 1}));
}

TEST(ControlFlow, RefusesWhatLeavesItsSubprogram) {
    EXPECT_EQ(graph_of("goto +7\nexit").error().message,
              "instruction 0 jumps to 8, which is no instruction of its subprogram");
    EXPECT_EQ(graph_of("goto +1\nr1 = 5 ll\nexit").error().message,
              "instruction 0 jumps to 2, which is no instruction of its subprogram");
    EXPECT_EQ(graph_of("r0 = 1").error().message,
              "instruction 0 runs past the end of its subprogram");
}

} // namespace
} // namespace skep
