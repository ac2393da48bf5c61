// SPDX-License-Identifier: Apache-2.0
#include "skep/os/terminal.hpp"

#include <cstdlib>

#include <unistd.h>

namespace skep::os {

bool wants_colour() {
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

bool wants_progress() { return ::isatty(STDERR_FILENO) == 1 && ::isatty(STDOUT_FILENO) != 1; }

} // namespace skep::os
