// SPDX-License-Identifier: Apache-2.0
//
// The compiler as a process of its own.
//
// A compiler that stands on a large library may hang, use up memory or end its process: all of that
// happens elsewhere. skep-compiler waits at a socket with the library loaded; for every job it
// makes a confined copy of itself that compiles, bounded in time and memory, and answers with the
// image or with how the copy came to its end. The cache is looked into and filled by the waiting
// process, which never sees a program's code run and reads what the copy answers as a stranger's
// bytes.
//
//   whoever runs programs ──job──▶ skep-compiler ──fork──▶ copy: lift, optimise, emit
//                         ◀─image or error─┘   ◀──pipe──────┘
//
// Closing the socket ends the process at its next look; CompilerProcess ends it at once. Workers
// are handed one end of the socket when they start, for they may start nothing themselves.
//
// Proved by: tests/jit/compiler_process_test.cpp.
#pragma once

#include <memory>

#include "skep/os/fd.hpp"
#include "skep/os/process/service_process.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/optimised/optimiser.hpp"

namespace skep::run {

inline constexpr const char* kCompilerProgram = "skep-compiler";

struct CompileBounds {
    std::uint32_t milliseconds = 10'000;      // then the compile is given up
    std::uint32_t milliseconds_improving = 0; // then it goes on without improving; 0: never
    std::uint64_t private_bytes = 1ULL << 30;
};

// One end of a socket to a compiler. One job at a time.
class CompilerLink {
  public:
    explicit CompilerLink(os::Fd socket) : socket_(std::move(socket)) {}

    Result<void> send(const OptimiserJob& job, const CompileBounds& bounds, CacheUse cache);
    // Waits for the answer, but no longer than until `stop` can be read: then fails with again, and
    // the link is of no more use.
    Result<Compiled> receive(int stop = -1);
    // When it can be read, receive() does not wait.
    [[nodiscard]] int fd() const { return socket_.number(); }

  private:
    os::Fd socket_;
};

class CompilerProcess {
  public:
    static Result<std::unique_ptr<CompilerProcess>> start();
    // A process whose other end is handed on.
    static Result<std::pair<os::ServiceProcess, os::Fd>> start_with_socket();

    CompilerLink& link() { return link_; }

  private:
    CompilerProcess(os::ServiceProcess process, os::Fd socket)
        : process_(std::move(process)), link_(std::move(socket)) {}
    os::ServiceProcess process_;
    CompilerLink link_;
};

// What the process does until the other end of the socket is closed.
Result<void> serve_compiler(const os::Fd& socket);

} // namespace skep::run
