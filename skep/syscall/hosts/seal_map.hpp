// SPDX-License-Identifier: Apache-2.0
//
// Freezing a map's memory: what programs cannot write either is sealed, so that its values are
// constants for good and may be folded into code.
#pragma once

#include <span>

#include "skep/registry/object.hpp"

namespace skep::syscall {

// busy while a client has the map's memory mapped to write: any process but the engine's own, and
// in this one any mapping but that at `own_address`.
Result<void> check_not_mapped(const registry::MapObject& map, std::span<const int> engine_processes,
                              const void* own_address);

// busy while a client has the map's memory mapped to write.
Result<void> seal_map(registry::MapObject& map, std::uint32_t slot_count);

} // namespace skep::syscall
