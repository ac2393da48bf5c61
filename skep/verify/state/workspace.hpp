// SPDX-License-Identifier: Apache-2.0
//
// Workspace: what the steps of one verification share beside the state they change.
#pragma once

#include "skep/verify/state/dependencies.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

struct Workspace {
    const Subject& subject;
    IdSource ids;
    Dependencies dependencies;

    // Some check relied on exactly which number this is.
    void need(const Value& value) {
        if (value.is_scalar()) {
            dependencies.need(value.origin);
        }
    }
};

} // namespace skep::verify
