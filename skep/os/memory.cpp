// SPDX-License-Identifier: Apache-2.0
#include "skep/os/memory.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace skep::os {

Mapping::Mapping(Mapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        Mapping old(address_, size_bytes_);
        address_ = std::exchange(other.address_, nullptr);
        size_bytes_ = std::exchange(other.size_bytes_, 0);
    }
    return *this;
}

Mapping::~Mapping() {
    if (address_ != nullptr) {
        ::munmap(address_, size_bytes_);
    }
}

Result<Mapping> Mapping::of(const Fd& fd, std::size_t size_bytes, Protection protection,
                            std::uint64_t offset) {
    const int flags = protection == Protection::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
    void* address =
        ::mmap(nullptr, size_bytes, flags, MAP_SHARED, fd.number(), static_cast<off_t>(offset));
    if (address == MAP_FAILED) {
        return error_from_errno(errno, "mapping shared memory");
    }
    return Mapping(address, size_bytes);
}

Result<Mapping> Mapping::anonymous(std::size_t size_bytes) {
    void* address =
        ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) {
        return error_from_errno(errno, "mapping memory");
    }
    return Mapping(address, size_bytes);
}

Result<Fd> make_memfd(const std::string& name, std::size_t size_bytes, Resizable resizable) {
    Fd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd.is_open()) {
        return error_from_errno(errno, "creating shared memory");
    }
    if (::ftruncate(fd.number(), static_cast<off_t>(size_bytes)) != 0) {
        return error_from_errno(errno, "sizing shared memory");
    }
    if (resizable == Resizable::no &&
        ::fcntl(fd.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
        return error_from_errno(errno, "sealing shared memory");
    }
    return fd;
}

Result<void> seal_contents(const Fd& memfd) {
    if (::fcntl(memfd.number(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
        return error_from_errno(errno, "sealing shared memory");
    }
    return {};
}

Result<std::size_t> size_of(const Fd& file) {
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) {
        return error_from_errno(errno, "reading a file's size");
    }
    return static_cast<std::size_t>(status.st_size);
}

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

} // namespace skep::os
