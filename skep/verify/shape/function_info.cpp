// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/shape/function_info.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/spec/helpers.hpp"
#include "skep/spec/kernels/features.hpp"

namespace skep::verify {
namespace {

Finding mismatched(std::string kernel_message, std::string because) {
    Finding finding;
    finding.code = "E0106";
    finding.os_errno = EINVAL;
    finding.kernel_message = std::move(kernel_message);
    finding.what = "the function table does not fit the code";
    finding.because = std::move(because);
    finding.suggestion = "build the object again; a tool may have moved code without its BTF";
    return finding;
}

bool returns_int(const btf::Btf& types, const btf::Type& prototype) {
    const btf::Type& result = types.type(types.resolve(prototype.target));
    return result.kind == btf::Kind::integer || result.kind == btf::Kind::enumeration ||
           result.kind == btf::Kind::enumeration64;
}

// Old packet loads and tail calls may end a function with a number.
Ruling<void> check_needs_no_int(const Subject& subject, const Subprogram& subprogram) {
    for (std::uint32_t at = subprogram.start.value; at < subprogram.end.value;
         at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        const bool loads =
            insn.kind == InsnKind::packet_absolute || insn.kind == InsnKind::packet_indirect;
        const bool tail_call = insn.kind == InsnKind::call_helper &&
                               insn.imm == static_cast<std::int32_t>(spec::Helper::tail_call);
        if (loads || tail_call) {
            return mismatched(
                fmt::format("{} is only allowed in functions that return 'int'.",
                            loads ? "LD_ABS" : "tail_call"),
                "the function may end there with a number, and its type says that it returns none");
        }
    }
    return {};
}

Ruling<void> read_one(Subject& subject, std::size_t number) {
    const FunctionInfo& info = subject.program.functions[number];
    Subprogram& subprogram = subject.subprograms[number];
    const btf::Btf& types = *subject.environment.program_types;
    if (info.insn != subprogram.start) {
        return mismatched(
            "func_info BTF section doesn't match subprog layout in BPF program",
            fmt::format("record {} is for instruction {}, but that function begins at {}", number,
                        info.insn.value, subprogram.start.value));
    }
    if (!types.has(info.btf_type_id) || types.type(info.btf_type_id).kind != btf::Kind::function) {
        return mismatched(fmt::format("invalid type id {} in func info", info.btf_type_id),
                          fmt::format("BTF type {} is not a function", info.btf_type_id));
    }
    const btf::Type& function = types.type(info.btf_type_id);
    if (!types.has(function.target) ||
        types.type(function.target).kind != btf::Kind::function_prototype) {
        return mismatched("invalid func_proto",
                          fmt::format("BTF type {} has no prototype", info.btf_type_id));
    }
    const bool is_main = number == 0;
    if (!is_main && !returns_int(types, types.type(function.target))) {
        TRY(check_needs_no_int(subject, subprogram));
    }
    subprogram.btf_function = info.btf_type_id;
    subprogram.name = std::string(function.name);
    // Older kernels walk every function at each call, and loaders hand it over as static.
    constexpr std::uint32_t kSince =
        *spec::kernel_version(spec::row(spec::Feature::global_functions).since);
    subprogram.is_global =
        function.linkage == btf::Linkage::global && subject.environment.kernel_version >= kSince;
    return {};
}

} // namespace

Ruling<void> read_function_info(Subject& subject) {
    if (subject.program.functions.empty() || subject.environment.program_types == nullptr) {
        return {};
    }
    if (subject.program.functions.size() != subject.subprograms.size()) {
        return mismatched("number of funcs in func_info doesn't match number of subprogs",
                          fmt::format("{} records for {} functions",
                                      subject.program.functions.size(),
                                      subject.subprograms.size()));
    }
    for (std::size_t number = 0; number < subject.subprograms.size(); ++number) {
        TRY(read_one(subject, number));
    }
    return {};
}

} // namespace skep::verify
