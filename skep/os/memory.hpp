// SPDX-License-Identifier: Apache-2.0
//
// Memory that is shared between processes: memfds and their mappings.
//
// A memfd made here is close-on-exec and sealed against growing and shrinking, so that a peer that
// holds it cannot take the pages away under a reader (that would be a SIGBUS in the engine).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

enum class Protection : std::uint8_t { read_only, read_write };

// A mapping that unmaps itself.
class Mapping {
  public:
    Mapping() = default;
    Mapping(void* address, std::size_t size_bytes) : address_(address), size_bytes_(size_bytes) {}
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    // The whole of a file descriptor's first `size_bytes` bytes, shared.
    static Result<Mapping> of(const Fd& fd, std::size_t size_bytes, Protection protection,
                              std::uint64_t offset = 0);
    // Private zeroed memory.
    static Result<Mapping> anonymous(std::size_t size_bytes);

    [[nodiscard]] std::uint8_t* data() const { return static_cast<std::uint8_t*>(address_); }
    [[nodiscard]] std::size_t size() const { return size_bytes_; }
    [[nodiscard]] bool is_mapped() const { return address_ != nullptr; }

  private:
    void* address_ = nullptr;
    std::size_t size_bytes_ = 0;
};

enum class Resizable : std::uint8_t { no, yes };

// A zeroed memfd of this size. `name` shows in /proc/PID/fd.
Result<Fd> make_memfd(const std::string& name, std::size_t size_bytes,
                      Resizable resizable = Resizable::no);

// Forbids every later change of contents; fails with busy while anyone maps it writable.
Result<void> seal_contents(const Fd& memfd);

Result<std::size_t> size_of(const Fd& file);
std::size_t page_size();

} // namespace skep::os
