// SPDX-License-Identifier: Apache-2.0
//
// What skep run and skep prog profile show of a program: each instruction with its C line, what it
// cost, and the machine code that it became.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "apps/skep/session.hpp"

#include "skep/btf/btf.hpp"
#include "skep/bytecode/disassemble.hpp"
#include "skep/observe/listing.hpp"
#include "skep/run/executable.hpp"

namespace skep::app {

using LineOf = std::function<std::optional<observe::SourceLine>(InsnIndex)>;

// What instructions cost, by running index.
struct Costs {
    std::string_view unit = "instructions"; // or cycles, ns
    std::vector<std::uint64_t> of;
    std::uint64_t elsewhere = 0; // cycles and time outside the program's code, as in helpers
};

struct RunViews {
    std::span<const RawInsn> insns;
    LineOf line_of;
    Names names;
    std::optional<Costs> costs;
    std::optional<run::CodeListing> machine_code; // nothing: not asked for
};

// Of a program that was verified here; `types` may be null: no C lines.
RunViews views_of(const verify::VerifiedProgram& program, const btf::Btf* types);

// Text: the dearest lines first, when there are costs, then everything in order. JSON: members
// "metric", "lines" and "insns" of the object that is open.
Result<void> show_run_views(Session& session, const RunViews& views);

} // namespace skep::app
