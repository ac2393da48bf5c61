// SPDX-License-Identifier: Apache-2.0
//
// Data plane. The printf of programs: bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf.
//
//   %[flags 0 + - space][width] then one of
//     d i u x X   with l or ll before: 64 bits, else 32      c   one byte
//     s   a text of the program's own memory (own_memory.hpp); elsewhere: nothing is printed
//     p K x s S B   an address; bare p is printed as a hash, so that no address of the engine leaks
//     pi4 pI4 pi6 pI6   an internet address read from memory
//
// Anything else, control characters, and more conversions than arguments are refused with -EINVAL
// before anything is printed. No precision, no '#', no octal: the kernel has none either.
//
// Proved by: format_test.cpp, against recorded answers and the running kernel's bpf_snprintf.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "skep/helpers/invocation.hpp"
#include "skep/spec/limits.hpp"

namespace skep::helpers {

inline constexpr std::uint32_t kFormatArgumentsMost = spec::limits::format_words;

// The length of the whole text, without a zero, or -EINVAL. As much as fits is written to `out`,
// which is always ended by a zero unless its size is 0.
std::int64_t format(const Invocation& invocation, std::string_view text,
                    std::span<const std::uint64_t> arguments, std::span<char> out);

} // namespace skep::helpers
