// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/own_memory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/uio.h>
#include <unistd.h>

#include "skep/os/memory.hpp"

namespace skep::os {
namespace {

void* pointer_to(std::uint64_t address) {
    return reinterpret_cast<void*>(address);
} // NOLINT: the ABI's form

Error bad_address() { return fail(Code::bad_address, "bad address"); }

} // namespace

Result<void> read_own_memory(std::uint64_t address, MutableBytes target) {
    if (target.empty()) {
        return {};
    }
    iovec local{target.data(), target.size()};
    iovec remote{pointer_to(address), target.size()};
    const ssize_t done = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
    if (done == static_cast<ssize_t>(target.size())) {
        return {};
    }
    if (done < 0 && (errno == EPERM || errno == ENOSYS) && address != 0) {
        std::memcpy(target.data(), pointer_to(address), target.size());
        return {};
    }
    return bad_address();
}

Result<void> write_own_memory(std::uint64_t address, Bytes source) {
    if (source.empty()) {
        return {};
    }
    iovec local{const_cast<std::uint8_t*>(source.data()), source.size()}; // NOLINT: only read from
    iovec remote{pointer_to(address), source.size()};
    const ssize_t done = ::process_vm_writev(::getpid(), &local, 1, &remote, 1, 0);
    if (done == static_cast<ssize_t>(source.size())) {
        return {};
    }
    if (done < 0 && (errno == EPERM || errno == ENOSYS) && address != 0) {
        std::memcpy(pointer_to(address), source.data(), source.size());
        return {};
    }
    return bad_address();
}

Result<std::string> read_own_text(std::uint64_t address, std::size_t limit) {
    std::string text;
    std::array<std::uint8_t, 256> piece{};
    while (text.size() < limit) {
        // Never across the end of a page, so that only a page that is needed is touched.
        const std::uint64_t at = address + text.size();
        const std::size_t size =
            std::min({piece.size(), limit - text.size(), page_size() - at % page_size()});
        TRY(read_own_memory(at, MutableBytes(piece).first(size)));
        const std::uint8_t* begin = piece.data();
        const std::uint8_t* end = std::find(begin, begin + size, std::uint8_t{0});
        text.insert(text.end(), begin, end);
        if (end != begin + size) {
            break;
        }
    }
    return text;
}

} // namespace skep::os
