// SPDX-License-Identifier: Apache-2.0
//
// The longer commands of skep prog.
#pragma once

#include "apps/skep/command_table.hpp"
#include "skep/client/bpf.hpp"

namespace skep::app {

Result<void> show_programs(Session& session, Words& words);
Result<void> dump_program(Session& session, Words& words);
Result<void> load_first_program(Session& session, Words& words);
Result<void> load_all_programs(Session& session, Words& words);
Result<void> run_program_once(Session& session, Words& words);
// After loading, a map's place in an instruction holds its id.
std::string name_of_loaded_map(const Insn& insn);
Result<void> profile_program(Session& session, Words& words);

} // namespace skep::app
