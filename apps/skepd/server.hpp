// SPDX-License-Identifier: Apache-2.0
//
// The daemon's event loop: one thread, which never waits for a client and never runs a program.
#pragma once

#include <string>

#include "skep/base/result.hpp"

namespace skep::daemon {

// Serves the pin directory until idle and empty for a while, or told to stop.
Result<void> serve(const std::string& pin_directory);

} // namespace skep::daemon
