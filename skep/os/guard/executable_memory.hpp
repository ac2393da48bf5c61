// SPDX-License-Identifier: Apache-2.0
//
// Pages that hold machine code: never writable and executable at once.
//
// A reservation is a stretch of pages between two guard pages. Each page is either *open* (readable
// and writable, holding no code that may run) or *closed* (readable and executable, immutable).
// Closing is one change of permissions in place: cheaper than writing elsewhere and moving the page
// in, and profilers hear of it. There is one mapping of each page, so no other address of the
// process can write what is closed; a fork leaves parent and child with pages of their own.
//
// What belongs together is closed together: code is never added to a page that is closed, for other
// threads may run what lies there.
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

    // `size_bytes` (whole pages), open, between two guard pages.
    static Result<ExecutableReservation> make(std::size_t size_bytes);

    [[nodiscard]] std::uint8_t* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_bytes_; }

    // Writes code into open pages, `filler` around it, and closes them: all pages that
    // [offset, offset + code.size()) touches.
    Result<void> place(std::size_t offset_bytes, Bytes code, std::uint8_t filler);
    // Opens these pages again: nothing may run there any more. An error leaves them closed.
    Result<void> reopen(std::size_t offset_bytes, std::size_t size_bytes);

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_bytes_ = 0;
    std::size_t present_bytes_ = 0; // from the beginning: pages that the machine has given
};

} // namespace skep::os
