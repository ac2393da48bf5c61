// SPDX-License-Identifier: Apache-2.0
#include "skep/os/guard/executable_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>

#include "skep/os/memory.hpp"

#ifndef MADV_POPULATE_WRITE // since Linux 5.14; older headers do not name it
#define MADV_POPULATE_WRITE 23
#endif

namespace skep::os {
namespace {

constexpr std::size_t kPagesAtOnce = 8;

} // namespace

ExecutableReservation::ExecutableReservation(ExecutableReservation&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)),
      present_bytes_(std::exchange(other.present_bytes_, 0)) {}

ExecutableReservation& ExecutableReservation::operator=(ExecutableReservation&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    std::swap(present_bytes_, other.present_bytes_);
    return *this;
}

ExecutableReservation::~ExecutableReservation() {
    if (data_ != nullptr) {
        ::munmap(data_ - page_size(), size_bytes_ + 2 * page_size());
    }
}

Result<ExecutableReservation> ExecutableReservation::make(std::size_t size_bytes) {
    const std::size_t guard_bytes = page_size();
    void* address = ::mmap(nullptr, size_bytes + 2 * guard_bytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) {
        return error_from_errno(errno, "reserving addresses for machine code");
    }
    ExecutableReservation reservation;
    reservation.data_ = static_cast<std::uint8_t*>(address) + guard_bytes;
    reservation.size_bytes_ = size_bytes;
    if (::mprotect(reservation.data_, size_bytes, PROT_READ | PROT_WRITE) != 0) {
        return error_from_errno(errno, "mapping memory for machine code");
    }
    return reservation;
}

Result<void> ExecutableReservation::place(std::size_t offset_bytes, Bytes code,
                                          std::uint8_t filler) {
    SKEP_ASSERT(offset_bytes + code.size() <= size_bytes_);
    const std::size_t first = offset_bytes / page_size() * page_size();
    const std::size_t end =
        (offset_bytes + code.size() + page_size() - 1) / page_size() * page_size();
    if (end > present_bytes_) {
        // Several pages for the trouble of one; a machine that cannot gives them one by one.
        const std::size_t wanted = std::min(size_bytes_, end + kPagesAtOnce * page_size());
        static_cast<void>(
            ::madvise(data_ + present_bytes_, wanted - present_bytes_, MADV_POPULATE_WRITE));
        present_bytes_ = wanted;
    }
    std::memset(data_ + first, filler, offset_bytes - first);
    std::memcpy(data_ + offset_bytes, code.data(), code.size());
    std::memset(data_ + offset_bytes + code.size(), filler, end - offset_bytes - code.size());
    __builtin___clear_cache(reinterpret_cast<char*>(data_ + first), // NOLINT: what the
                            reinterpret_cast<char*>(data_ + end));  // NOLINT: builtin takes
    if (::mprotect(data_ + first, end - first, PROT_READ | PROT_EXEC) != 0) {
        return error_from_errno(errno, "making machine code executable");
    }
    return {};
}

Result<void> ExecutableReservation::reopen(std::size_t offset_bytes, std::size_t size_bytes) {
    SKEP_ASSERT(offset_bytes + size_bytes <= size_bytes_ && offset_bytes % page_size() == 0 &&
                size_bytes % page_size() == 0);
    if (::mprotect(data_ + offset_bytes, size_bytes, PROT_READ | PROT_WRITE) != 0) {
        return error_from_errno(errno, "taking machine code away");
    }
    return {};
}

} // namespace skep::os
