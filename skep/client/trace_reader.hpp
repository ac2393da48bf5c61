// SPDX-License-Identifier: Apache-2.0
//
// A reader of the engine's trace ring, at its own place in it.
#pragma once

#include <memory>

#include "skep/client/transport.hpp"
#include "skep/os/fd.hpp"

namespace skep::client {

Result<std::unique_ptr<TraceReader>> make_ring_reader(os::Fd ring);

} // namespace skep::client
