// SPDX-License-Identifier: Apache-2.0
//
// Help and man pages, printed from the command table.
#pragma once

#include <string>

#include "apps/skep/command_table.hpp"

namespace skep::app {

std::string usage_of_program(const Session& session);
std::string usage_of_noun(const Session& session, const Noun& noun);
// One command: how it is called, what it does, what its words and options mean.
std::string usage_of_verb(const Session& session, const Noun& noun, const Verb& verb);
// The first line of that.
std::string usage_line(const Session& session, const Noun& noun, const Verb& verb);
std::string man_page(); // roff, man(7)

} // namespace skep::app
