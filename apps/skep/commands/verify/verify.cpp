// SPDX-License-Identifier: Apache-2.0
//
// skep verify FILE...: would each program be accepted, and if not, why. The user engine needs no
// daemon for it: the object is read and judged here, as Linux 6.18 would, or another version. With
// the kernel engine the running kernel judges (ask_engine.hpp), and what we find ourselves explains
// its refusal.
#include <cerrno>
#include <chrono>

#include "apps/skep/command_table.hpp"
#include "apps/skep/commands/verify/ask_engine.hpp"
#include "apps/skep/commands/verify/report.hpp"
#include "apps/skep/help/suggest.hpp"
#include "apps/skep/object_file.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/terminal.hpp"
#include "skep/spec/kernels/features.hpp"
#include "skep/verify/explain/kernel_log.hpp"

namespace skep::app {

namespace {

constexpr std::uint32_t kMostLogLevel = 7; // of bpf(2)

struct Request {
    std::vector<std::string> files;
    std::string program; // only this one; empty: all
    bool json = false;
    bool kernels = false;
    bool asks_of_others = false; // kernels and loaders: only we can answer
    verify::Capabilities capabilities;
    std::uint32_t log_level = 0;
    spec::KernelVersion kernel_version = spec::kNewestKernel;
    verify::Mode mode = verify::Mode::kernel;
    std::optional<std::uint64_t> memory_limit_bytes;
    load::Options options;
};

Result<verify::Mode> read_mode(Words& words) {
    const std::string text = TRY(words.value("the mode"));
    if (text != "kernel" && text != "extended") {
        return fail(Code::invalid_input,
                    fmt::format("'{}' is no mode: there are kernel and extended", text));
    }
    return text == "kernel" ? verify::Mode::kernel : verify::Mode::extended;
}

Result<std::uint64_t> read_memory_limit(Words& words) {
    constexpr std::uint64_t kMebibyte = 1U << 20U;
    const auto mebibytes = TRY(words.number<std::uint32_t>("memory limit in MiB"));
    return mebibytes * kMebibyte;
}

Result<spec::KernelVersion> read_kernel_version(Words& words) {
    const std::string text = TRY(words.value("the kernel's version"));
    const auto version = spec::kernel_version(text);
    if (!version.has_value() || !spec::is_kernel(*version)) {
        return fail(Code::invalid_input,
                    fmt::format("'{}' is no kernel version to judge for: there are 4.14 to 4.20, "
                                "5.0 to 5.19 and 6.0 to 6.18",
                                text));
    }
    return *version;
}

Result<Request> read_request(Session& session, Words& words) {
    Request request;
    request.json = session.json() != nullptr;
    while (!words.at_end()) {
        const std::string word = words.take();
        if (word == "--json") {
            request.json = true;
        } else if (word == "--log-level") {
            request.log_level = TRY(words.number<std::uint32_t>("log level"));
            if (request.log_level > kMostLogLevel) {
                return fail(Code::invalid_input, "the log level is a sum of 1 (the refused path), "
                                                 "2 (all paths) and 4 (numbers)");
            }
        } else if (word == "--kernel-version") {
            request.kernel_version = TRY(read_kernel_version(words));
            request.options.kernel_version = request.kernel_version;
            request.asks_of_others = true;
        } else if (word == "--unprivileged") {
            request.capabilities = verify::Capabilities::none();
            request.asks_of_others = true;
        } else if (word == "--mode") {
            request.mode = TRY(read_mode(words));
        } else if (word == "--memory-limit") {
            request.memory_limit_bytes = TRY(read_memory_limit(words));
        } else if (word == "--kernels") {
            request.kernels = request.asks_of_others = true;
        } else if (word == "--prog") {
            request.program = TRY(words.value("the program's name"));
        } else if (word == "--type") {
            TRY(read_type_option(words, request.options));
        } else if (word == "--map-size") {
            TRY(read_map_size_option(words, request.options));
        } else if (word.starts_with("--")) {
            return fail(
                Code::invalid_input,
                fmt::format(
                    "unknown option '{}': there are --json, --log-level N, --prog NAME, "
                    "--kernel-version X.Y, --kernels, --unprivileged, --mode kernel|extended, "
                    "--memory-limit MIB, --explain CODE, --type TYPE, --map-size NAME=N",
                    word));
        } else {
            request.files.push_back(word);
        }
    }
    if (request.files.empty()) {
        return fail(Code::invalid_input, "no object file: skep verify FILE...");
    }
    return request;
}

verify::Outcome judge(const load::ObjectSpec& object, const load::ObjectProgram& program,
                      const verify::Environment& environment,
                      verify::Mode mode = verify::Mode::kernel) {
    const bool has_type = program.spec.type != spec::ProgramType::unspec;
    if (!program.error.has_value() && has_type) {
        return verify::verify(program.spec, environment, mode);
    }
    verify::Outcome outcome;
    outcome.verdict = verify::Verdict::error;
    outcome.os_errno = has_type ? errno_of(*program.error) : EINVAL;
    outcome.message = program.error.has_value()
                          ? fmt::format("{}: {}", object.file, program.error->message)
                          : fmt::format("section '{}' tells no program type: give one with --type",
                                        program.spec.section);
    return outcome;
}

using Judgements = std::vector<std::optional<client::Judgement>>;

// What the kernel says of the programs of an object, when it is the one to ask.
Result<Judgements> judgements_of(Session& session, const Request& request,
                                 const load::ObjectSpec& object) {
    if (session.options().engine != client::EngineKind::kernel || request.asks_of_others) {
        return Judgements(object.programs.size());
    }
    client::Transport* engine = TRY(session.engine());
    return client::judge_programs(*engine, object, request.log_level);
}

// What a program is judged by.
struct Terms {
    verify::Environment environment;
    verify::Mode mode;
    const RunningKernel& kernel;
};

Judged judge_in_time(const load::ObjectSpec& object, const load::ObjectProgram& program,
                     const Terms& terms, const std::optional<client::Judgement>& judgement) {
    const auto now = [&terms] { // a clock that stands while types are read
        return std::chrono::steady_clock::now() - terms.kernel.reading_time();
    };
    const auto begin = now();
    verify::Outcome outcome = judge(object, program, terms.environment, terms.mode);
    const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(now() - begin);
    if (judgement.has_value() && program.spec.type != spec::ProgramType::unspec) {
        return {object.file, program.spec,
                as_the_engine_says(*judgement, std::move(outcome), terms.environment.log_level),
                judgement->time_us};
    }
    verify::add_verification_time(outcome.log, static_cast<std::uint64_t>(spent.count()));
    return {object.file, program.spec, std::move(outcome),
            static_cast<std::uint64_t>(spent.count())};
}

void print(Session& session, const Request& request, const Judged& judged,
           const verify::Outcome* before_global_functions) {
    if (request.kernels) {
        (request.json ? print_kernels_line : print_kernels)(session, judged,
                                                            before_global_functions);
    } else {
        (request.json ? print_line : print_text)(session, judged);
    }
}

// Global functions are judged on their own since 5.6; before, at each call.
std::optional<verify::Outcome> judge_before_global_functions(const load::ObjectSpec& object,
                                                             const load::ObjectProgram& program,
                                                             verify::Environment environment) {
    constexpr auto kSince = *spec::kernel_version(spec::row(spec::Feature::global_functions).since);
    if (program.spec.functions.size() < 2) {
        return std::nullopt;
    }
    environment.kernel_version = kSince - 1;
    return judge(object, program, environment);
}

// True when every program was accepted.
Result<bool> verify_file(Session& session, const Request& request, const std::string& file,
                         RunningKernel& kernel) {
    const load::ObjectSpec object = TRY(read_object(file, request.options, kernel));
    show_warnings(session, object);
    // A verdict needs no map of that name, and of several files one may hold it and another not.
    if (auto sizes = check_map_sizes(object, request.options); !sizes.ok()) {
        session.remark("{}", sizes.error().message);
    }
    const std::vector<spec::MapSpec> maps = map_specs(object);
    Terms terms{{}, request.mode, kernel};
    verify::Environment& environment = terms.environment;
    environment.maps = maps;
    environment.program_types = object.types.has_value() ? &*object.types : nullptr;
    environment.kernel_types = kernel.types();
    environment.cpu_count = os::possible_cpus();
    environment.log_level = request.log_level;
    environment.kernel_version = request.kernels ? spec::kNewestKernel : request.kernel_version;
    environment.capabilities = request.capabilities;
    environment.diagnose = true;
    const Judgements judgements = TRY(judgements_of(session, request, object));
    environment.memory_limit_bytes =
        request.memory_limit_bytes.value_or(environment.memory_limit_bytes);
    bool all_accepted = true;
    bool found = false;
    std::vector<std::string> names;
    for (std::size_t place = 0; place < object.programs.size(); ++place) {
        const load::ObjectProgram& program = object.programs[place];
        names.push_back(program.spec.name);
        if (!request.program.empty() && program.spec.name != request.program) {
            continue;
        }
        found = true;
        const Judged judged = judge_in_time(object, program, terms, judgements[place]);
        const auto earlier = request.kernels
                                 ? judge_before_global_functions(object, program, environment)
                                 : std::nullopt;
        print(session, request, judged, earlier.has_value() ? &*earlier : nullptr);
        all_accepted = all_accepted && judged.outcome.verdict == verify::Verdict::accept;
    }
    if (!found) {
        return fail(Code::not_found,
                    request.program.empty()
                        ? fmt::format("{} holds no program", file)
                        : fmt::format("{} holds no program '{}'{}", file, request.program,
                                      did_you_mean(request.program, names)));
    }
    return all_accepted;
}

Result<void> verify_files(Session& session, Words& words) {
    if (words.peek() == "--explain") {
        words.take();
        return explain_noun().itself->run(session, words);
    }
    const Request request = TRY(read_request(session, words));
    const bool is_in_batch = session.json() != nullptr && session.json()->depth() > 0;
    if (is_in_batch) {
        session.json()->begin_array();
    }
    bool all_accepted = true;
    const bool shows_progress = request.files.size() > 1 && os::wants_progress();
    std::size_t number = 0;
    RunningKernel kernel;
    for (const std::string& file : request.files) {
        if (shows_progress) {
            session.show_progress(fmt::format("[{}/{}] {}", ++number, request.files.size(), file));
        }
        Result<bool> accepted = verify_file(session, request, file, kernel);
        if (!accepted.ok() && request.files.size() == 1) {
            return std::move(accepted).error();
        }
        if (!accepted.ok()) {
            session.remark("Error: {}", accepted.error().message); // and on with the others
        }
        all_accepted = all_accepted && std::move(accepted).value_or(false);
    }
    if (shows_progress) {
        session.show_progress("");
    }
    if (is_in_batch) {
        session.json()->end_array();
    } else if (session.json() != nullptr) {
        session.json()->mark_finished(); // the lines above are the answer
    }
    return all_accepted ? Result<void>() : Result<void>(already_reported());
}

} // namespace

const Noun& verify_noun() {
    static constexpr Verb row{
        "",
        "FILE... [--json] [--log-level N] [--prog NAME] [--kernel-version X.Y | --kernels] "
        "[--unprivileged] [--mode kernel|extended] [--memory-limit MIB] [--explain CODE] [--type "
        "TYPE] [--map-size "
        "NAME=N]",
        "says of each program whether it would be accepted, and if not, why",
        verify_files,
        0,
        Status::plain,
        "--json                one JSON object a line for each program (-j as well)\n"
        "--log-level N         also the verifier's log: 1 the refused path, 2 all paths, 4 "
        "numbers\n"
        "--prog NAME           only this program\n"
        "--kernel-version X.Y  the verdict of that kernel, 4.14 to 6.18: what it lacks is named\n"
        "--kernels             which kernels would take each program, and what it needs of them\n"
        "--unprivileged        the verdict for a loader without any capability, guesses of the "
        "processor included\n"
        "--mode extended       also accepts what the kernel gives up on as too complex, when "
        "joining "
        "states where paths meet proves it\n"
        "--memory-limit MIB    gives up when the states of a program take more (default 4096)\n"
        "--explain CODE        the longer story of a finding, as skep explain CODE\n"
        "--type TYPE           for programs whose section's name tells none: xdp, tc, socket, ...\n"
        "--map-size NAME=N     entries of a map, whatever the object says\n"
        "The exit status is 0 when all are accepted. --engine kernel asks the running kernel."};
    static constexpr Noun noun{
        .name = "verify", .says = "The verdict on programs.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
