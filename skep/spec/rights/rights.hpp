// SPDX-License-Identifier: Apache-2.0
//
// Rights: what the loader of a program must have for some of what its program type offers.
//
// Columns of rights.def:
//   HELPER_RIGHT   helper, capability
//   CONTEXT_RIGHT  context, field, direction (load, store), the program type that it is about,
//                  capability
// What has no row is free for everyone who may load the program. What else goes by capabilities is
// a column of its own table (program_types.hpp, map_types.hpp, commands.hpp).
//
// Source: what Linux 6.18 answers to callers with CAP_BPF alone, and with nothing.
// Proved by: tests/cases/unprivileged; rights_test.cpp for the form.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::spec {

enum class Right : std::uint8_t { nothing, bpf, perfmon };
std::string_view name_of(Right right); // "CAP_BPF"

struct HelperRight {
    Helper helper = Helper::unspec;
    Right right = Right::nothing;
};
std::span<const HelperRight> helper_rights();
Right right_to_call(Helper helper);

Right right_to_access(const ContextField& field, AccessDirection direction, ProgramType program);

} // namespace skep::spec
