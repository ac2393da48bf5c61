// SPDX-License-Identifier: Apache-2.0
//
// A finding for a person: what is wrong, where, why we think so, what to try.
//
//   error[E0302]: packet read past the end
//     --> prog.c:41:12
//      |
//   41 |     port = tcp->dest;
//      |            ^
//      = instruction 17: r1 = *(u16 *)(r2 +36)
//      = because R2 is packet start + 0, and 38 bytes are read
//   note: 34 bytes were proved here
//     --> prog.c:36:9
//      |
//   36 |     if (data + 34 > data_end)
//      = path: prog.c:30 → prog.c:36
//      = try comparing data + 38 with data_end before the read
//
// Without line information the instructions stand in place of the source, and a last line says what
// building with -g would add. Never more than a screen: long paths and texts are cut, and say so.
//
// Proved by: render_test.cpp.
#pragma once

#include <cstddef>
#include <string>

#include "skep/bytecode/program.hpp"
#include "skep/verify/explain/finding.hpp"

namespace skep::verify {

enum class Colour : std::uint8_t { no, yes };

struct RenderOptions {
    Colour colour = Colour::no;
    std::size_t max_lines = 30;
    std::size_t max_columns = 120; // of source and instruction lines
};

// The text, each line with its newline. `program` is the one that was refused.
std::string render(const ProgramSpec& program, const Finding& finding,
                   const RenderOptions& options = {});

} // namespace skep::verify
