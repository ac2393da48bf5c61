// SPDX-License-Identifier: Apache-2.0
//
// Worker: the other end of the protocol, in a process of its own. It runs programs and does nothing
// else; it may die at any moment without anything but its own runs being lost.
//
// Orders are taken between two batches of packets, and at any time during a test run, which has a
// thread of its own. It ends when the control process closes its end.
//
// Before the first order it is confined (os/confined/confinement.hpp): generated code that broke
// out of what was verified would find no file, no socket but its own, and no other process. Not so
// where SKEP_PERF_MAP asks for names in files.
#pragma once

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::workers {

// Until the control process goes away; an error when the first order is not what it should be.
Result<void> run_worker(os::Fd control);

} // namespace skep::workers
