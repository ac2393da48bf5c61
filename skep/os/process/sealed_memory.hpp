// SPDX-License-Identifier: Apache-2.0
//
// Payloads that are too long for a message: a memfd whose size and contents are sealed, so that the
// reader may look at it without fearing that it changes or shrinks meanwhile.
//
// Proved by: sealed_memory_test.cpp.
#pragma once

#include <string>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

Result<Fd> make_sealed_memory(const std::string& name, Bytes bytes);

// invalid_input when it is not sealed, too_big above the limit.
Result<ByteVector> read_sealed_memory(const Fd& memory, std::size_t limit_bytes);

} // namespace skep::os
