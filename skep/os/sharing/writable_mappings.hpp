// SPDX-License-Identifier: Apache-2.0
//
// Who could write to a file through memory: its shared mappings that are, or may become, writable.
//
// The kernel counts them for itself and tells nobody, so they are looked for where it lists every
// process's mappings (/proc/PID/maps). That is slow (some microseconds for each mapping of each
// process of this user) and sees a moment: fit for a question asked once in a map's life.
//
// Limits: processes that hide their mappings from us (not dumpable, another user's) are not seen; a
// mapping that was made read-only with mprotect is not seen either and may be made writable again.
//
// Proved by: writable_mappings_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "skep/os/process/handle.hpp"

namespace skep::os {

// Whether any process maps the file shared and writable, other than those named and, in this
// process, the mapping that holds `own_address` (null: none of ours is left out).
bool is_mapped_to_write(FileIdentity file, std::span<const int> other_than,
                        const void* own_address);

} // namespace skep::os
