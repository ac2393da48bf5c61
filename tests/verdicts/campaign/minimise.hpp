// SPDX-License-Identifier: Apache-2.0
//
// A smaller program that is disagreed about for the same reason: instructions are taken out, one
// after the other, as long as both verifiers still say what they said.
#pragma once

#include "tests/verdicts/campaign/judges.hpp"

namespace skep::tests::campaign {

struct Case {
    Disagreement kind = Disagreement::nothing;
    std::string cause; // of whoever refuses
    std::string ours;  // messages in full
    std::string kernels;
};

// What the judges say, with messages where they disagree.
Case judge(const Judges& judges, const World& world, const ProgramSpec& program);

// Precondition: they disagree about the program.
ProgramSpec minimise(const Judges& judges, const World& world, ProgramSpec program);

} // namespace skep::tests::campaign
