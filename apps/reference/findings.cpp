// SPDX-License-Identifier: Apache-2.0
//
// The page of findings: every code, what it means, what to try.
#include <fmt/format.h>

#include "apps/reference/pages.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::reference {

std::string findings_page() {
    std::string text =
        "# Findings\n\nPrinted from `skep/verify/explain/findings.def` by `skep-reference`; a test "
        "compares. A code is stable: it is never used for something else.\n\n";
    for (const verify::FindingRow& row : verify::finding_rows()) {
        text += fmt::format("## {}: {}\n\n{}\n\nTry: {}.\n\n", row.code, row.what, row.explanation,
                            row.suggestion);
    }
    return text;
}

} // namespace skep::reference
