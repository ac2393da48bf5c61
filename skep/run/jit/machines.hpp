// SPDX-License-Identifier: Apache-2.0
//
// The machines that code is generated for, each the lowering over its own target. Every build has
// all of them: what to encode is data, so code for one machine can be made, listed and checked on
// another; it can only run on its own.
#pragma once

#include "skep/run/jit/compile.hpp"

namespace skep::run::jit {

struct Work {
    const verify::VerifiedProgram& program;
    const Plan& plan;
    MapShapes shapes;
    Wanted wanted; // for this machine
};

namespace x64 {
Result<Image> lower(const Work& work);
}
namespace arm64 {
Result<Image> lower(const Work& work);
}

} // namespace skep::run::jit
