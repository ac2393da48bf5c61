// SPDX-License-Identifier: Apache-2.0
//
// Data plane (the writer). The trace ring: lines of bpf_printk on their way to whoever watches.
//
// A ring of equal slots in shared memory. A writer takes a ticket (one atomic add), marks the slot
// of that ticket as being written, copies the line and marks it done; it never waits and never
// looks for readers. Each reader walks the tickets with a cursor of its own, so any number of them
// see every line; a line that was overwritten before a reader came to it is counted by that reader
// as lost. A slot whose writer was killed half way is skipped, and counted, once later slots are
// done. A writer that finds another one still in its slot, a whole ring behind, passes: its line is
// lost at once. Who is kLapsAlive rings behind counts as dead, and its slot is taken.
//
//   header: magic, slots, head (next ticket)        one page
//   slot:   state, time_ns, cpu, pid, size, passed, comm, text
//           state = 2 * ticket + 1 while being written, 2 * ticket + 2 when done
//           passed = the last ticket that was not written, plus 1 (low 32 bits)
//
// Everything a reader or writer finds in the memory is checked before use: a peer may write to it.
//
// Proved by: trace_ring_test.cpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"
#include "skep/os/memory.hpp"

namespace skep::os {

// What one line carries beside its text.
struct TraceLine {
    std::uint64_t time_ns = 0; // CLOCK_MONOTONIC
    std::uint32_t cpu = 0;     // slot of the run
    std::uint32_t pid = 0;     // of the process that ran the program
    std::string comm;          // its name, at most 15 bytes
    std::string text;          // without newline
};

class TraceRing {
  public:
    static constexpr std::uint32_t kTextBytes = 976; // longer lines are cut
    static constexpr std::uint32_t kSlots = 1024;
    static constexpr std::uint32_t kLapsAlive = 8;

    // A new ring, and the same ring in another process or for another reader.
    static Result<TraceRing> create();
    static Result<TraceRing> open(Fd memfd);

    // Appends a line. Data plane: no allocation, no waiting.
    void write(std::uint64_t time_ns, std::uint32_t cpu, std::uint32_t pid, std::string_view comm,
               std::string_view text) const;

    [[nodiscard]] const Fd& fd() const { return fd_; }

  private:
    friend class TraceCursor;
    struct Header;
    struct Slot;
    TraceRing(Fd fd, Mapping mapping) : fd_(std::move(fd)), mapping_(std::move(mapping)) {}
    [[nodiscard]] Header& header() const;
    [[nodiscard]] Slot& slot(std::uint64_t ticket) const;
    [[nodiscard]] bool claim(Slot& place, std::uint64_t ticket) const;

    Fd fd_;
    Mapping mapping_;
};

// One reader's place in a ring. It begins with the next line to be written.
class TraceCursor {
  public:
    explicit TraceCursor(const TraceRing& ring); // the ring must outlive the cursor

    // The next line that is done, or nothing when there is none yet.
    std::optional<TraceLine> next();
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

  private:
    [[nodiscard]] bool abandoned(std::uint64_t ticket, std::uint64_t head) const;

    const TraceRing& ring_;
    std::uint64_t ticket_ = 0;
    std::uint64_t lost_ = 0;
};

// The line as the kernel's trace_pipe shows it:
//   "         skepd-4242    [000] ..... 1000.000001: bpf_trace_printk: packet number 1"
std::string trace_pipe_form(const TraceLine& line);

} // namespace skep::os
