// SPDX-License-Identifier: Apache-2.0
//
// What a port tells about itself, in memory that the worker writes and the control process reads.
//
// One page, plain atomics without order between them: a reader may see a packet counted whose bytes
// are not yet. The state and its text are written in this order: text, then state (release).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "skep/base/result.hpp"
#include "skep/os/memory.hpp"

namespace skep::datapath {

// XDP actions by number (linux/bpf.h); anything else counts as `unknown` and drops.
enum class XdpAction : std::uint32_t { aborted = 0, drop = 1, pass = 2, tx = 3, redirect = 4 };
inline constexpr std::uint32_t kXdpActions = 5;
inline constexpr const char* kXdpActionNames[kXdpActions] = {"aborted", "drop", "pass", "tx",
                                                             "redirect"};

enum class PortState : std::uint32_t { starting, running, ended, failed };

struct PortCounters {
    std::atomic<std::uint64_t> packets;
    std::atomic<std::uint64_t> bytes;
    std::atomic<std::uint64_t> verdicts[kXdpActions];
    std::atomic<std::uint64_t> unknown_verdicts; // dropped, as the kernel drops them
    std::atomic<std::uint64_t> too_long;         // frames that no program without fragments may see
    std::atomic<std::uint64_t> too_short;        // frames below an Ethernet header
    std::atomic<std::uint64_t> not_sent;         // the queue of the device was full
    std::atomic<std::uint64_t> no_redirect_target;
    std::atomic<std::uint64_t> faults;      // runs that a fault ended; counted as aborted too
    std::atomic<std::uint64_t> run_time_ns; // of the program, loop included
    std::atomic<PortState> state;
    char failure[256]; // why, when state is failed
};
static_assert(sizeof(PortCounters) <= 4096);

// The counters in shared memory: made by the control process, opened by the worker.
class SharedCounters {
  public:
    static Result<SharedCounters> create();
    static Result<SharedCounters> open(os::Fd memfd);

    [[nodiscard]] PortCounters& operator*() const;
    [[nodiscard]] PortCounters* operator->() const { return &**this; }
    [[nodiscard]] const os::Fd& fd() const { return fd_; }

    // "running", "ended", or "failed: why".
    [[nodiscard]] std::string state_text() const;
    void fail(const std::string& why) const;

  private:
    SharedCounters(os::Fd fd, os::Mapping mapping)
        : fd_(std::move(fd)), mapping_(std::move(mapping)) {}
    os::Fd fd_;
    os::Mapping mapping_;
};

} // namespace skep::datapath
