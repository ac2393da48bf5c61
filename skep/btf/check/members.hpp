// SPDX-License-Identifier: Apache-2.0
//
// Whether a member of a structure or union lies within it, as the kernel asks of each kind
// (internal to check/).
#pragma once

#include "skep/btf/btf.hpp"

namespace skep::btf {

Result<void> check_member_place(const Btf& btf, const Type& composite, const Member& member);

} // namespace skep::btf
