// SPDX-License-Identifier: Apache-2.0
//
// Store: the memory of a map, in a memfd, and how its parts are laid out.
//
// Offsets only, never addresses: every process that opens the store maps it where it likes. The
// pages come from the system when they are first touched, so a large empty map costs nothing; yet
// nothing larger than the machine's memory is made, which is where the kernel answers ENOMEM.
#pragma once

#include <cstdint>
#include <string>

#include "skep/maps/map.hpp"

namespace skep::maps {

// Adds up the parts of a store; remembers an overflow instead of wrapping.
class Layout {
  public:
    // The offset of `count` things of `size_bytes` each.
    std::uint64_t add(std::uint64_t count, std::uint64_t size_bytes, std::uint64_t alignment = 64);
    [[nodiscard]] std::uint64_t total_bytes() const { return total_; }
    [[nodiscard]] bool fits() const { return fits_; }

  private:
    std::uint64_t total_ = 0;
    bool fits_ = true;
};

enum class Storage : std::uint8_t { table, shared };

// Where a map's files come from: new ones, or those of a store that exists.
struct Source {
    MapFiles files; // meaningful when `existing`
    bool existing = false;
};

struct Store {
    MapFiles files;
    os::Mapping memory;
    bool existing = false;
};

// The store of `layout` bytes: made empty, or opened and checked to be large enough.
Result<Store> make_store(Source source, const Layout& layout, Storage storage);

} // namespace skep::maps
