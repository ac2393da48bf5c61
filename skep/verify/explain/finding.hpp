// SPDX-License-Identifier: Apache-2.0
//
// A finding: one reason why a program was refused, as data. Printers make text of it: kernel_log in
// the words that Linux tools match on, render for a person.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skep/bytecode/insn.hpp"

namespace skep::verify {

// A place in the program: always an instruction, and a source position when line info knows it.
struct Place {
    InsnIndex insn;
    std::string file; // empty without line info
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string source; // the source line
};

// A remark beside the main place: where a needed fact was lost or never established.
struct Note {
    Place place;
    std::string text;
};

struct Finding {
    std::string code;           // stable: "E0101"; docs/reference lists them
    int os_errno = 0;
    std::string kernel_message; // the kernel's last log line
    std::string what;           // what is wrong, in a sentence's beginning: "packet read past the end"
    Place place;
    std::string because;        // why we think so, with the value that broke the rule
    std::vector<Note> notes;
    std::vector<Place> path;    // the branch decisions that lead here, oldest first
    std::string suggestion;     // what to try
};

} // namespace skep::verify
