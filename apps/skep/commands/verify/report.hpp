// SPDX-License-Identifier: Apache-2.0
//
// The verdict on one program, as text for a person or as JSON.
#pragma once

#include "apps/skep/session.hpp"
#include "skep/bytecode/program.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {

struct Judged {
    const std::string& file;
    const ProgramSpec& program;
    verify::Outcome outcome;
    std::uint64_t time_us = 0;
};

void print_text(Session& session, const Judged& judged);

// One object a line, or with -p one after another, so that a stream of them can be read as it
// comes; in a batch, members of an array.
void print_line(Session& session, const Judged& judged);

// Which kernels would take the program, and what the others lack. `before_global_functions` is the
// verdict of kernels that judge global functions at each call; null when it cannot differ.
void print_kernels(Session& session, const Judged& judged,
                   const verify::Outcome* before_global_functions);
void print_kernels_line(Session& session, const Judged& judged,
                        const verify::Outcome* before_global_functions);

} // namespace skep::app
