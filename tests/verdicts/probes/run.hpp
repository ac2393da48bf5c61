// SPDX-License-Identifier: Apache-2.0
//
// Puts families of probes to both verifiers and counts by cause where they differ.
#pragma once

#include <map>

#include "tests/verdicts/campaign/judges.hpp"
#include "tests/verdicts/probes/probe.hpp"

namespace skep::tests::probes {

struct Difference {
    std::uint64_t count = 0;
    std::vector<std::string> examples; // the first few
};

struct Report {
    std::uint64_t put = 0;
    std::uint64_t judged = 0;
    std::uint64_t both_accept = 0;
    std::uint64_t only_ours = 0; // accepted
    std::uint64_t only_kernels = 0;
    std::uint64_t other_words = 0; // both refuse, for another reason
    std::map<std::string, Difference> causes;
};

struct Choice {
    std::string only;         // families whose name contains it
    std::string caller;       // probes whose name contains it
    std::uint64_t one_of = 1; // each how manyeth probe
    std::size_t examples = 3; // of a cause
    std::function<void(const Probe&, const campaign::Opinion& ours, const std::string& kernels)>
        on_answer; // each probe that is judged; the kernel's words are empty when it accepts
};

// Precondition: the kernel may be asked.
Result<Report> run(client::Transport& kernel, const btf::Btf& kernel_types, const Choice& choice);

} // namespace skep::tests::probes
