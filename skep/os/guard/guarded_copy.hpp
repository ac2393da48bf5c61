// SPDX-License-Identifier: Apache-2.0
//
// Data plane. A copy that may fail: for memory that was never proved to be there.
//
// The copy is one routine with known bounds and no stack of its own. When it faults, the handler of
// run/code/guard.hpp resumes it at its failing end; without that handler a fault is a fault.
//
// Proved by: run/code/guard_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skep::os {

// Copies, and says whether all of it could be done. After a failure some bytes may have been
// copied.
bool copy_guarded(void* to, const void* from, std::size_t size_bytes);

// Where the routine lies, and where it goes on after a fault; all zero where there is none.
struct GuardedCopyBounds {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::uintptr_t failed = 0;
};
GuardedCopyBounds guarded_copy_bounds();

} // namespace skep::os
