// SPDX-License-Identifier: Apache-2.0
//
// In which order C wants definitions (internal to print/): what is embedded first.
#pragma once

#include <span>
#include <vector>

#include "skep/btf/btf.hpp"

namespace skep::btf {

// Types that need a definition of their own, in order: named structures, unions and enumerations,
// forwards, typedefs, and nameless enumerations that no other type uses.
Result<std::vector<TypeId>> definition_order(const Btf& btf, std::span<const TypeId> roots);

} // namespace skep::btf
