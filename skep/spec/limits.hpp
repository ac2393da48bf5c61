// SPDX-License-Identifier: Apache-2.0
//
// Limits: how much of each thing is allowed, on Linux 6.18.
//
// Columns of limits.def:
//   name   in code: limits::name
//   value  the greatest number that is allowed
//   unit   of what
//   says   what is limited; "value unit says" is a sentence
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace skep::spec {

namespace limits {
#define LIMIT(name, value, unit, says) inline constexpr std::uint32_t name = value;
#include "skep/spec/limits.def"
} // namespace limits

struct LimitRow {
    std::string_view name;
    std::uint32_t value;
    std::string_view unit;
    std::string_view says;
};

inline constexpr std::array kLimits{
#define LIMIT(name, value, unit, says) LimitRow{#name, value, unit, says},
#include "skep/spec/limits.def"
};

} // namespace skep::spec
