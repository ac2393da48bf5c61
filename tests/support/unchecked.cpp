// SPDX-License-Identifier: Apache-2.0
#include "tests/support/unchecked.hpp"

#include <algorithm>
#include <set>

#include "skep/verify/verified_program_maker.hpp"

namespace skep::tests {
namespace {

constexpr std::uint32_t kFrameBytes = 512;
constexpr std::uint32_t kMaxFrames = 8;
constexpr std::int32_t kTailCallHelper = 12;

struct Found {
    std::set<std::uint32_t> starts{0};
    std::set<std::uint32_t> callbacks;
    std::set<std::uint32_t> helpers;
};

void note(const Insn& insn, InsnIndex at, std::size_t size, Found& found) {
    const bool address =
        insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function;
    if (insn.kind == InsnKind::call_subprogram || address) {
        const std::int64_t start =
            address ? std::int64_t{at.value} + 1 + insn.imm : insn.target(at);
        if (start >= 0 && start < static_cast<std::int64_t>(size)) {
            found.starts.insert(static_cast<std::uint32_t>(start));
            if (address) {
                found.callbacks.insert(static_cast<std::uint32_t>(start));
            }
        }
    }
    if (insn.kind == InsnKind::call_helper) {
        found.helpers.insert(static_cast<std::uint32_t>(insn.imm));
    }
}

// Calls every instruction that decodes.
template <class Visit>
void for_each_insn(std::span<const RawInsn> insns, Visit visit) {
    for (std::uint32_t at = 0; at < insns.size();) {
        const auto decoded = decode(insns, InsnIndex{at});
        const Insn* insn = std::get_if<Insn>(&decoded);
        if (insn != nullptr) {
            visit(*insn, InsnIndex{at});
        }
        at += insn != nullptr ? insn->slots() : 1;
    }
}

std::vector<verify::SubprogramFacts> subprograms_of(std::span<const RawInsn> insns,
                                                    const Found& found) {
    std::vector<verify::SubprogramFacts> subprograms;
    for (const std::uint32_t start : found.starts) {
        verify::SubprogramFacts facts;
        facts.start = InsnIndex{start};
        facts.end = InsnIndex{static_cast<std::uint32_t>(insns.size())};
        facts.stack_bytes = kFrameBytes;
        facts.is_callback = found.callbacks.count(start) != 0;
        if (!subprograms.empty()) {
            subprograms.back().end = facts.start;
        }
        subprograms.push_back(facts);
    }
    for_each_insn(insns, [&](const Insn& insn, InsnIndex at) {
        auto& owner = *std::prev(std::upper_bound(
            subprograms.begin(), subprograms.end(), at,
            [](InsnIndex place, const verify::SubprogramFacts& one) { return place < one.start; }));
        const bool helper =
            insn.kind == InsnKind::call_helper || insn.kind == InsnKind::call_register;
        owner.has_calls |= helper || insn.kind == InsnKind::call_subprogram;
        owner.has_tail_call |= insn.kind == InsnKind::call_helper && insn.imm == kTailCallHelper;
    });
    return subprograms;
}

} // namespace

verify::VerifiedProgram unchecked(std::vector<RawInsn> insns, UncheckedOptions options) {
    Found found;
    for_each_insn(insns,
                  [&](const Insn& insn, InsnIndex at) { note(insn, at, insns.size(), found); });
    verify::VerifiedProgramParts parts;
    parts.spec.name = "unchecked";
    parts.spec.type = options.type;
    parts.spec.license = "GPL";
    parts.spec.insns = insns;
    parts.facts = std::move(options.facts);
    parts.facts.resize(insns.size());
    for (std::uint32_t at = 0; at < insns.size(); ++at) {
        parts.facts[at].fault_reads_zero |=
            options.loads_may_fault && (insns[at].opcode & 0x07) == 0x01;
        parts.origins.push_back(InsnIndex{at});
    }
    parts.subprograms = subprograms_of(insns, found);
    parts.program_facts.stack_bytes = kFrameBytes * kMaxFrames;
    parts.program_facts.writes_packet = true;
    parts.program_facts.helpers.assign(found.helpers.begin(), found.helpers.end());
    parts.maps = std::move(options.maps);
    parts.insns = std::move(insns);
    return verify::VerifiedProgramMaker::make(std::move(parts));
}

} // namespace skep::tests
