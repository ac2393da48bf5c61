// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/sealed_memory.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "skep/os/memory.hpp"

namespace skep::os {

Result<Fd> make_sealed_memory(const std::string& name, Bytes bytes) {
    Fd memory = TRY(make_memfd(name, bytes.size()));
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t size = ::pwrite(memory.number(), bytes.data() + done, bytes.size() - done,
                                      static_cast<off_t>(done));
        if (size <= 0) {
            return error_from_errno(size < 0 ? errno : ENOSPC, "filling shared memory");
        }
        done += static_cast<std::size_t>(size);
    }
    TRY(seal_contents(memory));
    return memory;
}

Result<ByteVector> read_sealed_memory(const Fd& memory, std::size_t limit_bytes) {
    constexpr int kNeeded = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    const int seals = ::fcntl(memory.number(), F_GET_SEALS);
    if (seals < 0 || (seals & kNeeded) != kNeeded) {
        return fail(Code::invalid_input, "the memory beside a message is not sealed");
    }
    const std::size_t size = TRY(size_of(memory));
    if (size > limit_bytes) {
        return fail(Code::too_big, "the memory beside a message is larger than allowed");
    }
    ByteVector bytes(size);
    std::size_t done = 0;
    while (done < size) {
        const ssize_t part =
            ::pread(memory.number(), bytes.data() + done, size - done, static_cast<off_t>(done));
        if (part <= 0) {
            return error_from_errno(part < 0 ? errno : EIO, "reading shared memory");
        }
        done += static_cast<std::size_t>(part);
    }
    return bytes;
}

} // namespace skep::os
