// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/debugger.hpp"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "skep/os/command.hpp"
#include "skep/os/files.hpp"

extern "C" {
struct jit_code_entry;
struct jit_descriptor {
    std::uint32_t version;
    std::uint32_t action_flag;
    jit_code_entry* relevant_entry;
    jit_code_entry* first_entry;
};
extern jit_descriptor __jit_debug_descriptor; // NOLINT: the interface's name
}

namespace skep::run::code {
namespace {

const std::array<std::uint8_t, 64> kCode{};
const std::array<std::string, 2> kNames{"bpf_prog_hello", "bpf_prog_hello_F1"};

CodeListing two_functions() { return {kCode, 0x7f0000001000, {}, {0, 48}}; }

TEST(Debugger, IsToldOfCodeAsLongAsItLives) {
    jit_code_entry* const before = __jit_debug_descriptor.first_entry;
    {
        DebuggerEntry one(two_functions(), kNames);
        EXPECT_NE(__jit_debug_descriptor.first_entry, before);
        const DebuggerEntry other(two_functions(), kNames);
        const DebuggerEntry moved = std::move(one);
    }
    EXPECT_EQ(__jit_debug_descriptor.first_entry, before);
    EXPECT_EQ(__jit_debug_descriptor.version, 1U);
}

TEST(Debugger, TheObjectNamesEverySubprogramForReadelf) {
    const std::string path = testing::TempDir() + "skep_debug_object.o";
    ASSERT_TRUE(os::write_file(path, debug_object(two_functions(), kNames)).ok());
    const auto output = os::run_command({"readelf", "-sW", path});
    if (!output.ok()) {
        GTEST_SKIP() << "readelf is not installed";
    }
    EXPECT_NE(output->output.find("0000000000000000    48 FUNC    GLOBAL DEFAULT    1 "
                                  "bpf_prog_hello\n"),
              std::string::npos)
        << output->output;
    EXPECT_NE(output->output.find("0000000000000030    16 FUNC    GLOBAL DEFAULT    1 "
                                  "bpf_prog_hello_F1"),
              std::string::npos)
        << output->output;
}

} // namespace
} // namespace skep::run::code
