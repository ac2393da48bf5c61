// SPDX-License-Identifier: Apache-2.0
//
// Support: what this build's user engine can do with a row of a table.
//
// Rows that it cannot serve are written too, so that asking for one gives an exact answer.
// Verifying does not depend on it: a program may be judged for helpers and maps that only a kernel
// runs.
#pragma once

#include <cstdint>
#include <string_view>

namespace skep::spec {

enum class SupportLevel : std::uint8_t { full, partial, absent };

struct Support {
    SupportLevel level = SupportLevel::absent;
    std::string_view missing; // for partial: what is missing

    constexpr bool operator==(const Support&) const = default;
};

// The three words of the support columns.
inline constexpr Support full{SupportLevel::full, {}};
inline constexpr Support absent{SupportLevel::absent, {}};
constexpr Support partial(std::string_view missing) { return {SupportLevel::partial, missing}; }

} // namespace skep::spec
