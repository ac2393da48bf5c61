// SPDX-License-Identifier: Apache-2.0
//
// Pages that hold machine code: never writable and executable at once.
//
// A reservation is a stretch of addresses that nothing may touch. Code comes into it page by page:
// the new contents are written to fresh pages elsewhere, these are made executable (and read-only),
// and then moved over the old ones in one step. A thread that runs code in the old page goes on in
// the new one without noticing, so images may share pages; no address is ever writable while it can
// be executed, and a fork leaves parent and child with pages of their own.
//
// Proved by: run/code/code_memory_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "skep/base/bytes.hpp"

namespace skep::os {

class ExecutableReservation {
  public:
    ExecutableReservation() = default;
    ExecutableReservation(ExecutableReservation&& other) noexcept;
    ExecutableReservation& operator=(ExecutableReservation&& other) noexcept;
    ExecutableReservation(const ExecutableReservation&) = delete;
    ExecutableReservation& operator=(const ExecutableReservation&) = delete;
    ~ExecutableReservation();

    // `size_bytes` (whole pages) of addresses between two guard pages.
    static Result<ExecutableReservation> make(std::size_t size_bytes);

    [[nodiscard]] std::uint8_t* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_bytes_; }

    // Makes whole pages of the reservation executable with these contents.
    Result<void> place(std::size_t offset_bytes, Bytes pages);
    // Gives whole pages back: nothing may touch them any more.
    void clear(std::size_t offset_bytes, std::size_t size_bytes);

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_bytes_ = 0;
};

} // namespace skep::os
