// SPDX-License-Identifier: Apache-2.0
//
// Fd: a file descriptor that closes itself. Moved, never copied; duplicate() asks for another.
#pragma once

#include <utility>

#include "skep/base/result.hpp"

namespace skep::os {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd();

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] bool is_open() const { return number_ >= 0; }
    int release() { return std::exchange(number_, -1); } // the caller closes it now
    [[nodiscard]] Result<Fd> duplicate() const;          // close-on-exec

  private:
    int number_ = -1;
};

// A descriptor of our own for a number that somebody else owns; close-on-exec.
Result<Fd> duplicate(int number);

} // namespace skep::os
