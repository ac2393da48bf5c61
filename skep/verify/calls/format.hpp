// SPDX-License-Identifier: Apache-2.0
//
// Formats of bpf_snprintf, whose text is known beforehand: whether every conversion is one that
// programs may use, and has an argument.
#pragma once

#include <string_view>

#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

// The conversions of a text, or nothing when one of them is not allowed.
std::optional<std::uint64_t> conversions_in(std::string_view text);

// The text that argument `number` points at, for so many arguments.
Ruling<void> check_format(const CallSite& site, unsigned number, std::uint64_t arguments);

} // namespace skep::verify
