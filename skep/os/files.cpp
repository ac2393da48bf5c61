// SPDX-License-Identifier: Apache-2.0
#include "skep/os/files.hpp"

#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace skep::os {
namespace {

Result<Fd> open_file(const std::string& path, int flags) {
    Fd file(::open(path.c_str(), flags | O_CLOEXEC, 0666));
    if (!file.is_open()) {
        return error_from_errno(errno, fmt::format("opening {}", path));
    }
    return file;
}

// A descriptor of our own for one that is only borrowed.
Result<Fd> duplicate_of(int number) {
    Fd borrowed(number);
    Result<Fd> copy = borrowed.duplicate();
    static_cast<void>(borrowed.release());
    return copy;
}

} // namespace

Result<std::string> absolute_path(const std::string& path) {
    std::error_code reason;
    const std::filesystem::path absolute = std::filesystem::absolute(path, reason);
    if (reason) {
        return error_from_errno(reason.value(), fmt::format("finding {}", path));
    }
    return absolute.lexically_normal().string();
}

Result<Fd> open_to_read(const std::string& path) { return open_file(path, O_RDONLY); }
Result<Fd> create_to_write(const std::string& path) {
    return open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
}
Result<Fd> create_new(const std::string& path) {
    return open_file(path, O_WRONLY | O_CREAT | O_EXCL);
}

Result<ByteVector> read_file(const std::string& path, std::uint64_t limit_bytes) {
    Fd file;
    if (path == "-") {
        file = TRY(duplicate_of(STDIN_FILENO));
    } else {
        file = TRY(open_to_read(path));
    }
    ByteVector bytes;
    std::array<std::uint8_t, 65536> part{};
    for (;;) {
        const ssize_t count = ::read(file.number(), part.data(), part.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_from_errno(errno, fmt::format("reading {}", path));
        }
        if (count == 0) {
            return bytes;
        }
        if (bytes.size() + static_cast<std::size_t>(count) > limit_bytes) {
            return fail(Code::too_big,
                        fmt::format("{} is larger than {} bytes", path, limit_bytes));
        }
        bytes.insert(bytes.end(), part.begin(), part.begin() + count);
    }
}

Result<void> write_file(const std::string& path, Bytes bytes) {
    Fd file;
    if (path == "-") {
        file = TRY(duplicate_of(STDOUT_FILENO));
    } else {
        file = TRY(create_to_write(path));
    }
    while (!bytes.empty()) {
        const ssize_t count = ::write(file.number(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return error_from_errno(errno, fmt::format("writing {}", path));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

} // namespace skep::os
