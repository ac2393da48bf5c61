// SPDX-License-Identifier: Apache-2.0
//
// Which places of a map's value are locks, timers and the like: told by the names of the structures
// in the value's type. A structure of such a name and another size is plain bytes, as is one behind
// a typedef.
#pragma once

#include <vector>

#include "skep/base/result.hpp"
#include "skep/btf/btf.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep::syscall {

Result<std::vector<spec::ValueField>> value_fields_of(const btf::Btf& types, btf::TypeId value);

} // namespace skep::syscall
