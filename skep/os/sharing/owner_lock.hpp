// SPDX-License-Identifier: Apache-2.0
//
// Who is still alive? Locks on single bytes of a file, held by an open file description.
//
// The kernel drops such a lock when the last descriptor of the description goes, however the
// process ended. So "is byte N locked by somebody else?" answers "does the owner that took N still
// live?", with no process ids, which are reused and differ between namespaces. A forked child
// shares its parent's description: ForkSentinel tells it that it must take a byte of its own.
#pragma once

#include <atomic>
#include <cstdint>

#include "skep/os/fd.hpp"
#include "skep/os/memory.hpp"

namespace skep::os {

// A new open file description of the file behind `file`.
Result<Fd> reopen(const Fd& file);

// Takes the byte for this description; false when another description holds it.
bool try_lock_byte(const Fd& description, std::uint64_t byte);
bool is_byte_locked_by_another(const Fd& description, std::uint64_t byte);

// Two words that read zero in a forked child, whatever the parent stored.
class ForkSentinel {
  public:
    static Result<ForkSentinel> make();
    [[nodiscard]] std::atomic<std::uint32_t>& first() const { return words()[0]; }
    [[nodiscard]] std::atomic<std::uint32_t>& second() const { return words()[1]; }

  private:
    explicit ForkSentinel(Mapping page) : page_(std::move(page)) {}
    [[nodiscard]] std::atomic<std::uint32_t>* words() const {
        return reinterpret_cast<std::atomic<std::uint32_t>*>(page_.data()); // NOLINT: our own page
    }
    Mapping page_;
};

// Lets another thread run; used between attempts at a word that someone holds.
void yield_thread();

std::uint64_t physical_memory_bytes();

// From the kernel's generator; zero only if it failed or by chance.
std::uint64_t random_number();

} // namespace skep::os
