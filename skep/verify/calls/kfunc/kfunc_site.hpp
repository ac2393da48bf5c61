// SPDX-License-Identifier: Apache-2.0
//
// KfuncSite: one call to a kernel function under judgement. Arguments are numbered from 1, as
// registers are; messages of the kernel number them from 0.
#pragma once

#include <span>

#include "skep/spec/kfuncs.hpp"
#include "skep/verify/calls/call.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {

struct KfuncSite {
    const Subject& subject;
    const State& state;
    InsnIndex at;
    const spec::KfuncRow& row;
    const btf::Btf& types; // the kernel's
    const btf::Type& prototype;

    [[nodiscard]] unsigned argument_count() const {
        return static_cast<unsigned>(prototype.members.size());
    }
    [[nodiscard]] const Value& value(unsigned number) const {
        return state.reg(static_cast<Reg>(number));
    }
    [[nodiscard]] const btf::Member& parameter(unsigned number) const {
        return prototype.members[number - 1];
    }
    [[nodiscard]] std::string_view name() const { return row.name; }
    // The type that a parameter or result points at, 0 when it is void or no pointer.
    [[nodiscard]] btf::TypeId pointee(btf::TypeId id) const {
        const btf::TypeId pointer = types.resolve(id);
        return types.type(pointer).kind == btf::Kind::pointer
                   ? types.resolve(types.type(pointer).target)
                   : 0;
    }
    [[nodiscard]] bool in_rcu_section() const { return state.in_rcu_section(); }
};

} // namespace skep::verify
