// SPDX-License-Identifier: Apache-2.0
#include "skep/os/command.hpp"

#include <gtest/gtest.h>

#include "skep/os/files.hpp"

namespace skep::os {
namespace {

TEST(Command, OutputAndStatusAreKept) {
    const CommandResult result =
        run_command({"sh", "-c", "echo out; echo err >&2; exit 3"}).value();
    EXPECT_EQ(result.output, "out\nerr\n");
    EXPECT_EQ(result.exit_status, 3);
    EXPECT_EQ(run_command({"sh", "-c", "kill -9 $$"}).value().exit_status, 137);
    EXPECT_EQ(run_command({"no-such-program-here"}).error().code, Code::not_found);
}

TEST(Command, OutputIsBounded) {
    EXPECT_EQ(run_command({"sh", "-c", "yes | head -c 100000"}, 1000).value().output.size(), 1000U);
}

TEST(Command, ABackgroundCommandEndsWhenToldTo) {
    const std::string file = testing::TempDir() + "skep_command_test";
    {
        const auto command =
            BackgroundCommand::start({"sh", "-c", "echo started; exec sleep 100"}, file).value();
        for (int i = 0; i < 1000 && read_file(file).value().empty(); ++i) {
            ASSERT_TRUE(run_command({"sleep", "0.01"}).ok());
        }
    }
    EXPECT_EQ(read_file(file).value().size(), 8U);
}

} // namespace
} // namespace skep::os
