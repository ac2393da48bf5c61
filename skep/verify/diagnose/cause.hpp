// SPDX-License-Identifier: Apache-2.0
//
// Causes: for each kind of finding, what to look for on the path that led to it, and what to
// propose. A finding is made clearer in place: its notes, its `because`, its suggestion and its
// fix.
#pragma once

#include <optional>
#include <string>

#include "skep/verify/diagnose/names.hpp"
#include "skep/verify/diagnose/trail.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {

// A refused path with what all kinds of causes ask of it.
class Cause {
  public:
    Cause(const Subject& subject, const Trail& trail, const RefusedPath& refused, Finding& finding);

    const Subject& subject;
    const Trail& trail;
    const RefusedPath& refused;
    Finding& finding;

    // The refused step, its instruction, and the register that broke the rule with its value.
    std::size_t step = 0;
    Insn insn;
    std::optional<Reg> reg;
    Value value;
    std::optional<std::size_t> made; // the step that made the value

    [[nodiscard]] bool is(FindingCode code) const { return finding.code == row(code).code; }
    // The source line of a step, empty without line info.
    [[nodiscard]] Place place(std::size_t at) const;
    // What the value is called: where it was made, or where it is used; else "R2".
    [[nodiscard]] std::optional<std::string> name() const;
    [[nodiscard]] std::string name_or_register() const;
    // "helper bpf_map_lookup_elem", when the step is such a call.
    [[nodiscard]] std::string callee(std::size_t at) const;
    void note(std::size_t at, std::string text) const;
    // A statement before the refused line, or another in place of a line.
    void insert_before(const Place& at, std::string text) const;
    void replace_line(const Place& at, std::string text) const;
    // "return XDP_PASS;": leaves the program with an answer that its type allows.
    [[nodiscard]] std::string leave() const;
};

void explain_cause(Cause cause);

// By what was refused; cause_memory.cpp and cause_calls.cpp.
void explain_null(Cause& cause);
void explain_packet(Cause& cause);
void explain_bounds(Cause& cause);
void explain_wrong_pointer(Cause& cause);
void explain_unset(Cause& cause);
void explain_stack(Cause& cause);
void explain_mixed(Cause& cause);

void explain_argument(Cause& cause);
void explain_size(Cause& cause);
void explain_leak(Cause& cause);
void explain_return(Cause& cause);
void explain_not_offered(Cause& cause);
void explain_too_complex(Cause& cause);

} // namespace skep::verify
