// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/diagnose/cause.hpp"

#include <fmt/format.h>

#include <cctype>

#include "skep/spec/helpers.hpp"
#include "skep/verify/explain/source_place.hpp"

namespace skep::verify {
namespace {

// "R3" as a word of the text; nothing when none is named.
std::optional<Reg> register_in(std::string_view text) {
    for (std::size_t at = text.find('R'); at != std::string_view::npos;
         at = text.find('R', at + 1)) {
        const bool begins = at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0;
        std::size_t end = at + 1;
        unsigned number = 0;
        while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0 &&
               number < kRegisters) {
            number = number * 10 + static_cast<unsigned>(text[end++] - '0');
        }
        if (begins && end > at + 1 && number < kRegisters) {
            return static_cast<Reg>(number);
        }
    }
    return std::nullopt;
}

std::optional<Reg> culprit(const Finding& finding, const Insn& insn) {
    if (const auto named = register_in(finding.kernel_message)) {
        return named;
    }
    if (const auto named = register_in(finding.kernel_detail)) {
        return named;
    }
    using enum InsnKind;
    if (insn.kind == load) {
        return insn.src;
    }
    if (insn.kind == store_imm || insn.kind == store_reg || insn.kind == atomic ||
        insn.kind == alu || insn.kind == jump) {
        return insn.dst;
    }
    return insn.kind == exit ? std::optional<Reg>(Reg{0})
                             : std::nullopt; // calls name theirs in the message
}

} // namespace

Cause::Cause(const Subject& all, const Trail& way, const RefusedPath& path, Finding& told)
    : subject(all), trail(way), refused(path), finding(told), step(way.steps().size() - 1),
      insn(all.insn(path.finding.place.insn)) {
    locate(subject.program, subject.environment, finding.place);
    reg = culprit(finding, insn);
    if (reg.has_value()) {
        value = refused.state.reg(*reg);
        made = trail.made(step, *reg);
    }
}

Place Cause::place(std::size_t at) const {
    Place place;
    place.insn = trail.steps()[at].at;
    locate(subject.program, subject.environment, place);
    return place;
}

std::optional<std::string> Cause::name() const {
    if (auto used = dereferenced_name(finding.place.source, finding.place.column);
        used.has_value() && insn.kind != InsnKind::call_helper &&
        insn.kind != InsnKind::call_kfunc) {
        return used;
    }
    return made.has_value() ? assigned_name(place(*made).source) : std::nullopt;
}

std::string Cause::name_or_register() const {
    const auto known = name();
    return known.has_value() ? fmt::format("`{}`", *known)
                             : fmt::format("R{}", reg.value_or(Reg{0}));
}

std::string Cause::callee(std::size_t at) const {
    const Insn& call = trail.insn(at);
    if (call.kind == InsnKind::call_helper) {
        const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(call.imm));
        return row == nullptr ? std::string("the helper") : std::string(row->name);
    }
    const btf::Btf* types = subject.environment.kernel_types;
    const auto id = static_cast<btf::TypeId>(call.imm);
    if (call.kind == InsnKind::call_kfunc && types != nullptr && call.offset == 0 &&
        types->has(id)) {
        return std::string(types->type(id).name);
    }
    return call.kind == InsnKind::call_kfunc || call.kind == InsnKind::call_subprogram
               ? std::string("the function")
               : std::string{};
}

void Cause::note(std::size_t at, std::string text) const {
    finding.notes.push_back({place(at), std::move(text)});
}

void Cause::insert_before(const Place& at, std::string text) const {
    if (at.line != 0) {
        finding.fix = Fix{Fix::Kind::insert_before, at.file, at.line, std::move(text)};
    }
}

void Cause::replace_line(const Place& at, std::string text) const {
    if (at.line != 0) {
        finding.fix = Fix{Fix::Kind::replace_line, at.file, at.line, std::move(text)};
    }
}

std::string Cause::leave() const {
    return subject.program.type == spec::ProgramType::xdp ? "return XDP_PASS;" : "return 0;";
}

void explain_cause(Cause cause) {
    struct Row {
        FindingCode code;
        void (*explain)(Cause&);
    };
    static constexpr Row kRows[]{
        {FindingCode::null_check_missing, explain_null},
        {FindingCode::packet_access, explain_packet},
        {FindingCode::map_value_access, explain_bounds},
        {FindingCode::memory_access, explain_bounds},
        {FindingCode::pointer_arithmetic, explain_bounds},
        {FindingCode::wrong_pointer, explain_wrong_pointer},
        {FindingCode::unset_register, explain_unset},
        {FindingCode::stack_access, explain_stack},
        {FindingCode::unset_memory, explain_stack},
        {FindingCode::mixed_pointers, explain_mixed},
        {FindingCode::wrong_argument, explain_argument},
        {FindingCode::wrong_size, explain_size},
        {FindingCode::reference_leak, explain_leak},
        {FindingCode::return_value, explain_return},
        {FindingCode::function_not_offered, explain_not_offered},
        {FindingCode::too_complex, explain_too_complex},
        {FindingCode::infinite_loop, explain_too_complex},
    };
    for (const Row& one : kRows) {
        if (cause.is(one.code)) {
            one.explain(cause);
            return;
        }
    }
}

} // namespace skep::verify
