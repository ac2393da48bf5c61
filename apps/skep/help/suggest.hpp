// SPDX-License-Identifier: Apache-2.0
//
// Suggestions: what somebody may have meant, when what was typed is nothing that there is.
//
// The distance of two words is how many letters must be put in, left out, changed or swapped with
// their neighbour. Limit: words of up to 64 letters; longer ones are like nothing.
//
// Proved by: suggest_test.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace skep::app {

// The candidate that is nearest to what was typed; empty when none is near.
std::string nearest(std::string_view typed, std::span<const std::string> candidates);

// "\ndid you mean 'prog'?", or nothing.
std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates);

} // namespace skep::app
