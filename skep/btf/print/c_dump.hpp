// SPDX-License-Identifier: Apache-2.0
//
// Types as a C header that compiles and gives the same layout; the text is bpftool's, line by line.
//
// Two passes. Ordering: a depth-first walk puts each definition after what it embeds; what is only
// pointed to need not come first. Emitting: in that order, each definition preceded by the forward
// declarations that its pointers need. Names used twice get "___2"; gaps that the compiler would
// not leave by itself are filled with nameless bit fields.
//
// What is not valid C in the first place (a name of another language) is printed as it is. Text
// that would grow past kMaxCBytes, as nested anonymous types can, is an error.
//
// Proved by: print_test.cpp (compared with bpftool on the golden objects and on the kernel's
// types).
#pragma once

#include <span>
#include <string>

#include "skep/btf/btf.hpp"

namespace skep::btf {

inline constexpr std::size_t kMaxCBytes = 256U << 20;

// The definitions of `roots` and of all they need; of every type of the Btf's own when empty.
Result<std::string> c_definitions(const Btf& btf, std::span<const TypeId> roots = {});

// The same between the guard and the pragmas of a vmlinux.h.
Result<std::string> c_header(const Btf& btf, std::span<const TypeId> roots = {});

} // namespace skep::btf
