// SPDX-License-Identifier: Apache-2.0
//
// TierUp: programs that ran often in this worker become optimised code while packets flow.
//
// A worker may start nothing and opens no file, so whoever started it hands it a socket to a
// process that compiles (run/optimised/compiler_process.hpp). Between two batches the worker asks
// it for the next program that ran often, and later takes the image that comes back, binds it to
// its own maps and exchanges the code by one atomic store. Packets wait for that as long as it
// takes to copy an image, tens of microseconds, and never for the compile.
//
//   batch, batch, ask ──job──▶ skep-compiler      batch, batch, batch, hear ◀──image── exchange
//
// What cannot be compiled stays one-pass code; the worker's log says why.
//
// Control plane, on the worker's own thread. Proved by: tier_up_test.cpp.
#pragma once

#include <optional>

#include "skep/run/optimised/compiler_process.hpp"
#include "skep/workers/program_table.hpp"

namespace skep::workers {

class TierUp {
  public:
    void use(os::Fd socket) { link_.emplace(std::move(socket)); }
    // Hands over the next program that ran often, when nothing is being waited for.
    void ask(ProgramTable& table);
    // Can be read when there is an answer; below zero while none is expected.
    [[nodiscard]] int fd() const { return asked_.has_value() ? link_->fd() : -1; }
    void hear(ProgramTable& table);

  private:
    Result<void> try_to_ask(const HotProgram& hot);
    void forget_if_gone(const Error& why);

    std::optional<run::CompilerLink> link_;
    std::optional<HotProgram> asked_;
};

} // namespace skep::workers
