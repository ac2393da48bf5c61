// SPDX-License-Identifier: Apache-2.0
//
// What OBJ_GET_INFO_BY_FD tells about a program: its instructions as they run (maps by id), its
// machine code with the addresses and lengths of its functions, its function and line info carried
// over to the running instructions, its maps, tags and counts.
//
// Proved by: tests/golden (prog show, prog dump).
#pragma once

#include "skep/syscall/info_record.hpp"

namespace skep::syscall {

Result<long> program_info(Call& call, const registry::ProgramObject& program, InfoRecord record);

} // namespace skep::syscall
