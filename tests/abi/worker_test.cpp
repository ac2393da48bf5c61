// SPDX-License-Identifier: Apache-2.0
//
// Workers that end when they should not: what the control process makes of it.
#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/abi/bench.hpp"

#include "skep/os/process/wait.hpp"
#include "skep/syscall/dispatcher.hpp"
#include "skep/syscall/hosts/worker_host.hpp"
#include "skep/syscall/local_caller.hpp"

namespace skep {
namespace {

using spec::Command;
using tests::address_of;

// An engine with worker processes in this process, as the daemon is one.
class Control {
  public:
    explicit Control(std::vector<std::string> words)
        : objects_(registry::Registry::create({}).value()),
          host_(syscall::WorkerHost::create(1, std::move(words)).value()),
          dispatcher_(syscall::Engine{*objects_, *host_, 1, {}, {}}) {
        objects_->on_removal([this](const registry::Object& object) { host_->forget(object); });
        host_->on_worker_end([this](const std::string& what) { told.push_back(what); });
    }

    struct Answer {
        long result = 0;
        std::string message;
    };
    // Serves the workers until the call is answered.
    Answer call(Command command, void* attributes, std::uint32_t size) {
        std::optional<Answer> answer;
        dispatcher_.call(caller_, static_cast<std::uint32_t>(command), address_of(attributes), size,
                         [&](long result, const std::string& message) {
                             answer = Answer{result, message};
                         });
        for (int i = 0; i < 500 && !answer; ++i) {
            host_->settle();
            const std::vector<int> sockets = host_->sockets();
            const auto ready = os::wait_readable(sockets, 20).value();
            for (const std::size_t index : ready) {
                host_->listen_to(sockets[index]);
            }
        }
        return answer.value_or(Answer{-ETIME, "no answer"});
    }
    [[nodiscard]] std::size_t workers() const { return host_->worker_count(); }

    std::vector<std::string> told;

  private:
    std::unique_ptr<registry::Registry> objects_;
    std::unique_ptr<syscall::WorkerHost> host_;
    syscall::Dispatcher dispatcher_;
    syscall::PinDirectory pins_{"/nonexistent"};
    std::shared_ptr<syscall::LocalCaller> caller_ = std::make_shared<syscall::LocalCaller>(pins_);
};

os::Fd load(Control& control) {
    tests::Bench bench([&](std::uint32_t command, void* attributes, std::uint32_t size) {
        return control.call(static_cast<Command>(command), attributes, size).result;
    });
    return os::duplicate(bench.program(spec::ProgramType::xdp)).value();
}

Control::Answer run(Control& control, const os::Fd& program) {
    const std::uint8_t packet[64] = {};
    abi::TestRunAttr attr{};
    attr.prog_fd = static_cast<std::uint32_t>(program.number());
    attr.data_in = address_of(packet);
    attr.data_size_in = sizeof packet;
    return control.call(Command::prog_test_run, &attr, sizeof attr);
}

TEST(Workers, ASystemCallThatIsNotTheirsEndsThemAloneAndIsReported) {
    Control control({SKEP_BINARY_DIR "/tests/breakout_worker"});
    const os::Fd program = load(control);
    const Control::Answer answer = run(control, program);
    if (answer.message.find("status 77") != std::string::npos) {
        GTEST_SKIP() << "no filter: a sanitized build, or a system without seccomp";
    }
    EXPECT_EQ(answer.result, -EIO);
    EXPECT_NE(answer.message.find("a system call that it may not make"), std::string::npos)
        << answer.message;
    ASSERT_EQ(control.told.size(), 1U);
    EXPECT_NE(control.told[0].find("SIGSYS"), std::string::npos) << control.told[0];
    EXPECT_EQ(control.workers(), 0U);
}

TEST(Workers, AnotherTakesThePlaceOfOneThatEnded) {
    Control control({SKEP_BINARY_DIR "/bin/skepd", "--worker"});
    const os::Fd program = load(control);
    EXPECT_EQ(run(control, program).result, 0);
    EXPECT_EQ(control.workers(), 1U);
    EXPECT_TRUE(control.told.empty());
}

TEST(Workers, OneThatCannotBeStartedIsAnErrorOfTheRun) {
    Control control({"/nonexistent/worker"});
    const os::Fd program = load(control);
    const Control::Answer answer = run(control, program);
    EXPECT_LT(answer.result, 0);
    EXPECT_FALSE(answer.message.empty());
    EXPECT_EQ(control.workers(), 0U);
}

} // namespace
} // namespace skep
