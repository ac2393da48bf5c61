// SPDX-License-Identifier: Apache-2.0
//
// Code memory: a place for machine code, for as long as its image lives.
//
// Every image has pages of its own in a region that it shares with others; large ones get a region
// of their own. Around every region lie guard pages; what an image leaves of its pages is filled
// with an instruction that faults, and pages without an image cannot be executed. The way in is
// os/guard/executable_memory.hpp: nothing is ever writable and executable at once.
//
// Control plane; may be called from several threads.
//
// Proved by: code_memory_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "skep/base/bytes.hpp"

namespace skep::run::code {

// Machine code in its place. Nothing may run in it any more when it is destroyed.
class CodeImage {
  public:
    CodeImage() = default;
    CodeImage(CodeImage&& other) noexcept : bytes_(std::exchange(other.bytes_, Bytes())) {}
    CodeImage& operator=(CodeImage&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    CodeImage(const CodeImage&) = delete;
    CodeImage& operator=(const CodeImage&) = delete;
    ~CodeImage();

    // Puts the bytes into executable memory and into the table of code ranges.
    static Result<CodeImage> place(Bytes code);

    [[nodiscard]] Bytes bytes() const { return bytes_; }
    [[nodiscard]] std::uintptr_t address() const {
        return reinterpret_cast<std::uintptr_t>(bytes_.data()); // NOLINT: an address of code
    }

  private:
    Bytes bytes_;
};

} // namespace skep::run::code
