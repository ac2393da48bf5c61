// SPDX-License-Identifier: Apache-2.0
//
// Words with an underscore inside that a symbol of ours cannot have: of the languages C and C++, of
// the headers that ours includes, and of the C library, whose functions a symbol of an application
// would replace without a word. (All our symbols have an underscore inside: PREFIX_NAME.)
//
// Limits: other libraries' names are not known here; the linker says when they meet.
#pragma once

#include <string_view>

namespace skep::app {

bool is_reserved_word(std::string_view word);

} // namespace skep::app
