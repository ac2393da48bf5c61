// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/minimise.hpp"

#include <chrono>
#include <optional>

namespace skep::tests::campaign {
namespace {

constexpr std::uint8_t kWideLoad = 0x18;
constexpr RawInsn kNothing{0x05, 0, 0, 0}; // goto +0
constexpr unsigned kMaxTries = 1500;
constexpr std::chrono::seconds kMaxTime{5};

std::uint32_t slots_at(const std::vector<RawInsn>& insns, std::size_t at) {
    return insns[at].opcode == kWideLoad && at + 1 < insns.size() ? 2 : 1;
}

// The program without its empty instructions, or nothing when it jumps out of itself.
std::optional<ProgramSpec> without_nothings(const ProgramSpec& program) {
    std::vector<std::int64_t> place(program.insns.size() + 1);
    std::int64_t next = 0;
    for (std::size_t at = 0; at < program.insns.size(); ++at) {
        place[at] = next;
        next += program.insns[at] == kNothing ? 0 : 1;
    }
    place.back() = next;
    ProgramSpec shorter = program;
    shorter.insns.clear();
    for (FunctionInfo& function : shorter.functions) {
        function.insn = InsnIndex{static_cast<std::uint32_t>(place[function.insn.value])};
    }
    for (std::uint32_t at = 0; at < program.insns.size();) {
        const auto decoded = decode(program.insns, InsnIndex{at});
        const std::uint32_t slots = slots_at(program.insns, at);
        const Insn* insn = std::get_if<Insn>(&decoded);
        const bool address = insn != nullptr && insn->kind == InsnKind::load_wide &&
                             insn->wide_source == WideSource::function;
        const std::int64_t target = insn == nullptr ? at + 1
                                    : address       ? std::int64_t{at} + 1 + insn->imm
                                                    : insn->target(InsnIndex{at});
        if (program.insns[at] == kNothing) {
            at += 1;
            continue;
        }
        if (insn == nullptr || target < 0 || target >= static_cast<std::int64_t>(place.size())) {
            return std::nullopt;
        }
        Insn moved = *insn;
        const std::int64_t distance = place[static_cast<std::size_t>(target)] - place[at] - 1;
        if (insn->jump_slots != 0) {
            moved.jump_slots = static_cast<std::int32_t>(distance);
        } else if (address) {
            moved.imm = static_cast<std::int32_t>(distance);
        }
        append(shorter.insns, moved);
        at += slots;
    }
    return shorter;
}

} // namespace

Case judge(const Judges& judges, const World& world, const ProgramSpec& program) {
    const Opinion ours = judges.ours(world, program);
    Case result;
    if (ours.kind == Opinion::Kind::none) {
        return result;
    }
    const Opinion kernels = judges.kernels(world, program);
    result.kind = compare(ours, kernels);
    if (result.kind == Disagreement::only_skep_accepts) {
        result.kernels = judges.kernel_message(world, program);
        result.cause = cause_of(result.kernels);
    } else if (result.kind == Disagreement::only_kernel_accepts) {
        result.ours = ours.message;
        result.cause = cause_of(result.ours);
    }
    return result;
}

ProgramSpec minimise(const Judges& judges, const World& world, ProgramSpec program) {
    program.lines.clear();
    const Case wanted = judge(judges, world, program);
    const auto still = [&](const ProgramSpec& candidate) {
        const Case found = judge(judges, world, candidate);
        return found.kind == wanted.kind && found.cause == wanted.cause;
    };
    const auto end = std::chrono::steady_clock::now() + kMaxTime;
    bool smaller = true;
    for (unsigned tries = 0; smaller && tries < kMaxTries;) {
        smaller = false;
        for (std::size_t at = program.insns.size(); at-- > 0 && tries < kMaxTries;) {
            if (std::chrono::steady_clock::now() > end) {
                tries = kMaxTries;
            }
            const bool second = at > 0 && program.insns[at - 1].opcode == kWideLoad;
            if (program.insns[at] == kNothing || second) {
                continue;
            }
            ProgramSpec candidate = program;
            for (std::uint32_t slot = 0; slot < slots_at(program.insns, at); ++slot) {
                candidate.insns[at + slot] = kNothing;
            }
            ++tries;
            if (still(candidate)) {
                program = std::move(candidate);
                smaller = true;
            }
        }
    }
    const std::optional<ProgramSpec> shorter = without_nothings(program);
    return shorter.has_value() && still(*shorter) ? *shorter : program;
}

} // namespace skep::tests::campaign
