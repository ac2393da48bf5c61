// SPDX-License-Identifier: Apache-2.0
#include "skep/os/machine.hpp"
#include "skep/run/jit/arm64/target.hpp"
#include "skep/run/jit/lowering.hpp"
#include "skep/run/jit/machines.hpp"

namespace skep::run::jit::arm64 {

Result<Image> lower(const Work& work) {
    const Wanted& wanted = work.wanted;
    const Features features{.large_atomics =
                                wanted.processor == Processor::this_one && os::has_large_atomics()};
    TargetArm64 target(features, work.plan, wanted.blinding);
    Image image = Lowering<TargetArm64>(work.program, work.plan, work.shapes, target,
                                        wanted.blinding != 0 ? Deferring::no : Deferring::yes)
                      .run();
    if (image.code.size() > kMostBytes) {
        return fail(Code::unsupported, "the program is too large for jumps of this machine");
    }
    return image;
}

} // namespace skep::run::jit::arm64
