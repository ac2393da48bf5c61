// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/lowering.hpp"
#include "skep/run/jit/machines.hpp"
#include "skep/run/jit/x64/target.hpp"

namespace skep::run::jit::x64 {
namespace {

Features features_of(Processor processor) {
#if defined(__x86_64__)
    return {.bmi2 = processor == Processor::this_one && __builtin_cpu_supports("bmi2") != 0};
#else
    static_cast<void>(processor); // it is never this one
    return {};
#endif
}

} // namespace

Result<Image> lower(const Work& work) {
    const Wanted& wanted = work.wanted;
    TargetX64 target(features_of(wanted.processor), work.plan, wanted.blinding);
    return Lowering<TargetX64>(work.program, work.plan, work.shapes, target,
                               wanted.blinding != 0 ? Deferring::no : Deferring::yes)
        .run();
}

} // namespace skep::run::jit::x64
