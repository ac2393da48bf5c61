// SPDX-License-Identifier: Apache-2.0
#include "skep/os/terminal.hpp"

#include <cerrno>
#include <cstdlib>
#include <initializer_list>

#include <fcntl.h>
#include <unistd.h>

namespace skep::os {

bool wants_colour() {
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

bool wants_progress() { return ::isatty(STDERR_FILENO) == 1 && ::isatty(STDOUT_FILENO) != 1; }

void hold_standard_descriptors() {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(number, F_GETFD) < 0 && errno == EBADF) {
            // Takes the lowest free number, which is this one; open the other way round.
            const int way = number == STDIN_FILENO ? O_WRONLY : O_RDONLY;
            [[maybe_unused]] const int opened = ::open("/dev/null", way); // NOLINT: as declared
        }
    }
}

} // namespace skep::os
