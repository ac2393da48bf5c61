// SPDX-License-Identifier: Apache-2.0
//
// The pipeline: shape, walk, stack depth, rewrite.
#include "skep/verify/verify.hpp"

#include <cerrno>
#include <utility>

#include "skep/spec/helpers.hpp"
#include "skep/spec/kernels/features.hpp"
#include "skep/verify/access/map_programs.hpp"
#include "skep/verify/access/typed_context.hpp"
#include "skep/verify/claims.hpp"
#include "skep/verify/diagnose/diagnose.hpp"
#include "skep/verify/explain/codes.hpp"
#include "skep/verify/explain/kernel_log.hpp"
#include "skep/verify/explain/source_place.hpp"
#include "skep/verify/explore/memory_limit.hpp"
#include "skep/verify/explore/stack_depth.hpp"
#include "skep/verify/explore/walk.hpp"
#include "skep/verify/rewrite/rewrite.hpp"
#include "skep/verify/shape/kernel_needs.hpp"
#include "skep/verify/shape/structure.hpp"
#include "skep/verify/verified_program_maker.hpp"

namespace skep::verify {
namespace {

void locate_all(const ProgramSpec& program, const Environment& environment, Finding& finding) {
    locate(program, environment, finding.place);
    for (Note& note : finding.notes) {
        locate(program, environment, note.place);
    }
    for (Decision& decision : finding.path) {
        locate(program, environment, decision.place);
    }
}

// Precondition: findings is not empty; the first decided.
Outcome refused(const ProgramSpec& program, const Environment& environment,
                std::vector<Finding> findings) {
    for (Finding& finding : findings) {
        locate_all(program, environment, finding);
    }
    Outcome outcome;
    outcome.verdict = Verdict::reject;
    outcome.os_errno = findings.front().os_errno;
    outcome.message = findings.front().kernel_message;
    outcome.findings = std::move(findings);
    return outcome;
}

Outcome refused(const ProgramSpec& program, const Environment& environment, Finding finding) {
    std::vector<Finding> findings;
    findings.push_back(std::move(finding));
    return refused(program, environment, std::move(findings));
}

RunningFacts running_facts(const Subject& subject, const Facts& facts) {
    RunningFacts running;
    running.reached.reserve(subject.insns.size());
    running.facts.reserve(subject.insns.size());
    for (std::uint32_t at = 0; at < subject.insns.size(); ++at) {
        running.reached.push_back(facts.was_reached(InsnIndex{at}));
        running.facts.push_back(facts.of(InsnIndex{at}));
    }
    return running;
}

std::uint32_t aligned_stack(const Facts& facts, std::uint32_t subprogram) {
    constexpr std::uint32_t kAlignment = 8;
    return (facts.stack_bytes(subprogram) + kAlignment - 1) / kAlignment * kAlignment;
}

std::vector<SubprogramFacts> subprogram_facts(const Subject& subject, const Facts& facts,
                                              const Rewritten& code) {
    std::vector<SubprogramFacts> list;
    for (std::uint32_t index = 0; index < subject.subprograms.size(); ++index) {
        const Subprogram& subprogram = subject.subprograms[index];
        SubprogramFacts one;
        one.start = code.starts[subprogram.start.value];
        one.end = code.starts[subprogram.end.value];
        if (one.start == one.end) {
            continue; // never called, and removed
        }
        one.stack_bytes = aligned_stack(facts, index);
        one.is_global = subprogram.is_global;
        one.is_callback = subprogram.is_callback;
        one.has_tail_call = subprogram.has_tail_call;
        one.has_calls = subprogram.has_calls;
        list.push_back(one);
    }
    return list;
}

// Facts of an original instruction hold for the running one that does its work: the first.
std::vector<InsnFacts> facts_by_running(const Rewritten& code, const RunningFacts& running) {
    std::vector<InsnFacts> facts(code.insns.size());
    for (std::size_t slot = 0; slot < facts.size(); ++slot) {
        const bool first = slot == 0 || code.origins[slot] != code.origins[slot - 1];
        if (first) {
            facts[slot] = running.facts[code.origins[slot].value];
        }
    }
    return facts;
}

// A context access runs at another offset, and may yield its value in several steps.
void adjust_translated(const Rewritten& code, std::vector<InsnFacts>& facts) {
    for (std::size_t slot = 0; slot < facts.size(); ++slot) {
        InsnFacts& one = facts[slot];
        if (one.region == Region::context) {
            one.offset_min = code.insns[slot].offset;
            one.offset_max = code.insns[slot].offset;
            one.constant.reset();
        }
    }
}

struct Proof {
    const Subject& subject;
    const Facts& facts;
    const Walk& walk;
    std::uint32_t stack_bytes;
};

VerifiedProgram made(const Proof& proof, const Environment& environment, Rewritten code,
                     const RunningFacts& running) {
    VerifiedProgramParts parts;
    parts.spec = proof.subject.program;
    parts.facts = facts_by_running(code, running);
    adjust_translated(code, parts.facts);
    parts.subprograms = subprogram_facts(proof.subject, proof.facts, code);
    parts.insns = std::move(code.insns);
    parts.origins = std::move(code.origins);
    parts.maps.assign(environment.maps.begin(), environment.maps.end());
    parts.program_facts.writes_packet = proof.facts.writes_packet();
    parts.program_facts.moves_packet = proof.walk.moves_packet();
    parts.program_facts.stack_bytes = proof.stack_bytes;
    const auto helpers = proof.walk.helpers_called();
    parts.program_facts.helpers.assign(helpers.begin(), helpers.end());
    parts.verified_insns = proof.walk.statistics().insns_processed;
    return VerifiedProgramMaker::make(std::move(parts));
}

// What judging gave beside the proof.
struct Judged {
    Statistics statistics;
    std::vector<KernelNeed> needs;
    std::vector<std::uint32_t> stack_bytes; // of each function
    std::vector<Finding> findings;          // all that a diagnosis found, when it was asked for
    std::optional<InsnIndex> first_barrier; // where a wrong guess would have done harm
    bool by_joining = false;
    Claims* claims = nullptr; // kept when there is a place for them
};

bool is_too_complex(const Finding& finding) {
    return finding.code == row(FindingCode::too_complex).code;
}

std::vector<bool> reached_slots(const Subject& subject, const Facts& facts) {
    std::vector<bool> reached(subject.insns.size());
    for (std::uint32_t at = 0; at < reached.size(); ++at) {
        reached[at] = facts.was_reached(InsnIndex{at});
    }
    return reached;
}

// What the kernel that is meant does not have comes before anything else: it refuses that first.
Ruling<void> check_needs(const Subject& subject, const Facts& facts, Judged& judged) {
    const Environment& environment = subject.environment;
    if (!environment.diagnose && environment.kernel_version >= spec::kNewestKernel) {
        return {};
    }
    const std::vector<bool> reached = reached_slots(subject, facts);
    judged.needs =
        kernel_needs(subject, {reached, judged.statistics.insns_processed, judged.first_barrier});
    std::vector<Finding> unmet = unmet_needs(environment, judged.needs);
    if (unmet.empty()) {
        return {};
    }
    Finding first = unmet.front();
    judged.findings.insert(judged.findings.begin(), std::make_move_iterator(unmet.begin()),
                           std::make_move_iterator(unmet.end()));
    return first;
}

// A program that is to be held against its claims does everything it was written to do.
void use_nothing(RunningFacts& running) {
    for (InsnFacts& facts : running.facts) {
        facts.never_taken = false;
        facts.always_taken = false;
        facts.constant.reset();
    }
}

// Where a program jumps by a table, the index is masked by the table's size: of one table.
Ruling<void> check_tail_calls(const Subject& subject, const Facts& facts) {
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        if (subject.environment.capabilities.perfmon || insn.kind != InsnKind::call_helper ||
            insn.imm != number_of(spec::Helper::tail_call) ||
            !facts.has_several_maps(InsnIndex{at})) {
            continue;
        }
        Finding finding = refuse(FindingCode::wrong_argument, EINVAL, "tail_call abusing map_ptr",
                                 "the call is made with different maps on different paths, and the "
                                 "loader has no CAP_PERFMON");
        finding.place.insn = InsnIndex{at};
        return finding;
    }
    return {};
}

Ruling<VerifiedProgram> prove(const Subject& subject, const Environment& environment,
                              KernelLog& log, Judged& judged, Walk::Manner manner) {
    TRY(check_maps_of_program(subject));
    TRY(check_hook(subject));
    Workspace workspace{subject, {}, {}};
    if (!environment.capabilities.bpf) {
        workspace.dependencies.need_all();
    }
    TRY(check_memory(environment, "what is known of the program's instructions",
                     liveness_analysis_bytes(subject)));
    Facts facts(subject);
    Walk walk(workspace, facts, log, manner);
    if (judged.claims != nullptr) {
        walk.tell([&judged](const State& state, InsnIndex at, const LiveFrames& live) {
            judged.claims->keep(state, at, live);
        });
    }
    Ruling<void> walked = walk.run();
    judged.statistics = walk.statistics();
    judged.first_barrier = walk.first_barrier();
    for (std::uint32_t index = 0; index < subject.subprograms.size(); ++index) {
        judged.stack_bytes.push_back(aligned_stack(facts, index));
    }
    const bool is_final = manner.instruction_limit == environment.instruction_limit ||
                          walk.refused().empty() || !is_too_complex(walk.refused().front().finding);
    if (environment.diagnose && !walk.refused().empty() && is_final) {
        judged.findings = diagnose(subject, walk.refused());
    }
    TRY(check_needs(subject, facts, judged));
    TRY(std::move(walked));
    const std::uint32_t stack_bytes = TRY(check_stack_depth(subject, facts));
    TRY(check_tail_calls(subject, facts));
    RunningFacts running = running_facts(subject, facts);
    if (judged.claims != nullptr) {
        judged.claims->finish(workspace.dependencies);
        use_nothing(running);
    }
    Rewritten code = TRY(rewrite(subject, running));
    return made({subject, facts, walk, stack_bytes}, environment, std::move(code), running);
}

// The extended mode first walks as the kernel does, for a while: what that decides stays the
// kernel's verdict. Then it joins, which takes work in proportion to the program. What is not
// proved so is walked path by path to the end. For loaders with fewer capabilities states are not
// joined: what a processor guesses is walked path by path.
Ruling<VerifiedProgram> prove_in_mode(const Subject& subject, const Environment& environment,
                                      std::optional<KernelLog>& log, Judged& judged, Mode mode) {
    constexpr std::uint64_t kFirstInsns = 10'000;
    constexpr std::uint64_t kJoiningInsnsForEach = 64;
    const std::uint64_t limit = environment.instruction_limit;
    const Capabilities& may = environment.capabilities;
    const bool is_extended = mode == Mode::extended && may.bpf && may.perfmon;
    log.emplace(subject, environment.log_level);
    Ruling<VerifiedProgram> proved =
        prove(subject, environment, *log, judged,
              {is_extended ? std::min(limit, kFirstInsns) : limit, false});
    if (proved.ok() || !is_extended || !is_too_complex(proved.finding())) {
        return proved;
    }
    KernelLog silent(subject, kLogNone);
    judged = {};
    const std::uint64_t joining = kFirstInsns + kJoiningInsnsForEach * subject.insns.size();
    Ruling<VerifiedProgram> joined =
        prove(subject, environment, silent, judged, {std::min(limit, joining), true});
    log.emplace(subject, environment.log_level);
    if (joined.ok()) {
        judged.by_joining = true;
        return joined;
    }
    judged = {};
    return prove(subject, environment, *log, judged, {limit, false});
}

Outcome judge(const ProgramSpec& program, const Environment& environment, Mode mode,
              Claims* claims) {
    Ruling<Subject> subject = check_structure(program, environment);
    const Subject empty{program, environment, {}, {}};
    if (!subject.ok()) {
        KernelLog log(empty, environment.log_level);
        Outcome outcome = refused(program, environment, *std::move(subject).error());
        outcome.log = log.finish(
            {outcome.findings.data(), outcome.statistics, environment.instruction_limit, {}});
        return outcome;
    }
    std::optional<KernelLog> log;
    Judged judged;
    judged.claims = claims;
    Ruling<VerifiedProgram> proved = prove_in_mode(*subject, environment, log, judged, mode);
    Outcome outcome;
    outcome.by_joining = judged.by_joining;
    if (proved.ok()) {
        outcome.verdict = Verdict::accept;
        outcome.program = std::move(proved).value();
    } else if (!judged.findings.empty()) {
        outcome = refused(program, environment, std::move(judged.findings));
    } else {
        outcome = refused(program, environment, *std::move(proved).error());
    }
    outcome.needs = std::move(judged.needs);
    outcome.statistics = judged.statistics;
    const Finding* finding = outcome.findings.empty() ? nullptr : outcome.findings.data();
    outcome.log = log->finish({finding, outcome.statistics, environment.instruction_limit,
                               std::move(judged.stack_bytes)});
    return outcome;
}

} // namespace

Outcome verify(const ProgramSpec& program, const Environment& environment, Mode mode) {
    return judge(program, environment, mode, nullptr);
}

Claimed verify_with_claims(const ProgramSpec& program, const Environment& environment) {
    Claimed claimed;
    claimed.claims = std::make_shared<Claims>();
    claimed.outcome = judge(program, environment, Mode::kernel, claimed.claims.get());
    return claimed;
}

} // namespace skep::verify
