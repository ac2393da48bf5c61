// SPDX-License-Identifier: Apache-2.0
#include "skep/spec/rights/rights.hpp"

#include <algorithm>
#include <array>

namespace skep::spec {
namespace {

constexpr std::array kHelperRights{
#define HELPER_RIGHT(helper, right) HelperRight{Helper::helper, Right::right},
#include "skep/spec/rights/rights.def"
};

struct ContextRight {
    ContextId context;
    std::string_view field;
    AccessDirection direction;
    ProgramType program;
    Right right;
};
constexpr std::array kContextRights{
#define CONTEXT_RIGHT(context, field, direction, program, right)                                   \
    ContextRight{ContextId::context, #field, AccessDirection::direction, ProgramType::program,     \
                 Right::right},
#include "skep/spec/rights/rights.def"
};

} // namespace

std::string_view name_of(Right right) {
    return right == Right::nothing ? "" : right == Right::bpf ? "CAP_BPF" : "CAP_PERFMON";
}

std::span<const HelperRight> helper_rights() { return kHelperRights; }

Right right_to_call(Helper helper) {
    const auto* row = std::ranges::find(kHelperRights, helper, &HelperRight::helper);
    return row == kHelperRights.end() ? Right::nothing : row->right;
}

Right right_to_access(const ContextField& field, AccessDirection direction, ProgramType program) {
    const auto* row = std::ranges::find_if(kContextRights, [&](const ContextRight& one) {
        return one.context == field.context && one.field == field.name &&
               one.direction == direction && one.program == program;
    });
    return row == kContextRights.end() ? Right::nothing : row->right;
}

} // namespace skep::spec
