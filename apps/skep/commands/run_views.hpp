// SPDX-License-Identifier: Apache-2.0
//
// What skep run shows beside its answer: each instruction with its C line, how often it was carried
// out, and the machine code that it became.
#pragma once

#include <optional>
#include <vector>

#include "apps/skep/session.hpp"

#include "skep/btf/btf.hpp"
#include "skep/run/executable.hpp"

namespace skep::app {

struct RunViews {
    const verify::VerifiedProgram* program = nullptr;
    const btf::Btf* types = nullptr;              // null: no C lines
    std::vector<std::uint64_t> counts;            // by running index; empty: not counted
    std::optional<run::CodeListing> machine_code; // nothing: not asked for
};

// Text: the busiest lines first, when counted, then everything in order. JSON: members "lines" and
// "insns" of the object that is open.
Result<void> show_run_views(Session& session, const RunViews& views);

} // namespace skep::app
