// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/codes.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace skep::verify {
namespace {

constexpr std::array kRows{
#define FINDING(code, name, what, suggestion, explanation)                                         \
    FindingRow{FindingCode::name, #code, #name, what, suggestion, explanation},
#include "skep/verify/explain/findings.def"
};

static_assert(std::ranges::is_sorted(kRows, std::ranges::less{}, &FindingRow::code));
static_assert([] {
    for (const FindingRow& row : kRows) {
        if (row.code.size() != 5 || row.what.empty() || row.suggestion.empty() ||
            row.explanation.empty()) {
            return false;
        }
    }
    return true;
}());

} // namespace

std::span<const FindingRow> finding_rows() { return kRows; }

const FindingRow& row(FindingCode id) { return kRows[static_cast<std::size_t>(id)]; }

const FindingRow* find_finding(std::string_view code) {
    const auto same = [](char a, char b) {
        return std::toupper(static_cast<unsigned char>(a)) ==
               std::toupper(static_cast<unsigned char>(b));
    };
    const auto at = std::ranges::find_if(kRows, [&](const FindingRow& candidate) {
        return std::ranges::equal(candidate.code, code, same);
    });
    return at == kRows.end() ? nullptr : &*at;
}

Finding refuse(FindingCode id, int os_errno, std::string kernel_message, std::string because) {
    const FindingRow& kind = row(id);
    Finding finding;
    finding.code = kind.code;
    finding.os_errno = os_errno;
    finding.kernel_message = std::move(kernel_message);
    finding.what = kind.what;
    finding.because = std::move(because);
    finding.suggestion = kind.suggestion;
    return finding;
}

} // namespace skep::verify
