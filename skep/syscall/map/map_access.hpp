// SPDX-License-Identifier: Apache-2.0
//
// A map by its descriptor, for what the caller wants to do with it: a descriptor that was opened
// for reading alone does not write, and a frozen map is written by nobody in user space.
#pragma once

#include <memory>

#include "skep/syscall/call.hpp"

namespace skep::syscall {

enum class Need : std::uint8_t { read, write, read_and_write };

Result<std::shared_ptr<registry::MapObject>> map_for(const Call& call, std::int64_t number,
                                                     Need need);

} // namespace skep::syscall
