// SPDX-License-Identifier: Apache-2.0
#include "skep/os/confined/bounded_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep/os/confined/confinement.hpp"
#include "skep/os/fd.hpp"
#include "skep/os/process/close_from.hpp"

namespace skep::os {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kFailed = 125;

// Private writable memory that this process has now; RLIMIT_DATA counts it.
std::uint64_t private_bytes_now() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::uint64_t kilobytes = 0;
        if (word == "VmData:" && status >> kilobytes) {
            return kilobytes << 10;
        }
    }
    return 0;
}

// The process as it was before it was copied.
struct Before {
    pid_t process;
    std::uint64_t private_bytes;
};

// No more than this process may have itself.
bool limit(__rlimit_resource resource, std::uint64_t most) {
    rlimit current{};
    if (::getrlimit(resource, &current) != 0) {
        return false;
    }
    const rlimit wanted{std::min(most, current.rlim_max), std::min(most, current.rlim_max)};
    return ::setrlimit(resource, &wanted) == 0;
}

constexpr int kAnswer = STDERR_FILENO + 1;

// Of what this process has open the copy keeps its standard input, and nothing else: what it prints
// goes to `errors`, what it answers to kAnswer.
bool keep_descriptors(const Fd& answer, const Fd& errors) {
    const bool are_moved = ::dup2(errors.number(), STDOUT_FILENO) >= 0 &&
                           ::dup2(errors.number(), STDERR_FILENO) >= 0 &&
                           ::dup2(answer.number(), kAnswer) >= 0;
    close_from(kAnswer + 1);
    return are_moved;
}

// What is thrown ends the copy, with a word about it.
[[noreturn]] void be_the_copy(const Bounds& bounds, const Before& before, const Fd& answer,
                              const Fd& errors, const std::function<ByteVector()>& work) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != before.process) { // it ended before this was said
        ::_exit(kFailed);
    }
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t most = bounds.private_bytes > kMost - before.private_bytes
                                   ? kMost
                                   : before.private_bytes + bounds.private_bytes;
    if (!keep_descriptors(answer, errors) || !limit(RLIMIT_DATA, most) ||
        !limit(RLIMIT_FSIZE, bounds.printed_bytes) || !confine_process().ok()) {
        ::_exit(kFailed);
    }
    const ByteVector bytes = work();
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t wrote = ::write(kAnswer, bytes.data() + at, bytes.size() - at);
        if (wrote < 0 && errno != EINTR) {
            ::_exit(kFailed);
        }
        at += wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
    }
    ::_exit(0);
}

// When the copy must have ended.
class Deadline {
  public:
    explicit Deadline(std::uint32_t milliseconds)
        : end_(Clock::now() + std::chrono::milliseconds(milliseconds)) {}

    [[nodiscard]] bool is_over() const { return left() <= 0; }
    // False when the time is over.
    [[nodiscard]] bool wait_for(int fd) const {
        for (std::int64_t most = left(); most > 0; most = left()) {
            pollfd poll{fd, POLLIN, 0};
            if (::poll(&poll, 1, static_cast<int>(std::min(most, kMostAtOnce))) > 0) {
                return true;
            }
        }
        return false;
    }

  private:
    [[nodiscard]] std::int64_t left() const { // milliseconds
        return std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now()).count();
    }
    static constexpr std::int64_t kMostAtOnce = std::numeric_limits<int>::max();
    Clock::time_point end_;
};

// Until the copy closes its end. False when time or room is used up.
bool read_answer(const Fd& answer, const Deadline& deadline, std::uint64_t most,
                 ByteVector& bytes) {
    std::array<std::uint8_t, 1U << 16> part; // NOLINT: read() fills it
    while (bytes.size() <= most) {
        if (!deadline.wait_for(answer.number())) {
            return false;
        }
        const ssize_t got = ::read(answer.number(), part.data(), part.size());
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            bytes.insert(bytes.end(), part.begin(), part.begin() + got);
        }
    }
    return false;
}

// It closed its end, and may still go on. Without descriptors of processes it is looked at often.
bool has_ended(pid_t copy, const Deadline& deadline) {
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, copy, 0)));
    if (process.is_open()) {
        return deadline.wait_for(process.number());
    }
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(copy), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0 && !deadline.is_over()) {
        ::poll(nullptr, 0, 1);
    }
    return info.si_pid == copy;
}

// The end of what was written, on one line.
std::string last_words(const Fd& errors) {
    constexpr off_t kMost = 400;
    const off_t size = ::lseek(errors.number(), 0, SEEK_END);
    std::string text(static_cast<std::size_t>(std::clamp<off_t>(size, 0, kMost)), ' ');
    const ssize_t got = ::pread(errors.number(), text.data(), text.size(),
                                std::max<off_t>(0, size - static_cast<off_t>(text.size())));
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    std::replace(text.begin(), text.end(), '\n', ' ');
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

std::string how(int status, const Fd& errors) {
    std::string text = "ended with status " + std::to_string(WEXITSTATUS(status));
    if (WIFSIGNALED(status)) {
        const char* name = ::sigabbrev_np(WTERMSIG(status));
        text = "was ended by signal " + std::to_string(WTERMSIG(status)) +
               (name == nullptr ? "" : std::string(" (SIG") + name + ")");
    }
    const std::string words = last_words(errors);
    return words.empty() ? text : text + ": " + words;
}

} // namespace

Result<ByteVector> run_bounded(const Bounds& bounds, const std::function<ByteVector()>& work) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return error_from_errno(errno, "making a pipe");
    }
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    const Fd errors(::memfd_create("skep-errors", MFD_CLOEXEC));
    if (!errors.is_open()) {
        return error_from_errno(errno, "making room for errors");
    }
    const Before before{::getpid(), private_bytes_now()};
    const pid_t copy = ::fork();
    if (copy < 0) {
        return error_from_errno(errno, "starting a bounded run");
    }
    if (copy == 0) {
        be_the_copy(bounds, before, theirs, errors, work);
    }
    theirs = Fd();
    ByteVector bytes;
    const Deadline deadline(bounds.milliseconds);
    const bool is_whole =
        read_answer(ours, deadline, bounds.answer_bytes, bytes) && has_ended(copy, deadline);
    if (!is_whole) {
        ::kill(copy, SIGKILL);
    }
    int status = 0;
    while (::waitpid(copy, &status, 0) < 0 && errno == EINTR) {
    }
    if (!is_whole) {
        return fail(Code::no_space, bytes.size() > bounds.answer_bytes
                                        ? std::string("its answer grew without end")
                                        : "took longer than " +
                                              std::to_string(bounds.milliseconds) +
                                              " ms and was ended");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return Error{Code::system, 0, how(status, errors)};
    }
    return bytes;
}

} // namespace skep::os
