// SPDX-License-Identifier: Apache-2.0
//
// Locks on whole files, which go with their holder however it ends.
#pragma once

#include <string>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

Result<void> lock_file(const Fd& file);   // waits
bool try_to_lock_file(const Fd& file);    // false when somebody else holds it
bool is_program(const std::string& path); // there, and may be run

} // namespace skep::os
