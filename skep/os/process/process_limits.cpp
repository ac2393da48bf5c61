// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/process_limits.hpp"

#include <sys/resource.h>

namespace skep::os {

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

} // namespace skep::os
