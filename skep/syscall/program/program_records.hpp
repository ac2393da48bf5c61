// SPDX-License-Identifier: Apache-2.0
//
// Function and line info of PROG_LOAD: records that may be longer than the part we know, as long as
// the rest is zero; a longer record with something in the rest is E2BIG, and the size that we know
// is written back.
#pragma once

#include "skep/syscall/program/program_request.hpp"

namespace skep::syscall {

Result<void> read_program_records(Call& call, const abi::ProgLoadAttr& attr,
                                  ProgramRequest& request);

} // namespace skep::syscall
