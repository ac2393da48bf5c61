// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/state/subject.hpp"

#include <algorithm>

namespace skep::verify {

std::uint32_t Subject::subprogram_of(InsnIndex at) const {
    const auto next =
        std::upper_bound(subprograms.begin(), subprograms.end(), at,
                         [](InsnIndex insn, const Subprogram& one) { return insn < one.start; });
    return static_cast<std::uint32_t>(next - subprograms.begin()) - 1;
}

std::optional<std::uint32_t> Subject::subprogram_at(InsnIndex start) const {
    if (start.value >= insns.size()) {
        return std::nullopt;
    }
    const std::uint32_t index = subprogram_of(start);
    return subprograms[index].start == start ? std::optional(index) : std::nullopt;
}

} // namespace skep::verify
