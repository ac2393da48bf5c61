// SPDX-License-Identifier: Apache-2.0
//
// Which attach types and targets a program type accepts when it is loaded.
#pragma once

#include "skep/base/result.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::syscall {

Result<void> check_attach_rules(spec::ProgramType type, const abi::ProgLoadAttr& attr);

} // namespace skep::syscall
