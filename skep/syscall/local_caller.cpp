// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/local_caller.hpp"

#include <limits>

#include "skep/os/machine.hpp"
#include "skep/os/process/handle.hpp"
#include "skep/os/process/own_memory.hpp"

namespace skep::syscall {

std::uint32_t LocalCaller::uid() const { return os::user_id(); }

Result<void> LocalCaller::read(std::uint64_t address, MutableBytes target) {
    return os::read_own_memory(address, target);
}
Result<void> LocalCaller::write(std::uint64_t address, Bytes source) {
    return os::write_own_memory(address, source);
}
Result<std::string> LocalCaller::read_text(std::uint64_t address, std::size_t limit) {
    return os::read_own_text(address, limit);
}

Result<int> LocalCaller::descriptor(std::int64_t number) {
    // Attributes carry descriptors as 32 bits, signed or not.
    const auto fd = static_cast<std::int32_t>(number);
    TRY(os::identity_of(fd));
    return fd;
}

Result<long> LocalCaller::give(os::Fd descriptor) { return long{descriptor.release()}; }

Result<os::Fd> LocalCaller::create_pin(const std::string& path) { return pins_.create(path); }
Result<os::Fd> LocalCaller::open_pin(const std::string& path) { return pins_.open(path); }
void LocalCaller::discard_pin(const std::string& path) { pins_.remove(path); }

} // namespace skep::syscall
