// SPDX-License-Identifier: Apache-2.0
//
// DaemonBench: a daemon of the test's own, with a pin directory of its own, ended with the test.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/abi/bench.hpp"

#include "skep/client/daemon_control.hpp"
#include "skep/client/transport.hpp"
#include "skep/os/files.hpp"
#include "skep/os/storage/private_directory.hpp"

namespace skep::tests {

class DaemonBench {
  public:
    DaemonBench() : directory_(os::make_temporary_directory("skep-test").value()) {
        ::setenv("SKEP_BPFFS", pins().c_str(), 1);
        ::setenv("SKEP_DAEMON", SKEP_BINARY_DIR "/bin/skepd", 1);
        reconnect();
    }
    DaemonBench(const DaemonBench&) = delete;
    DaemonBench& operator=(const DaemonBench&) = delete;
    ~DaemonBench() {
        engine_.reset();
        if (testing::Test::HasFailure()) {
            const auto log = os::read_file(client::daemon_log_path());
            if (log.ok()) {
                std::fwrite(log->data(), 1, log->size(), stderr);
            }
        }
        EXPECT_TRUE(client::stop_daemon(client::Stop::always).ok());
        wait_until([] { return !client::daemon_status().value(); });
        os::remove_directory(directory_);
    }

    // Another client in place of the one before.
    void reconnect() { engine_ = client::connect_daemon().value(); }
    [[nodiscard]] client::Transport& engine() { return *engine_; }
    [[nodiscard]] Bench bench() {
        return Bench([this](std::uint32_t command, void* attributes, std::uint32_t size) {
            return engine_->bpf(command, attributes, size);
        });
    }
    [[nodiscard]] std::string pins() const { return directory_ + "/bpf"; }
    [[nodiscard]] static client::DaemonStatus status() {
        return client::daemon_status().value().value_or(client::DaemonStatus{});
    }

    // The verdicts of the first attachment, as soon as they are so many.
    std::vector<std::uint64_t> verdicts_when(std::uint64_t sum) {
        std::vector<std::uint64_t> verdicts(5);
        wait_until([&] {
            const auto all = engine_->xdp_list(std::nullopt);
            verdicts = all.ok() && !all->empty() ? all->front().verdicts : verdicts;
            std::uint64_t seen = 0;
            for (const std::uint64_t each : verdicts) {
                seen += each;
            }
            return seen >= sum;
        });
        return verdicts;
    }

    // At most some seconds.
    template <class Condition>
    static bool wait_until(Condition condition) {
        constexpr timespec kPause{0, 10'000'000};
        for (int i = 0; i < 1000; ++i) {
            if (condition()) {
                return true;
            }
            ::nanosleep(&kPause, nullptr);
        }
        return false;
    }

  private:
    std::string directory_;
    std::unique_ptr<client::Transport> engine_;
};

} // namespace skep::tests
