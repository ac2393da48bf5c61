// SPDX-License-Identifier: Apache-2.0
//
// Help, man pages and completion, printed from the command table.
#pragma once

#include <string>

#include "apps/skep/command_table.hpp"

namespace skep::app {

std::string usage_of_program(const Session& session);
std::string usage_of_noun(const Session& session, const Noun& noun);
std::string man_page();        // roff, man(7)
std::string bash_completion(); // to be sourced

} // namespace skep::app
