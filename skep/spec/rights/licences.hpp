// SPDX-License-Identifier: Apache-2.0
//
// The licence texts that let a program call what is for GPL programs only.
//
// Source: what Linux 6.18 answers to programs of each licence. Proved by: licences_test.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "skep/spec/limits.hpp"

namespace skep::spec {

inline constexpr std::array<std::string_view, 6> kGplCompatibleLicences{
    "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
};

// The text ends at a zero, and is looked at no further than licence_bytes.
constexpr bool is_gpl_compatible(std::string_view licence) {
    const std::string_view seen =
        licence.substr(0, std::min<std::size_t>(licence.find('\0'), limits::licence_bytes));
    return std::ranges::find(kGplCompatibleLicences, seen) != kGplCompatibleLicences.end();
}

} // namespace skep::spec
