// SPDX-License-Identifier: Apache-2.0
//
// The log buffer of PROG_LOAD and BTF_LOAD.
//
// A text that does not fit is cut, and the call answers ENOSPC whatever else it would have: at the
// front by default (the end of a verifier's log says why), at the end when the caller asked for a
// fixed buffer. The size that would have sufficed is told either way.
//
// Proved by: log_buffer_test.cpp.
#pragma once

#include <cstdint>
#include <string_view>

#include "skep/syscall/caller.hpp"

namespace skep::syscall {

struct LogWritten {
    std::uint32_t true_size = 0; // with its zero; 0 when no log was wanted
    bool was_cut = false;
};

struct LogBuffer {
    std::uint32_t level = 0;
    std::uint32_t size_bytes = 0;
    std::uint64_t address = 0;

    // invalid_input unless level, size and address belong together.
    [[nodiscard]] Result<void> check() const;
    [[nodiscard]] bool is_wanted() const { return level != 0; }
    Result<LogWritten> write(Caller& caller, std::string_view text) const;
};

} // namespace skep::syscall
