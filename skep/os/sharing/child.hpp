// SPDX-License-Identifier: Apache-2.0
//
// A forked copy of this process that does one thing and ends: for tests of what several processes
// share.
#pragma once

#include <cstdint>
#include <functional>

namespace skep::os {

// The child's process id; a negative errno when there is none. The child runs `work` and ends at
// once, without running destructors or exit handlers.
int fork_and_run(const std::function<void()>& work);
// For a child that must not end when its parent is interrupted: it leaves the terminal's group.
void leave_terminal();
// For a child: no further thread or process can be started by it. It gives up its rights, since
// root has room always; false when they cannot be limited.
bool give_up_threads();
// Its exit status, 128 + signal when a signal ended it.
int wait_for(int process_id);
// Ends it where it stands.
void kill_and_wait(int process_id);

// Runs `before` and then `work` in a forked child, `work` one machine instruction after the other,
// and kills it after so many of them. Answers with the instructions that it took: fewer than
// `most` when the work was done. A negative errno where nobody may be watched so.
std::int64_t kill_after_instructions(const std::function<void()>& before,
                                     const std::function<void()>& work, std::int64_t most);

} // namespace skep::os
