// SPDX-License-Identifier: Apache-2.0
//
// Data plane, but for adding and removing. Where packets go that a program redirected: the ports
// that one port can send to, by number (an interface's index, or a capture's number).
//
// bpf_redirect names the number itself; device maps hold it in their entries, with a program that
// may have a last look; an entry of a CPU map means: on with it, as if passed, after its program.
// What names no port here is dropped, and whoever asks counts it. An observed interface is no
// target: it is looked at, and nothing is sent there.
//
// Ports come and go while packets flow. add() and remove() leave a note, under a lock; the loop
// takes the notes over between two batches (begin_batch()), which costs it one load when there are
// none.
//
// Proved by: redirects_test.cpp; tests/journeys/run_redirect.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/datapath/port_spec.hpp"
#include "skep/datapath/xdp_run.hpp"

namespace skep::datapath {

// Something that takes packets.
class PacketSink {
  public:
    virtual ~PacketSink() = default;
    // False when it was full.
    virtual bool send(Bytes packet, std::uint64_t time_ns) = 0;
    // What was kept back until the batch is over.
    virtual void flush() {}
};

// Of what a port sends through: its TAP, or the capture it writes. `unsupported` for a port that
// takes no packets from others.
Result<std::unique_ptr<PacketSink>> make_sink(const PortSpec& port, os::Fd file);

enum class Redirected : std::uint8_t {
    sent,      // or dropped by the program of the map's entry, as it said
    passed,    // to another CPU: goes on as if it had been passed
    not_sent,  // the queue of the device was full
    no_target, // nothing to send to under that number
};

class Redirects {
  public:
    // The port itself, under its own number; stays valid as long as packets are sent.
    void set_own(std::uint32_t number, PacketSink& sink);

    // Any thread. A number that is there already is replaced.
    void add(std::uint32_t number, std::unique_ptr<PacketSink> sink);
    void remove(std::uint32_t number);

    // The loop's thread.
    void begin_batch() {
        if (has_notes_.load(std::memory_order_acquire)) {
            take_notes();
        }
    }
    Redirected deliver(XdpRun& run, std::uint64_t time_ns);
    void end_batch();

  private:
    struct Target {
        std::uint32_t number = 0;
        PacketSink* sink = nullptr;
        std::unique_ptr<PacketSink> owned; // null for the port itself
        bool has_waiting = false;
    };
    void take_notes();
    Target* find(std::uint32_t number);
    Redirected send(XdpRun& run, std::uint32_t number, std::uint64_t time_ns);
    Redirected send_by_entry(XdpRun& run, std::uint32_t number, std::uint32_t program_id,
                             std::uint64_t time_ns);
    Redirected send_to_all(XdpRun& run, maps::Map& map, std::uint64_t time_ns);

    std::vector<Target> targets_;
    XdpRun::Snapshot snapshot_{};
    std::atomic<bool> has_notes_ = false;
    std::mutex lock_;
    std::vector<Target> notes_; // in order; without a sink: to be removed
};

} // namespace skep::datapath
