// SPDX-License-Identifier: Apache-2.0
//
// Freezing a map's memory: what programs cannot write either is sealed, so that its values are
// constants for good and may be folded into code.
#pragma once

#include "skep/registry/object.hpp"

namespace skep::syscall {

// busy while a client has the map's memory mapped to write.
Result<void> seal_map(registry::MapObject& map, std::uint32_t slot_count);

} // namespace skep::syscall
