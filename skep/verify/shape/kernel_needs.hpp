// SPDX-License-Identifier: Apache-2.0
//
// What a program needs of a kernel, read from the "since" columns of spec/.
//
// What must be there for the program to load at all (its type, its maps, its instructions, its
// functions) is found in its text. Calls are needed only where a path leads: code behind a test of
// LINUX_KERNEL_VERSION or of a CO-RE relocation may name what an old kernel lacks.
//
// Limits: the rules of memory and of types are those of the newest kernel. An older one also lacks
// precision that came bit by bit, and may refuse what its features would allow.
//
// Proved by: skep/verify/verify_test.cpp.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/kernel_need.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// Everything that is needed, each thing once, oldest first. Reached says of each slot whether a
// path leads there; processed is what the walk took, and barrier where it needed the first one.
// What every kernel of kKernelSeries has is left out. Precondition: special fields were noted.
struct Walked {
    const std::vector<bool>& reached;
    std::uint64_t processed = 0;
    std::optional<InsnIndex> barrier = std::nullopt;
};
std::vector<KernelNeed> kernel_needs(const Subject& subject, const Walked& walked);

// A finding for each need that the environment's kernel does not meet.
std::vector<Finding> unmet_needs(const Environment& environment, std::span<const KernelNeed> needs);

} // namespace skep::verify
