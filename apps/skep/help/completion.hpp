// SPDX-License-Identifier: Apache-2.0
//
// Completion for shells, printed from the command table: nouns, verbs, the words that name an
// object, options; files where nothing else fits.
//
// Proved by: command_table_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skep::app {

// To be sourced (bash), or put on the function path (zsh, fish); nothing for another shell.
std::optional<std::string> completion_for(std::string_view shell);

} // namespace skep::app
