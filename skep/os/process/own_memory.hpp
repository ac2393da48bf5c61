// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing addresses of this process that may be wrong.
//
// A bpf(2) caller hands over addresses, and a bad one must give EFAULT and not a crash. The kernel
// copies for us (process_vm_readv on ourselves), because it alone can try. Where a container
// forbids that, the address is used as it is.
//
// Proved by: own_memory_test.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "skep/base/bytes.hpp"

namespace skep::os {

// bad_address when any byte cannot be read (written); nothing of `target` is promised then.
Result<void> read_own_memory(std::uint64_t address, MutableBytes target);
Result<void> write_own_memory(std::uint64_t address, Bytes source);

// The text at `address` up to its zero, cut at `limit` bytes; bad_address when unreadable memory
// comes before either.
Result<std::string> read_own_text(std::uint64_t address, std::size_t limit);

} // namespace skep::os
