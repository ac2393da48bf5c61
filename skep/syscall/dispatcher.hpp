// SPDX-License-Identifier: Apache-2.0
//
// Dispatcher: bpf(2) in this process.
//
// One function with the system call's own shape: a command, its attributes, their size; 0, a new
// descriptor or a negative errno comes back. Every address in the attributes is one of this process:
// an embedding program calls it directly, the daemon calls it on copies that it unpacked from a
// message (wire.hpp). Descriptors are real ones of this process (memfds named bpf-map, bpf-prog, ...).
//
// Its work in order: copy the attributes in once, check them by the command's row in
// spec/commands.def, act, copy out.
#pragma once

#include <cstdint>
#include <memory>

#include "skep/base/result.hpp"

namespace skep::registry {
class Registry;
}

namespace skep::syscall {

// On whose behalf a call is made.
struct Caller {
    std::uint32_t uid = 0;
    std::uint32_t pid = 0;
    std::uint64_t network_namespace = 0; // inode
};

class Dispatcher {
  public:
    explicit Dispatcher(registry::Registry& registry);
    ~Dispatcher();

    long call(const Caller& caller, std::uint32_t command, void* attributes, std::uint32_t size);

  private:
    registry::Registry& registry_;
};

} // namespace skep::syscall
