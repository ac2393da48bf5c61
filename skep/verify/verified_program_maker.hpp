// SPDX-License-Identifier: Apache-2.0
//
// The one way to make a VerifiedProgram out of its parts.
//
// Whoever includes this vouches for the proof. Three do: verify/verify.cpp, which has just proved
// the program; VerifiedProgram::decode, which reads back what encode() of a proved one wrote; and
// tests/support/unchecked, for tests that want an engine to run code as it stands. No other file
// may include it.
#pragma once

#include <utility>
#include <vector>

#include "skep/verify/verified_program.hpp"

namespace skep::verify {

// The fields of a VerifiedProgram, open. Facts and origins have one entry for each running slot
// (the second slot of a wide immediate included); subprograms are in rising order, main first.
struct VerifiedProgramParts {
    ProgramSpec spec;
    std::vector<RawInsn> insns;
    std::vector<InsnFacts> facts;
    std::vector<InsnIndex> origins;
    std::vector<SubprogramFacts> subprograms;
    std::vector<spec::MapSpec> maps;
    ProgramFacts program_facts;
    std::uint64_t verified_insns = 0;
};

struct VerifiedProgramMaker {
    static VerifiedProgram make(VerifiedProgramParts parts) {
        SKEP_ASSERT(parts.facts.size() == parts.insns.size());
        SKEP_ASSERT(parts.origins.size() == parts.insns.size());
        SKEP_ASSERT(!parts.subprograms.empty());
        VerifiedProgram program;
        program.spec_ = std::move(parts.spec);
        program.insns_ = std::move(parts.insns);
        program.facts_ = std::move(parts.facts);
        program.origins_ = std::move(parts.origins);
        program.subprograms_ = std::move(parts.subprograms);
        program.maps_ = std::move(parts.maps);
        program.program_facts_ = std::move(parts.program_facts);
        program.verified_insns_ = parts.verified_insns;
        return program;
    }
};

} // namespace skep::verify
