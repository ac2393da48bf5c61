// SPDX-License-Identifier: Apache-2.0
//
// A program that runs often, as a worker has it: it is compiled elsewhere, exchanged while it runs,
// and what came before is freed between two batches.
#include "skep/workers/tier_up.hpp"

#include <array>
#include <functional>

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/run/tiers.hpp"
#include "skep/verify/verify.hpp"

namespace skep::workers {
namespace {

constexpr std::uint32_t kOften = 1000;

std::shared_ptr<const verify::VerifiedProgram> verified(const std::string& text) {
    ProgramSpec program;
    program.type = spec::ProgramType::socket_filter;
    program.license = "GPL";
    program.insns = assemble(text).value().insns;
    auto outcome = verify::verify(program, {});
    EXPECT_TRUE(outcome.program.has_value()) << outcome.message;
    return std::make_shared<const verify::VerifiedProgram>(std::move(*outcome.program));
}

class TieringUp : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto available = run::check_available(run::Tier::llvm); !available.ok()) {
            GTEST_SKIP() << available.error().message;
        }
        auto started = run::CompilerProcess::start_with_socket();
        ASSERT_TRUE(started.ok()) << started.error().message;
        process_.emplace(std::move(started->first));
        tier_up_.use(std::move(started->second));
        ASSERT_TRUE(table_.add_program(7, verified("r0 = 42\nexit"), {}).ok());
    }

    std::uint64_t run(std::uint32_t id) {
        helpers::Invocation invocation;
        invocation.services = &table_.services();
        return table_.entry(id)->run(nullptr, invocation);
    }
    void wait_for_the_answer() {
        const std::array<int, 1> fds{tier_up_.fd()};
        ASSERT_GE(fds[0], 0);
        ASSERT_FALSE(os::wait_readable(fds, 60'000).value().empty());
        tier_up_.hear(table_);
    }

    ProgramTable table_{nullptr, nullptr};
    std::optional<os::ServiceProcess> process_;
    TierUp tier_up_;
};

TEST_F(TieringUp, ExchangesAProgramThatRanOftenAndNoOther) {
    ASSERT_TRUE(table_.add_program(8, verified("r0 = 43\nexit"), {}).ok());
    for (std::uint32_t i = 0; i < kOften; ++i) {
        tier_up_.ask(table_);
        ASSERT_LT(tier_up_.fd(), 0) << i;
        ASSERT_EQ(run(7), 42U);
    }
    EXPECT_EQ(table_.entry(7)->tier(), run::Tier::jit);
    tier_up_.ask(table_);
    wait_for_the_answer();
    EXPECT_EQ(table_.entry(7)->tier(), run::Tier::llvm);
    EXPECT_EQ(run(7), 42U);
    table_.reclaim();
    EXPECT_EQ(run(7), 42U);
    EXPECT_EQ(table_.entry(8)->tier(), run::Tier::jit);
    tier_up_.ask(table_);
    EXPECT_LT(tier_up_.fd(), 0) << "it is asked for once";
}

// A test run has a thread of its own and may be anywhere in a program: here it asks for the time,
// and is answered when the code has been exchanged.
TEST_F(TieringUp, KeepsOldCodeUntilItIsReclaimed) {
    ASSERT_TRUE(table_.add_program(9, verified("call 5\nr0 += 7\nexit"), {}).ok());
    for (std::uint32_t i = 0; i < kOften; ++i) {
        run(9);
    }
    int asked = 0;
    std::function<void()> in_the_middle = [&] {
        if (asked++ == 0) {
            tier_up_.ask(table_);
            wait_for_the_answer();
        }
    };
    helpers::Services services;
    services.owner = &in_the_middle;
    services.clock_ns = [](void* owner, int) -> std::uint64_t {
        (*static_cast<std::function<void()>*>(owner))();
        return 1000;
    };
    helpers::Invocation invocation;
    invocation.services = &services;
    EXPECT_EQ(table_.entry(9)->run(nullptr, invocation), 1007U);
    EXPECT_EQ(table_.entry(9)->tier(), run::Tier::llvm);
    table_.reclaim();
    EXPECT_EQ(table_.entry(9)->run(nullptr, invocation), 1007U);
    EXPECT_EQ(asked, 2);
}

TEST_F(TieringUp, ForgetsAProgramThatWentAwayMeanwhile) {
    for (std::uint32_t i = 0; i < kOften; ++i) {
        run(7);
    }
    tier_up_.ask(table_);
    table_.remove_program(7);
    table_.reclaim();
    ASSERT_TRUE(table_.add_program(7, verified("r0 = 44\nexit"), {}).ok());
    wait_for_the_answer();
    EXPECT_EQ(table_.entry(7)->tier(), run::Tier::jit);
    EXPECT_EQ(run(7), 44U);
}

TEST_F(TieringUp, GoesOnWithoutACompilerThatIsGone) {
    for (std::uint32_t i = 0; i < kOften; ++i) {
        run(7);
    }
    process_.reset();
    tier_up_.ask(table_);
    if (tier_up_.fd() >= 0) {
        wait_for_the_answer();
    }
    EXPECT_LT(tier_up_.fd(), 0);
    EXPECT_EQ(run(7), 42U);
    tier_up_.ask(table_);
    EXPECT_LT(tier_up_.fd(), 0);
}

} // namespace
} // namespace skep::workers
