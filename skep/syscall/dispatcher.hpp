// SPDX-License-Identifier: Apache-2.0
//
// Dispatcher: bpf(2), whoever calls.
//
// One function with the system call's own shape: a command, the address of its attributes, their
// size; 0, a new descriptor or a negative errno comes back. Addresses and descriptors are the
// caller's (caller.hpp): an embedding program's own, or what came with a message to the daemon.
//
// Its work in order: copy the attributes in once, check them by the command's row in
// spec/commands.def, act (commands/, one file for each group), copy out.
//
// Proved by: tests/abi (the same calls against this and against the kernel), fuzz/bpf_attr.
#pragma once

#include <cstdint>
#include <memory>

#include "skep/syscall/call.hpp"

namespace skep::syscall {

class Dispatcher {
  public:
    explicit Dispatcher(Engine engine) : engine_(std::move(engine)) {}

    // `done` is called exactly once, before this returns unless the command takes long.
    void call(std::shared_ptr<Caller> caller, std::uint32_t command, std::uint64_t attributes,
              std::uint32_t size, Done done);

    [[nodiscard]] Engine& engine() { return engine_; }

  private:
    Engine engine_;
};

} // namespace skep::syscall
