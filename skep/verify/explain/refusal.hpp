// SPDX-License-Identifier: Apache-2.0
//
// A finding from its parts, for rooms that make many and say some things more exactly than the
// table of findings does.
#pragma once

#include <cerrno>
#include <string>

#include "skep/verify/explain/codes.hpp"

namespace skep::verify {

struct Refusal {
    FindingCode code;
    int os_errno = EACCES;
    std::string kernel;    // the kernel's last line
    std::string what = {}; // empty: the table's
    std::string because = {};
    std::string suggestion = {}; // empty: the table's
    std::string kernel_detail = {};
};

[[gnu::cold]] inline Finding refuse(Refusal refusal) {
    Finding finding = refuse(refusal.code, refusal.os_errno, std::move(refusal.kernel),
                             std::move(refusal.because));
    if (!refusal.what.empty()) {
        finding.what = std::move(refusal.what);
    }
    if (!refusal.suggestion.empty()) {
        finding.suggestion = std::move(refusal.suggestion);
    }
    finding.kernel_detail = std::move(refusal.kernel_detail);
    return finding;
}

} // namespace skep::verify
