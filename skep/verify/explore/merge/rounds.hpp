// SPDX-License-Identifier: Apache-2.0
//
// Rounds: how often a loop may go round.
//
// Where states are joined, a loop is no longer walked to its end, so that it has one must be
// proved. A loop ends when some register or stack variable moves the same way by at least one on
// every way round, and stays within bounds at its beginning: the joined state there has them. How
// it moves is followed over the loop's body, through copies, spills, additions of constants and
// joins; what else is written counts as unknown. Nothing may wrap: the bounds together with the
// furthest that it moves within a round stay inside the width that it is counted in.
//
//   i in [0, 10000000] at the head        r6 += 1 on every way round
//   so it goes round at most 10000001 times
//
// A loop through may_goto ends by itself. For loops inside loops, and in functions called from
// loops, the rounds multiply; more than kMostRounds altogether are refused.
#pragma once

#include <cstdint>
#include <vector>

#include "skep/verify/explore/facts.hpp"
#include "skep/verify/explore/merge/merge_points.hpp"

namespace skep::verify {

inline constexpr std::uint64_t kMostRounds = 1ULL << 30;

// Whether every loop that was reached goes round a bounded number of times.
bool all_loops_end(const Subject& subject, const Facts& facts, const LoopOrder& order,
                   const std::vector<MergePoints::AtHead>& heads);

} // namespace skep::verify
