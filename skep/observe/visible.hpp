// SPDX-License-Identifier: Apache-2.0
//
// Visible: text of strangers (source lines, names, lines of trace) as a terminal may be given it.
//
// A control character could move the cursor, rename the window or hide what stands beside it. Each
// becomes its picture (U+2400 and on: an escape is shown as one sign), but for newline and
// tabulator. Our own colours pass; they are few, and all that a stranger gains by them is colour.
// What passes is text as before, so this may be done to JSON too, and twice.
//
// Proved by: visible_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace skep::observe {

// Whether a terminal may be given the text as it is.
bool is_visible(std::string_view text);
std::string visible(std::string_view text);

} // namespace skep::observe
