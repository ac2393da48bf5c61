// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/live/kfunc_reads.hpp"

#include <string_view>

#include "skep/btf/btf.hpp"
#include "skep/verify/calls/kfunc/kfunc_site.hpp"

namespace skep::verify {
namespace {

constexpr std::uint32_t kDynptrBytes = 16; // as programs see them

KfuncReads::Argument read_of(const btf::Btf& types, const btf::Type& prototype,
                             std::size_t number) {
    using Extent = KfuncReads::Extent;
    const btf::Type& type = types.type(types.resolve(prototype.members[number].type));
    if (type.kind != btf::Kind::pointer) {
        return {};
    }
    const bool size_follows = number + 1 < prototype.members.size() &&
                              (prototype.members[number + 1].name.ends_with("__sz") ||
                               prototype.members[number + 1].name.ends_with("__szk"));
    if (size_follows) {
        return {Extent::by_next, 0};
    }
    const btf::TypeId pointee = types.resolve(type.target);
    if (types.type(pointee).name.starts_with("bpf_dynptr")) {
        return {Extent::fixed, kDynptrBytes};
    }
    const Result<std::uint32_t> size = types.size_of(pointee);
    return size.ok() && *size != 0 ? KfuncReads::Argument{Extent::fixed, *size}
                                   : KfuncReads::Argument{Extent::anything, 0};
}

bool takes_function(const btf::Btf& types, const btf::Member& parameter) {
    const btf::Type& type = types.type(types.resolve(parameter.type));
    return type.kind == btf::Kind::pointer &&
           types.type(types.resolve(type.target)).kind == btf::Kind::function_prototype;
}

// Null when it is not known what is called.
const btf::Type* prototype_of(const Subject& subject, InsnIndex at) {
    const btf::Type* function = subject.called_kfunc(subject.insn(at));
    const btf::Btf* types = subject.environment.kernel_types;
    if (function == nullptr || types == nullptr) {
        return nullptr;
    }
    const btf::Type& prototype = types->type(types->resolve(function->target));
    const bool known = prototype.kind == btf::Kind::function_prototype &&
                       prototype.members.size() <= kMostArguments;
    return known ? &prototype : nullptr;
}

} // namespace

std::optional<KfuncReads> kfunc_reads(const Subject& subject, InsnIndex at) {
    const btf::Type* prototype = prototype_of(subject, at);
    if (prototype == nullptr) {
        return std::nullopt;
    }
    const btf::Btf& types = *subject.environment.kernel_types;
    KfuncReads reads;
    for (std::size_t number = 0; number < prototype->members.size(); ++number) {
        if (takes_function(types, prototype->members[number])) {
            return std::nullopt;
        }
        reads.arguments[number] = read_of(types, *prototype, number);
    }
    return reads;
}

// A register for each parameter: none is wider than eight bytes.
unsigned kfunc_registers(const Subject& subject, InsnIndex at) {
    const btf::Type* prototype = prototype_of(subject, at);
    return prototype == nullptr ? kMostArguments : static_cast<unsigned>(prototype->members.size());
}

} // namespace skep::verify
