// SPDX-License-Identifier: Apache-2.0
//
// skep run FILE: one program of an object, verified and run in this process, on a packet from a
// file.
//
// Nothing is loaded anywhere: the object's maps live as long as the command. Programs that it may
// tail-call are made ready with it. A fault in generated code ends the run and is reported.
#include "apps/skep/command_table.hpp"
#include "apps/skep/commands/run/household.hpp"
#include "apps/skep/object_file.hpp"
#include "skep/os/files.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/test_run.hpp"

namespace skep::app {

namespace {

constexpr std::size_t kDefaultPacketBytes = 64;
constexpr std::uint32_t kOutputRoomBytes = 64U << 10;
constexpr std::uint64_t kMaxInputBytes = 16U << 20;

Result<std::size_t> choose(const load::ObjectSpec& object, const std::string& name) {
    std::string names;
    for (std::size_t place = 0; place < object.programs.size(); ++place) {
        if (object.programs[place].spec.name == name) {
            return place;
        }
        names += (names.empty() ? "" : ", ") + object.programs[place].spec.name;
    }
    if (object.programs.size() == 1 && name.empty()) {
        return std::size_t{0};
    }
    if (names.empty()) {
        return fail(Code::not_found, fmt::format("{} holds no program", object.file));
    }
    return fail(
        Code::invalid_input,
        name.empty()
            ? fmt::format("{} holds several programs: choose with --prog: {}", object.file, names)
            : fmt::format("{} holds no program '{}', but: {}", object.file, name, names));
}

Result<ByteVector> read_input(const std::optional<std::string>& file) {
    if (!file.has_value()) {
        return ByteVector();
    }
    return os::read_file(*file, kMaxInputBytes);
}

Result<run::TestRun> read_inputs(const RunRequest& request) {
    run::TestRun wanted;
    wanted.data_in = TRY(read_input(request.data_in));
    wanted.context_in = TRY(read_input(request.context_in));
    wanted.has_context_in = request.context_in.has_value();
    if (!request.data_in.has_value() && !request.context_in.has_value()) {
        wanted.data_in.resize(kDefaultPacketBytes); // a packet of zeros
    }
    wanted.data_out_room =
        std::max(kOutputRoomBytes, static_cast<std::uint32_t>(wanted.data_in.size()));
    wanted.wants_data_out = request.data_out.has_value();
    wanted.repeat = request.repeat;
    return wanted;
}

// A run and what was seen of it.
struct Done {
    run::TestRunAnswer answer;
    const run::Executable* executable = nullptr;
    std::optional<Costs> sampled;
};

Result<void> show_views(Session& session, Household& household, const RunRequest& request,
                        const Done& done) {
    const RunViews views = TRY(household.views(request.shows_code, done.sampled));
    return show_run_views(session, views);
}

Result<void> show(Session& session, const Done& done, Household& household,
                  const RunRequest& request) {
    const run::TestRunAnswer& answer = done.answer;
    const run::Executable& executable = *done.executable;
    const std::uint64_t compile_us = household.compile_us();
    const bool has_views = request.shows_code || request.engine.profiles;
    const std::string_view tier = run::name_of(executable.tier());
    const std::uint64_t checked_insns = TRY(household.checked_insns());
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("retval", answer.retval);
        json->member("duration_ns", answer.duration_ns);
        json->member("compile_us", compile_us);
        json->member("code_bytes", executable.code_bytes());
        json->member("tier", tier);
        json->member("faults", answer.faults);
        if (request.engine.checks_claims) {
            json->member("checked_insns", checked_insns);
        }
        if (has_views) {
            TRY(show_views(session, household, request, done));
        }
        json->end_object();
        return {};
    }
    session.print("Return value: {}, duration: {} ns, tier: {}, compiled in {} us to {} bytes\n",
                  answer.retval, answer.duration_ns, tier, compile_us, executable.code_bytes());
    if (answer.faults != 0) {
        session.print("{} of the runs ended by a fault in generated code\n", answer.faults);
    }
    if (request.engine.checks_claims) {
        session.print("{} instructions were as the verifier claimed\n", checked_insns);
    }
    if (has_views) {
        session.print("\n");
        TRY(show_views(session, household, request, done));
    }
    return {};
}

// Cycles, unless something else is asked for or nothing but the interpreter will do. Where cycles
// cannot be had: instructions, and time when a kind of machine code was asked for.
Result<std::unique_ptr<os::Sampler>> choose_metric(Session& session, RunEngine& engine) {
    if (!engine.profiles) {
        return std::unique_ptr<os::Sampler>();
    }
    if (engine.metric.has_value()) {
        return open_sampler(*engine.metric);
    }
    if (engine.tier == run::Tier::interpreter) {
        engine.metric = Metric::instructions;
        return std::unique_ptr<os::Sampler>();
    }
    auto sampler = open_sampler(Metric::cycles);
    if (sampler.ok()) {
        engine.metric = Metric::cycles;
        return sampler;
    }
    const bool wants_machine_code = engine.hardened || engine.tier.has_value();
    engine.metric = wants_machine_code ? Metric::time : Metric::instructions;
    session.remark("{}; {} instead", sampler.error().message,
                   wants_machine_code ? "sampling by time" : "counting instructions");
    return open_sampler(*engine.metric);
}

constexpr std::size_t kFewSamples = 100;

Result<Costs> sampled_costs(Session& session, os::Sampler& sampler, Metric metric,
                            const run::Executable& executable) {
    const os::Samples samples = TRY(sampler.stop());
    const auto listing = executable.listing();
    if (!listing.has_value()) {
        return fail(Code::unsupported, "cycles and time are sampled in machine code, and there is "
                                       "none here: --profile instructions counts without");
    }
    if (samples.samples.size() < kFewSamples) {
        session.remark("only {} samples: a larger --repeat gives more", samples.samples.size());
    }
    if (samples.lost != 0) {
        session.remark("{} samples were lost for want of room: the beginning alone is seen",
                       samples.lost);
    }
    return costs_of(samples, metric, *listing);
}

Result<void> run_file(Session& session, Words& words) {
    RunRequest request = TRY(read_run_request(words));
    RunningKernel kernel;
    const load::ObjectSpec object = TRY(read_object(request.file, request.options, kernel));
    TRY(check_map_sizes(object, request.options));
    show_warnings(session, object);
    const std::size_t place = TRY(choose(object, request.program));
    run::TestRun wanted = TRY(read_inputs(request));
    const std::unique_ptr<os::Sampler> sampler = TRY(choose_metric(session, request.engine));
    TRY(run::code::install_fault_handlers());
    Household household(session, object, kernel, request.engine);
    TRY(household.make_maps(place));
    run::Executable* executable = TRY(household.make_ready(place));
    run::TestSubject subject;
    subject.executable = executable;
    subject.type = object.programs[place].spec.type;
    subject.maps = household.maps();
    subject.services = &household.services();
    if (sampler != nullptr) {
        TRY(sampler->start());
    }
    Done done{TRY_WHILE("failed to run program", run::perform_test_run(wanted, subject)),
              executable, std::nullopt};
    if (sampler != nullptr) {
        done.sampled = TRY(sampled_costs(session, *sampler, *request.engine.metric, *executable));
    }
    const run::TestRunAnswer& answer = done.answer;
    if (answer.os_errno != 0) {
        return error_from_errno(answer.os_errno, "failed to run program");
    }
    if (request.data_out.has_value()) {
        TRY(os::write_file(*request.data_out, answer.data_out));
    }
    household.remark_on_tiers();
    return show(session, done, household, request);
}

} // namespace

const Noun& run_noun() {
    static const Verb row{
        "",
        run_arguments(),
        "verifies a program and runs it here, on a packet from a file, loading nothing",
        run_file,
        0,
        Status::plain,
        "--prog NAME        which program; may be left out when there is one\n"
        "--data-in FILE     the packet, as bytes; - is standard input; else 64 zeros\n"
        "--data-out FILE    where the packet goes afterwards\n"
        "--ctx-in FILE      the context, as bytes of the type's structure\n"
        "--repeat N         how often; duration_ns is of one run\n"
        "--tier TIER        interpreter, jit or llvm (optimised, takes milliseconds); else\n"
        "                   machine code where there is any\n"
        "--harden           machine code in which no constant of the program stands as it is\n"
        "--profile          what each C line and instruction cost: cycles, or time in ns, sampled\n"
        "                   while machine code runs; or how many instructions, which the "
        "interpreter\n"
        "                   counts. Where the machine counts no cycles: instructions, or time\n"
        "                   when --tier or --harden asks for machine code\n"
        "--check-claims     before each instruction, that registers and stack are what the "
        "verifier\n"
        "                   said they would be; the interpreter does that\n"
        "--code             C lines, bytecode and machine code beside each other\n"
        "--perf-map         names for perf, in /tmp/perf-PID.map\n"
        "--type TYPE        for a program whose section's name tells none: xdp, tc, socket, ...\n"
        "--map-size NAME=N  entries of a map, whatever the object says"};
    static const Noun noun{
        .name = "run", .says = "A program run in this process.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
