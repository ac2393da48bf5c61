// SPDX-License-Identifier: Apache-2.0
//
// Whether anybody looks: colour and progress are for terminals alone.
#pragma once

namespace skep::os {

// Standard output is a terminal and NO_COLOR is not set (no-color.org).
bool wants_colour();
// Standard error is a terminal, and standard output goes elsewhere: what is printed there would
// tell a person of the progress by itself.
bool wants_progress();

} // namespace skep::os
