// SPDX-License-Identifier: Apache-2.0
//
// The campaign: many programs, both verifiers, one tally.
//
// Programs have numbers, and a number with the seed makes the same program again on every machine:
// generated ones count from 0; mutants count by rounds over the corpus (a round visits each program
// of each object and changes it a few times). `next` of the tally is where the next run goes on.
#pragma once

#include <chrono>
#include <string>

#include "tests/verdicts/campaign/tally.hpp"

namespace skep::tests::campaign {

// Of everything; of what lies in callers' frames (generator/frames.hpp); of what the rounds of a
// loop hand each other (generator/rounds.hpp).
enum class Kind : std::uint8_t { mixed, frames, rounds };

struct Limits {
    std::uint64_t programs = 1000;
    std::chrono::seconds time{60};
    std::uint64_t seed = 1;
    std::uint64_t mutants_of_each = 20; // in one round
    Kind kind = Kind::mixed;            // of generated ones
    bool messages = false;              // compares the last lines of refusals, too
};

void run_generated(const Judges& judges, client::Transport& kernel, const Limits& limits,
                   Tally& tally);
// What is mutated, and what its relocations are against.
struct Originals {
    std::string folder;
    const btf::Btf* kernel_types;
};
void run_mutants(const Judges& judges, client::Transport& kernel, const Originals& originals,
                 const Limits& limits, Tally& tally);

} // namespace skep::tests::campaign
