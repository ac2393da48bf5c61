// SPDX-License-Identifier: Apache-2.0
//
// Code for any machine of this kind: what is done without the newer instructions gives the same.
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/jit/compile.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

std::uint64_t run_on_any(const verify::VerifiedProgram& program) {
    auto image = run::jit::compile(program, {}, {.processor = run::jit::Processor::any});
    EXPECT_TRUE(image.ok());
    EXPECT_TRUE(run::jit::bind(*image, {}).ok());
    auto executable = run::jit::make_runnable(std::move(image).value());
    EXPECT_TRUE(executable.ok());
    helpers::Invocation invocation;
    return (*executable)->run(nullptr, invocation);
}

TEST(Baseline, ShiftsByEveryRegisterAndKeepsTheOthers) {
    if (engines().back().name != "jit") {
        GTEST_SKIP() << "there is no code generator for this machine";
    }
    for (const std::string_view operation : {"<<=", ">>=", "s>>="}) {
        for (int pair = 0; pair < 2 * 10 * 10; ++pair) {
            const std::string_view size = pair % 2 == 0 ? "r" : "w";
            std::string text;
            for (int reg = 0; reg < 10; ++reg) {
                text += "r" + std::to_string(reg) + " = " +
                        std::to_string(-1000000007LL * (reg + 3)) + " ll\n";
            }
            text += std::string(size) + std::to_string(pair / 2 % 10) + " " +
                    std::string(operation) + " " + std::string(size) + std::to_string(pair / 20) +
                    "\n";
            for (int reg = 1; reg < 10; ++reg) {
                text += "r0 *= 31\nr0 += r" + std::to_string(reg) + "\n";
            }
            const auto assembled = assemble(text + "exit");
            ASSERT_TRUE(assembled.ok()) << assembled.error().message;
            const auto program = unchecked(assembled->insns);
            const auto wanted = run_once(engines().front(), program, nullptr);
            ASSERT_TRUE(wanted.ok());
            EXPECT_EQ(run_on_any(program), *wanted) << text;
        }
    }
}

} // namespace
} // namespace skep::tests
