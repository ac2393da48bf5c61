// SPDX-License-Identifier: Apache-2.0
#include "skep/os/sharing/owner_lock.hpp"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

namespace skep::os {
namespace {

struct flock byte_range(std::uint64_t byte) {
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(byte);
    range.l_len = 1;
    return range;
}

} // namespace

Result<Fd> reopen(const Fd& file) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file.number());
    Fd description(::open(path, O_RDWR | O_CLOEXEC));
    if (!description.is_open()) {
        return error_from_errno(errno, "opening a store once more through /proc/self/fd");
    }
    return description;
}

bool try_lock_byte(const Fd& description, std::uint64_t byte) {
    struct flock range = byte_range(byte);
    return ::fcntl(description.number(), F_OFD_SETLK, &range) == 0;
}

bool is_byte_locked_by_another(const Fd& description, std::uint64_t byte) {
    struct flock range = byte_range(byte);
    // When the question cannot be asked, the owner counts as alive: nothing is taken away from it.
    return ::fcntl(description.number(), F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
}

Result<ForkSentinel> ForkSentinel::make() {
    Mapping page = TRY(Mapping::anonymous(page_size()));
    if (::madvise(page.data(), page.size(), MADV_WIPEONFORK) != 0) {
        return error_from_errno(errno, "asking for memory that is wiped on fork");
    }
    return ForkSentinel(std::move(page));
}

void yield_thread() { ::sched_yield(); }

std::uint64_t physical_memory_bytes() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_size();
}

std::uint64_t random_number() {
    std::uint64_t number = 0;
    return ::getrandom(&number, sizeof number, 0) == static_cast<ssize_t>(sizeof number) ? number
                                                                                         : 0;
}

} // namespace skep::os
