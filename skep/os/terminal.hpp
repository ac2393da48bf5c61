// SPDX-License-Identifier: Apache-2.0
//
// Whether anybody looks: colour and progress are for terminals alone. And whether the three
// standard descriptors are what they should be.
#pragma once

namespace skep::os {

// Standard output is a terminal and NO_COLOR is not set (no-color.org).
bool wants_colour();
// Standard error is a terminal, and standard output goes elsewhere: what is printed there would
// tell a person of the progress by itself.
bool wants_progress();

// Those that whoever started this process left closed are opened on nothing: else the next file or
// socket would get such a number, and what is printed would go into it. Using them fails as before.
void hold_standard_descriptors();

} // namespace skep::os
