// SPDX-License-Identifier: Apache-2.0
//
// The list of a worker's system calls, and the classic BPF program that is made of it.
#include "skep/os/confined/confinement.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skep::os {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kMachine = 0; // no filter
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

constexpr std::uint64_t kMostPrivateBytes = 8ULL << 30;

// What a worker does, by reason.
// clang-format off
constexpr std::array kAllowed{
    // orders, reports, packets, captures
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_close,
    SYS_fstat, SYS_newfstatat /* fstat of newer C libraries */, SYS_sendmsg, SYS_recvmsg,
    SYS_recvfrom, SYS_ppoll, SYS_dup, SYS_fcntl,
    // memory: of maps, of programs, of machine code, of answers
    SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk, SYS_memfd_create,
    SYS_ftruncate,
    // how much there is: the C library sorts and allocates by it
    SYS_sysinfo, SYS_sched_getaffinity,
    // its threads and its faults
    SYS_futex, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack,
    SYS_sched_yield, SYS_restart_syscall, SYS_exit, SYS_exit_group, SYS_tgkill /* abort() */,
    // what helpers tell programs
    SYS_clock_gettime, SYS_clock_nanosleep, SYS_getpid, SYS_gettid, SYS_getuid, SYS_getgid,
    SYS_getcpu, SYS_getrandom,
#if defined(__x86_64__)
    SYS_poll, SYS_time, SYS_gettimeofday,
#endif
};
// clang-format on

constexpr sock_filter statement(std::uint16_t code, std::uint32_t k) { return {code, 0, 0, k}; }
constexpr sock_filter jump(std::uint16_t code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
    return {code, yes, no, k};
}
constexpr sock_filter load(std::size_t offset) {
    return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr sock_filter answer(std::uint32_t what) { return statement(BPF_RET | BPF_K, what); }
constexpr sock_filter next_unless(std::uint32_t value, std::uint8_t skip) {
    return jump(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

// A call that is allowed with one value of one argument alone. Numbers that matter are below 2^32,
// and the upper half is looked at too.
void allow_with(std::vector<sock_filter>& filter, long call, std::size_t argument,
                std::uint32_t value) {
    const std::size_t low = offsetof(seccomp_data, args) + 8 * argument;
    filter.push_back(next_unless(static_cast<std::uint32_t>(call), 6));
    filter.push_back(load(low));
    filter.push_back(next_unless(value, 3));
    filter.push_back(load(low + 4));
    filter.push_back(next_unless(0, 1));
    filter.push_back(answer(SECCOMP_RET_ALLOW));
    filter.push_back(answer(SECCOMP_RET_KILL_PROCESS));
}

std::vector<sock_filter> filter_program() {
    std::vector<sock_filter> filter{
        load(offsetof(seccomp_data, arch)),
        jump(BPF_JMP | BPF_JEQ | BPF_K, kMachine, 1, 0),
        answer(SECCOMP_RET_KILL_PROCESS), // another machine's numbers mean other calls
        load(offsetof(seccomp_data, nr)),
    };
    for (const long call : kAllowed) {
        filter.push_back(next_unless(static_cast<std::uint32_t>(call), 1));
        filter.push_back(answer(SECCOMP_RET_ALLOW));
    }
    allow_with(filter, SYS_prctl, 0, PR_GET_NAME); // the thread's name, for programs
    allow_with(filter, SYS_ioctl, 1, SIOCGIFNAME); // which interfaces there are
    filter.push_back(answer(SECCOMP_RET_KILL_PROCESS));
    return filter;
}

Result<void> limit(__rlimit_resource resource, std::uint64_t most) {
    rlimit wanted{most, most};
    rlimit current{};
    if (::getrlimit(resource, &current) == 0 && current.rlim_max < most) {
        wanted = {current.rlim_max, current.rlim_max};
    }
    if (::setrlimit(resource, &wanted) != 0) {
        return error_from_errno(errno, "limiting a worker");
    }
    return {};
}

} // namespace

Result<bool> confine_process() {
    TRY(limit(RLIMIT_CORE, 0));
    TRY(limit(RLIMIT_NPROC, 0));
    TRY(limit(RLIMIT_MEMLOCK, 0));
    if (kIsSanitized || kMachine == 0) {
        return false;
    }
    TRY(limit(RLIMIT_DATA, kMostPrivateBytes));
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return error_from_errno(errno, "giving up privileges");
    }
    const std::vector<sock_filter> filter = filter_program();
    const sock_fprog program{static_cast<unsigned short>(filter.size()),
                             const_cast<sock_filter*>(filter.data())}; // NOLINT: only read
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0) {
        return true;
    }
    if (errno == ENOSYS || errno == EINVAL) {
        return false;
    }
    return error_from_errno(errno, "confining a worker");
}

} // namespace skep::os
