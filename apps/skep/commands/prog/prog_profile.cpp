// SPDX-License-Identifier: Apache-2.0
//
// skep prog profile: how often each instruction of a loaded program is carried out, while it is
// attached or test-run by others.
//
// The user engine's workers run the program in the interpreter, which counts, for as long as this
// command holds the memory that they count in; then machine code again. Only what is counted
// meanwhile is shown.
#include <algorithm>

#include "apps/skep/commands/prog/prog.hpp"
#include "apps/skep/commands/run/profiling.hpp"
#include "apps/skep/objects.hpp"
#include "skep/os/kernel/trace_pipe.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/workers/profile.hpp"

namespace skep::app {

namespace {

struct Request {
    std::optional<std::uint32_t> duration_s; // nothing: until Ctrl-C
};

Result<Request> read_request(Words& words) {
    Request request;
    while (!words.at_end()) {
        if (words.take_keyword("duration")) {
            if (request.duration_s.has_value()) {
                return fail(Code::invalid_input, "'duration' stands there twice");
            }
            request.duration_s = TRY(words.number<std::uint32_t>("duration"));
            continue;
        }
        const std::optional<Metric> metric = take_metric(words);
        if (metric == Metric::instructions) {
            continue;
        }
        if (metric.has_value()) {
            return fail(Code::unsupported,
                        "the workers that run loaded programs are not sampled: 'instructions' is "
                        "counted there; 'skep run FILE --profile cycles' samples a program in an "
                        "object file, and perf sees the workers of a daemon that was started with "
                        "SKEP_PERF_MAP=1");
        }
        return fail(
            Code::invalid_input,
            fmt::format("expected 'duration SECONDS' or 'instructions', got: {}", words.shown()));
    }
    return request;
}

std::vector<std::uint64_t> read_counts(const workers::ProfileCounts& counts) {
    std::vector<std::uint64_t> all;
    for (const auto& count : counts.insns()) {
        all.push_back(count.load(std::memory_order_relaxed));
    }
    all.push_back(counts.runs().load(std::memory_order_relaxed));
    return all;
}

Result<void> wait(const client::Transport& engine, const Request& request) {
    constexpr int kStepMs = 100;
    os::Interrupts interrupts = TRY(os::Interrupts::catch_them());
    const std::uint64_t begin_ns = os::steady_time_ns();
    const auto is_over = [&] {
        return request.duration_s.has_value() &&
               os::steady_time_ns() - begin_ns >= *request.duration_s * 1'000'000'000ULL;
    };
    while (!interrupts.came() && !is_over()) {
        TRY(os::wait_readable({}, kStepMs));
        TRY(engine.check_alive());
    }
    return {};
}

// The line records of a loaded program are by running index already.
LineOf lines_of(const client::ProgramRecord& record, const btf::Btf* types) {
    return [&record, types](InsnIndex at) -> std::optional<observe::SourceLine> {
        const auto after =
            std::upper_bound(record.lines.begin(), record.lines.end(), at.value,
                             [](std::uint32_t insn, const auto& line) { return insn < line[0]; });
        if (types == nullptr || after == record.lines.begin()) {
            return std::nullopt;
        }
        return observe::source_line(*types, *std::prev(after));
    };
}

std::string call_name(const Insn& insn, InsnIndex) {
    const spec::HelperRow* row = insn.kind != InsnKind::call_helper || insn.imm < 0
                                     ? nullptr
                                     : spec::find_helper(static_cast<std::uint32_t>(insn.imm));
    return row == nullptr ? std::string() : std::string(row->name);
}

Result<void> show(Session& session, const RunViews& views, std::uint64_t runs) {
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("run_cnt", runs);
        TRY(show_run_views(session, views));
        json->end_object();
        return {};
    }
    session.print("{} runs\n", runs);
    return runs == 0 ? Result<void>() : show_run_views(session, views);
}

} // namespace

Result<void> profile_program(Session& session, Words& words) {
    const os::Fd program = TRY(find_program(session, words));
    const Request request = TRY(read_request(words));
    client::Transport* engine = TRY(session.engine());
    if (engine->engine() == client::EngineKind::kernel) {
        return fail(Code::unsupported,
                    "the kernel counts no instructions of a program, and skep loads no tracing "
                    "programs around it to read performance counters: with --engine user, "
                    "instructions are counted; 'skep run FILE --profile' needs no engine");
    }
    const client::ProgramRecord record =
        TRY(client::info_of_program(*engine, program.number(), client::ProgramParts::code));
    std::optional<btf::Btf> types;
    if (record.info.btf_id != 0) {
        const os::Fd btf =
            TRY(client::open_id(*engine, client::ObjectKind::btf, record.info.btf_id));
        const client::BtfRecord bytes =
            TRY(client::info_of_btf(*engine, btf.number(), client::BtfBytes::fetch));
        types = TRY_WHILE("the program's types", btf::Btf::parse(bytes.bytes));
    }
    const os::Fd memory = TRY(client::profile(*engine, program.number()));
    const workers::ProfileCounts counts =
        TRY(workers::ProfileCounts::open(memory, record.xlated.size(), os::Protection::read_only));
    const std::vector<std::uint64_t> before = read_counts(counts); // somebody may profile it too
    TRY(wait(*engine, request));
    Costs costs;
    costs.of = read_counts(counts);
    for (std::size_t i = 0; i < costs.of.size(); ++i) {
        costs.of[i] -= before[i];
    }
    const std::uint64_t runs = costs.of.back();
    costs.of.pop_back();
    RunViews views;
    views.insns = record.xlated;
    views.line_of = lines_of(record, types.has_value() ? &*types : nullptr);
    views.names.call = call_name;
    views.names.wide = [](const Insn& insn, InsnIndex) { return name_of_loaded_map(insn); };
    views.costs = std::move(costs);
    return show(session, views, runs);
}

} // namespace skep::app
