// SPDX-License-Identifier: Apache-2.0
//
// Resources: what a program holds and must give back: references, locks, RCU and preemption
// sections, interrupt flags.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep::verify {

enum class ResourceKind : std::uint8_t { reference, spin_lock, resilient_lock, irq_flag };

// A lock in a value that is the same on every run is known by its map: this bit and the map's
// number. Unlike ids, these are never renamed when states are compared.
inline constexpr std::uint32_t kDirectLock = 1U << 31;

struct Resource {
    ResourceKind kind = ResourceKind::reference;
    std::uint32_t id = 0;
    InsnIndex acquired_at;
    std::uint32_t object = 0;      // locks: id of the value that holds the lock
    bool keeps_interrupts = false; // locks: taken with interrupts saved

    bool operator==(const Resource&) const = default;
};

struct Resources {
    std::vector<Resource> held; // in the order of acquisition
    std::uint32_t rcu_depth = 0;
    std::uint32_t preempt_off_depth = 0;

    bool operator==(const Resources&) const = default;

    [[nodiscard]] bool holds(std::uint32_t id) const;
    [[nodiscard]] bool holds_lock() const;                        // of any kind
    [[nodiscard]] const Resource* first(ResourceKind kind) const; // null: none
    void acquire(ResourceKind kind, std::uint32_t id, InsnIndex at, std::uint32_t object = 0);
    bool release(std::uint32_t id); // false: it was not held
};

} // namespace skep::verify
