// SPDX-License-Identifier: Apache-2.0
#include "skep/os/bpf_call.hpp"

#include <cerrno>

#include <sys/syscall.h>
#include <unistd.h>

namespace skep::os {

long bpf_call(int command, void* attributes, std::uint32_t size_bytes) {
    const long result = ::syscall(SYS_bpf, command, attributes, size_bytes);
    return result < 0 ? -static_cast<long>(errno) : result;
}

} // namespace skep::os
