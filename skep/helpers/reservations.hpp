// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Records of ring buffers between reserve and submit, kept with the run that holds
// them.
//
// The header in front of a record lies where clients can write, so it cannot be asked which ring
// the record belongs to; the invocation remembers it. A run that is cut short gives its records up.
#pragma once

#include "skep/maps/queue/ring_buffer.hpp"

#include "skep/helpers/invocation.hpp"

namespace skep::helpers {

std::uint8_t* reserve(Invocation& invocation, maps::RingBuffer& ring, std::uint64_t size_bytes);
// Does nothing for an address that is no open record.
void commit(Invocation& invocation, const void* record, std::uint64_t flags, maps::Commit how);

} // namespace skep::helpers
