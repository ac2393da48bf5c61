// SPDX-License-Identifier: Apache-2.0
//
// Everything that a run of a program may come to: its maps, what their slots hold, the maps of
// programs in those slots, and so on. What something needs stands before it.
#pragma once

#include <memory>
#include <vector>

#include "skep/registry/object.hpp"

namespace skep::syscall {

std::vector<std::shared_ptr<registry::Object>>
reachable_from(const std::shared_ptr<registry::Object>& root);

} // namespace skep::syscall
