// SPDX-License-Identifier: Apache-2.0
#include "skep/os/storage/pin_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace skep::os {

Result<Fd> create_pin_file(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return error_from_errno(errno, "making " + path);
    }
    return file;
}

Result<Fd> open_pin_file(const std::string& path) {
    // Not blocking: a stranger's FIFO must not hold us up.
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) {
        return error_from_errno(errno, "opening " + path);
    }
    return file;
}

Result<FileFacts> facts_of(const Fd& file) {
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) {
        return error_from_errno(errno, "looking at a file");
    }
    FileFacts facts;
    facts.kind = S_ISREG(status.st_mode)   ? FileKind::regular
                 : S_ISDIR(status.st_mode) ? FileKind::directory
                                           : FileKind::other;
    facts.names = status.st_nlink;
    facts.size_bytes = static_cast<std::uint64_t>(status.st_size);
    return facts;
}

Result<void> set_text(const Fd& file, std::string_view text) {
    TRY(resize(file, 0));
    if (::pwrite(file.number(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        return error_from_errno(errno, "writing a file");
    }
    return {};
}

Result<std::string> text_of(const Fd& file, std::size_t limit) {
    std::string text(limit, '\0');
    const ssize_t size = ::pread(file.number(), text.data(), limit, 0);
    if (size < 0) {
        return error_from_errno(errno, "reading a file");
    }
    text.resize(static_cast<std::size_t>(size));
    return text;
}

Result<void> resize(const Fd& file, std::uint64_t size_bytes) {
    if (::ftruncate(file.number(), static_cast<off_t>(size_bytes)) != 0) {
        return error_from_errno(errno, "sizing a file");
    }
    return {};
}

void remove_file(const std::string& path) { ::unlink(path.c_str()); }

} // namespace skep::os
