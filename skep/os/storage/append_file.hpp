// SPDX-License-Identifier: Apache-2.0
//
// Appending to a file of our own in a directory where everybody may write (/tmp).
#pragma once

#include <string>
#include <string_view>

#include "skep/base/result.hpp"

namespace skep::os {

// Adds the text in one write, making the file (for its owner alone) when it is not there. Refuses a
// symbolic link, anything that is no plain file, and a file of somebody else: its name can be
// guessed.
Result<void> append_to_own_file(const std::string& path, std::string_view text);

} // namespace skep::os
