// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/help/suggest.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

namespace skep::app {

namespace {

constexpr std::size_t kMaxLetters = 64;
constexpr std::size_t kFar = std::numeric_limits<std::size_t>::max();

std::size_t distance(std::string_view left, std::string_view right) {
    if (left.size() > kMaxLetters || right.size() > kMaxLetters) {
        return kFar;
    }
    using Row = std::array<std::size_t, kMaxLetters + 1>;
    std::array<Row, 3> rows = {}; // of the letter before the last, of the last, of this
    for (std::size_t column = 0; column <= right.size(); ++column) {
        rows[1][column] = column;
    }
    for (std::size_t i = 1; i <= left.size(); ++i) {
        rows[2][0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t changed = rows[1][j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
            std::size_t least = std::min({rows[1][j] + 1, rows[2][j - 1] + 1, changed});
            const bool swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            rows[2][j] = swapped ? std::min(least, rows[0][j - 2] + 1) : least;
        }
        rows[0] = rows[1];
        rows[1] = rows[2];
    }
    return rows[1][right.size()];
}

} // namespace

std::string nearest(std::string_view typed, std::span<const std::string> candidates) {
    const std::size_t allowed = typed.size() < 3 ? 1 : typed.size() / 3 + 1;
    std::string best;
    std::size_t best_distance = allowed + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t letters = distance(typed, candidate);
        if (letters < best_distance) {
            best_distance = letters;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates) {
    const std::string meant = nearest(typed, candidates);
    return meant.empty() ? std::string() : fmt::format("\ndid you mean '{}'?", meant);
}

} // namespace skep::app
