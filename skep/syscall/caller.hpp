// SPDX-License-Identifier: Apache-2.0
//
// Caller: the process that made a call, as the dispatcher sees it.
//
// Addresses and descriptor numbers in attributes are the caller's. For an engine in the caller's
// own process they are real; for the daemon they are names of what came with the message. The
// dispatcher reaches either only through these functions, each of which checks.
#pragma once

#include <cstdint>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::syscall {

class Caller {
  public:
    Caller() = default;
    virtual ~Caller() = default;
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

    [[nodiscard]] virtual std::uint32_t uid() const = 0;
    // Whether nobody waits for the answer any more.
    [[nodiscard]] virtual bool is_gone() const { return false; }

    // bad_address when any of the bytes is not there.
    virtual Result<void> read(std::uint64_t address, MutableBytes target) = 0;
    virtual Result<void> write(std::uint64_t address, Bytes source) = 0;
    // bad_address when it is known already that a write of so much there must fail.
    [[nodiscard]] virtual Result<void> check_writable(std::uint64_t, std::uint64_t) const {
        return {};
    }
    // Up to the zero, or `limit` bytes when none comes before.
    virtual Result<std::string> read_text(std::uint64_t address, std::size_t limit) = 0;

    // The number by which this process knows the caller's descriptor; bad_handle when there is
    // none.
    virtual Result<int> descriptor(std::int64_t number) = 0;
    // Gives the caller a descriptor; its number there, or what stands for it until the answer
    // arrives.
    virtual Result<long> give(os::Fd descriptor) = 0;

    // A new pin file at the path, and the file that is there: as the caller's paths are.
    virtual Result<os::Fd> create_pin(const std::string& path) = 0;
    virtual Result<os::Fd> open_pin(const std::string& path) = 0;
    // The pin file that was just made is not wanted after all.
    virtual void discard_pin(const std::string& path) = 0;
};

} // namespace skep::syscall
