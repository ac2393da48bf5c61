// SPDX-License-Identifier: Apache-2.0
//
// Confinement: a process that runs strangers' programs gives up, for good, what it does not need.
//
// Two parts. Limits (setrlimit): no core file, no new process or thread, no locked memory, an end
// to private memory. A filter (seccomp): the system calls that confinement.cpp lists, each with its
// reason, and no other; any other ends the process at once with SIGSYS, so that whoever started it
// can tell. Files, sockets and memory come as descriptors from outside.
//
// It holds for all threads of the process, and there will be no more of them.
//
// Where the kernel has no such filter (an old one, some sandboxes) confine_process() says `false`:
// the limits hold, the filter does not. Builds with a sanitizer do without it as well, since the
// sanitizers' own runtime needs more.
//
// Proved by: confinement_test.cpp; tests/abi/worker_test.cpp.
#pragma once

#include "skep/base/result.hpp"

namespace skep::os {

// Whether the filter is in force.
Result<bool> confine_process();

} // namespace skep::os
