// SPDX-License-Identifier: Apache-2.0
//
// The daemon itself: whether it runs, how it stands, and how to end it. Nothing is started by
// asking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "skep/base/result.hpp"

namespace skep::client {

struct DaemonStatus {
    std::uint32_t pid = 0;
    std::uint64_t up_seconds = 0;
    std::uint32_t clients = 0, workers = 0, programs = 0, maps = 0, types = 0, links = 0, pins = 0,
                  attachments = 0;
};

// Nothing when none runs for this user's pin directory.
Result<std::optional<DaemonStatus>> daemon_status();

enum class Stop : std::uint8_t { when_empty, always };
// Whether there was one to stop; busy when it still serves something and that would be lost.
Result<bool> stop_daemon(Stop how);

// Where it writes what it has to say; the file may not exist yet.
std::string daemon_log_path();

} // namespace skep::client
