// SPDX-License-Identifier: Apache-2.0
//
// A forked copy of this process that does one thing and ends: for tests of what several processes
// share.
#pragma once

#include <functional>

namespace skep::os {

// The child's process id; a negative errno when there is none. The child runs `work` and ends at
// once, without running destructors or exit handlers.
int fork_and_run(const std::function<void()>& work);
// For a child that must not end when its parent is interrupted: it leaves the terminal's group.
void leave_terminal();
// Its exit status, 128 + signal when a signal ended it.
int wait_for(int process_id);
// Ends it where it stands.
void kill_and_wait(int process_id);

} // namespace skep::os
