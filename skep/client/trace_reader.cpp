// SPDX-License-Identifier: Apache-2.0
#include "skep/client/trace_reader.hpp"

#include <algorithm>

#include "skep/os/machine.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/os/trace_ring.hpp"

namespace skep::client {
namespace {

// A writer never wakes anybody, so a waiting reader looks again: soon at first, then every so
// often.
constexpr int kFirstPauseMs = 1;
constexpr int kLongestPauseMs = 20;

class RingReader final : public TraceReader {
  public:
    explicit RingReader(os::TraceRing ring) : ring_(std::move(ring)), cursor_(ring_) {}

    Result<std::optional<std::string>> next_line(int timeout_ms) override {
        const std::uint64_t start_ns = os::steady_time_ns();
        for (int pause_ms = kFirstPauseMs;; pause_ms = std::min(2 * pause_ms, kLongestPauseMs)) {
            if (const auto line = cursor_.next()) {
                return std::optional<std::string>(os::trace_pipe_form(*line));
            }
            const auto waited_ms =
                static_cast<std::int64_t>((os::steady_time_ns() - start_ns) / 1'000'000);
            if (timeout_ms >= 0 && waited_ms >= timeout_ms) {
                return std::optional<std::string>();
            }
            TRY(os::wait_readable({}, pause_ms));
        }
    }

    [[nodiscard]] std::uint64_t lost() const override { return cursor_.lost(); }

  private:
    os::TraceRing ring_;
    os::TraceCursor cursor_;
};

} // namespace

Result<std::unique_ptr<TraceReader>> make_ring_reader(os::Fd ring) {
    os::TraceRing opened = TRY(os::TraceRing::open(std::move(ring)));
    return std::unique_ptr<TraceReader>(std::make_unique<RingReader>(std::move(opened)));
}

} // namespace skep::client
