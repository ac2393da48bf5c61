// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/diagnose/diagnose.hpp"

#include "skep/verify/diagnose/cause.hpp"

namespace skep::verify {

std::vector<Finding> diagnose(const Subject& subject, std::span<const RefusedPath> refused) {
    std::vector<Finding> findings;
    for (const RefusedPath& path : refused) {
        const Trail trail(subject, path);
        Finding finding = path.finding;
        if (!trail.steps().empty()) {
            explain_cause(Cause(subject, trail, path, finding));
        }
        findings.push_back(std::move(finding));
    }
    return findings;
}

} // namespace skep::verify
