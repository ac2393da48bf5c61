// SPDX-License-Identifier: Apache-2.0
//
// One accepted program on every engine, with the same inputs: the answers, the frame, the record
// and what the maps hold afterwards must be the same.
//
// Some programs answer with addresses or with what lay on the stack before. They are found by
// running the interpreter a second time with packet, maps and stack elsewhere, and left out.
#pragma once

#include "tests/soundness/claims_run.hpp"

namespace skep::tests::soundness {

struct Agreement {
    bool ran = false;
    bool depends_on_place = false;
    std::string disagreement;              // empty when there is none
    std::vector<std::string_view> engines; // that it ran on, the interpreter first
};

Agreement run_on_every_engine(const ProgramSpec& program, Bench& bench,
                              const verify::Environment& environment, unsigned runs,
                              std::mt19937_64& random);

} // namespace skep::tests::soundness
