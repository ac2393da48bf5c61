// SPDX-License-Identifier: Apache-2.0
//
// The running kernel's types as BTF 1, which is where tools look for them. Nothing when the kernel
// does not show them.
#pragma once

#include "skep/registry/registry.hpp"

namespace skep::syscall {

Result<void> add_kernel_types(registry::Registry& objects);

} // namespace skep::syscall
