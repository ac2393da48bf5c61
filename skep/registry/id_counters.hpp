// SPDX-License-Identifier: Apache-2.0
//
// Id counters: one per kind of object, counting up, never giving a number twice.
//
// They lie in a small file of the pin directory, mapped, so that a daemon that comes back goes on
// where the last one stopped. A private engine keeps them in its own memory. What a file holds is
// only trusted as far as its shape goes: a damaged one starts the numbers again from 1.
//
// Proved by: registry_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "skep/base/result.hpp"
#include "skep/os/memory.hpp"
#include "skep/registry/object.hpp"

namespace skep::registry {

class IdCounters {
  public:
    // In a file, or with an empty path in memory.
    static Result<IdCounters> open(const std::string& path);

    // The next number; nothing when a kind has used up all of them.
    std::optional<std::uint32_t> next(ObjectKind kind);
    // Numbers up to here are taken.
    void reserve(ObjectKind kind, std::uint32_t id);

  private:
    explicit IdCounters(os::Mapping mapping) : mapping_(std::move(mapping)) {}
    [[nodiscard]] std::uint32_t& last(ObjectKind kind);
    os::Mapping mapping_;
};

} // namespace skep::registry
