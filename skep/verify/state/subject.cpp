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

const btf::Type* Subject::called_kfunc(const Insn& insn) const {
    if (insn.kind != InsnKind::call_kfunc || insn.imm <= 0 || insn.offset != 0) {
        return nullptr;
    }
    const btf::Btf* types = environment.kernel_types;
    const auto id = static_cast<btf::TypeId>(insn.imm);
    const bool is_function =
        types != nullptr && types->has(id) && types->type(id).kind == btf::Kind::function;
    return is_function ? &types->type(id) : nullptr;
}

const spec::KfuncRow* Subject::kfunc_row(const Insn& insn) const {
    const btf::Type* function = called_kfunc(insn);
    return function == nullptr ? nullptr : spec::find_kfunc(function->name);
}

} // namespace skep::verify
