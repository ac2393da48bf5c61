// SPDX-License-Identifier: Apache-2.0
//
// The kinds of findings: a stable code for each, and the words that all findings of the kind share.
//
// Columns of findings.def:
//   code        stable for ever: a code is never used for something else
//   name        in this code
//   what        what is wrong, as a sentence's beginning; a maker may say it more exactly
//   suggestion  what to try; a maker may say it more exactly
//   explanation the longer text of `--explain CODE` and of the reference page
// A finding is made where a check refuses: refuse(FindingCode::..., errno, the kernel's line,
// because).
//
// Proved by: codes_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "skep/verify/explain/finding.hpp"

namespace skep::verify {

enum class FindingCode : std::uint8_t {
#define FINDING(code, name, what, suggestion, explanation) name,
#include "skep/verify/explain/findings.def"
};

struct FindingRow {
    FindingCode id;
    std::string_view code; // "E0301"
    std::string_view name;
    std::string_view what;
    std::string_view suggestion;
    std::string_view explanation;
};

std::span<const FindingRow> finding_rows();
const FindingRow& row(FindingCode id);
// By "E0301" in any case, or null.
const FindingRow* find_finding(std::string_view code);

// A finding of that kind. `because` says why we think so, with the value that broke the rule.
[[gnu::cold]] Finding refuse(FindingCode id, int os_errno, std::string kernel_message,
                             std::string because);

} // namespace skep::verify
