// SPDX-License-Identifier: Apache-2.0
//
// Data plane. A port at work: frames in, the program's verdict on each, frames out.
//
// A port is driven from outside in batches: whoever runs it waits for readiness, calls run_batch()
// and may exchange the program or stop between two batches. One virtual call a batch; inside, the
// loop is compiled for the kind of device.
//
//   verdict     capture                tap                     observe
//   PASS        written to OUT         ends here               counted
//   TX          written to OUT         back into the TAP       counted
//   DROP        -                      -                       counted
//   ABORTED     -, and counted apart   the same                counted
//   REDIRECT    to the port that it names (redirects.hpp)      counted
//
// Proved by: port_test.cpp.
#pragma once

#include <cstdint>
#include <memory>

#include "skep/datapath/port_counters.hpp"
#include "skep/datapath/port_spec.hpp"
#include "skep/datapath/redirects.hpp"
#include "skep/datapath/xdp_run.hpp"

namespace skep::datapath {

enum class Progress : std::uint8_t {
    more,  // call again at once
    idle,  // wait until waiting_on() is readable
    ended, // a capture has been replayed; nothing will come any more
    failed // the counters say why
};

class Port {
  public:
    virtual ~Port() = default;
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    // Up to `budget` frames through the program that `run` holds.
    virtual Progress run_batch(XdpRun& run, std::uint32_t budget) = 0;
    // The descriptor to poll for reading after `idle`, or -1 for a port that is never idle.
    [[nodiscard]] virtual int waiting_on() const = 0;

  protected:
    Port() = default;
};

// Makes a port of files that open_port_files() opened, here or in another process.
// Redirected packets leave through `redirects`, which has to outlive the port.
Result<std::unique_ptr<Port>> make_port(OpenedPort opened, const SharedCounters& counters,
                                        Redirects& redirects);

} // namespace skep::datapath
