// SPDX-License-Identifier: Apache-2.0
#include "skep/os/guard/executable_memory.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>

#include "skep/os/memory.hpp"

namespace skep::os {

ExecutableReservation::ExecutableReservation(ExecutableReservation&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {
}

ExecutableReservation& ExecutableReservation::operator=(ExecutableReservation&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
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
    return reservation;
}

Result<void> ExecutableReservation::place(std::size_t offset_bytes, Bytes pages) {
    SKEP_ASSERT(offset_bytes + pages.size() <= size_bytes_ && offset_bytes % page_size() == 0 &&
                pages.size() % page_size() == 0);
    void* fresh =
        ::mmap(nullptr, pages.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) {
        return error_from_errno(errno, "mapping memory for machine code");
    }
    std::memcpy(fresh, pages.data(), pages.size());
    if (::mprotect(fresh, pages.size(), PROT_READ | PROT_EXEC) != 0) {
        const int reason = errno;
        ::munmap(fresh, pages.size());
        return error_from_errno(reason, "making machine code executable");
    }
    std::uint8_t* place = data_ + offset_bytes;
    if (::mremap(fresh, pages.size(), pages.size(), MREMAP_MAYMOVE | MREMAP_FIXED, place) ==
        MAP_FAILED) {
        const int reason = errno;
        ::munmap(fresh, pages.size());
        return error_from_errno(reason, "moving machine code into place");
    }
    __builtin___clear_cache(reinterpret_cast<char*>(place),                 // NOLINT: what the
                            reinterpret_cast<char*>(place) + pages.size()); // NOLINT: builtin takes
    return {};
}

void ExecutableReservation::clear(std::size_t offset_bytes, std::size_t size_bytes) {
    SKEP_ASSERT(offset_bytes + size_bytes <= size_bytes_);
    // A failure would leave old code where it was, which harms nobody: nothing jumps there.
    static_cast<void>(::mmap(data_ + offset_bytes, size_bytes, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0));
}

} // namespace skep::os
