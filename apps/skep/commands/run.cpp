// SPDX-License-Identifier: Apache-2.0
//
// skep run FILE: one program of an object, verified and run in this process, on a packet from a
// file.
//
// Nothing is loaded anywhere: the object's maps live as long as the command. Programs that it may
// tail-call are made ready with it. A fault in generated code ends the run and is reported.
#include <chrono>
#include <map>

#include "apps/skep/command_table.hpp"
#include "apps/skep/commands/profiling.hpp"
#include "apps/skep/commands/run_views.hpp"
#include "apps/skep/object_file.hpp"
#include "skep/load/machine_sizes.hpp"
#include "skep/maps/map.hpp"
#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"
#include "skep/run/code/debugger.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/code/perf_map.hpp"
#include "skep/run/interpreter/claim_checked.hpp"
#include "skep/run/interpreter/counted.hpp"
#include "skep/run/optimised/tiered.hpp"
#include "skep/run/test_run.hpp"
#include "skep/run/tiers.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {

namespace {

constexpr std::size_t kDefaultPacketBytes = 64;
constexpr std::uint32_t kOutputRoomBytes = 64U << 10;
constexpr std::uint64_t kMaxInputBytes = 16U << 20;

// How the programs are to be made ready.
struct Engine {
    std::optional<run::Tier> tier;
    bool hardened = false;        // machine code in which no constant stands as it is
    bool profiles = false;        // what each instruction costs
    std::optional<Metric> metric; // in what; nothing: cycles where the machine counts them
    bool perf_map = false;        // names for perf
    // Every instruction is held against what the verifier said of it; the interpreter does that.
    bool checks_claims = false;
    bool tiers_up = false; // optimised in the background while it runs
};

struct Request {
    std::string file;
    std::string program;
    std::optional<std::string> data_in, data_out, context_in;
    std::uint32_t repeat = 1;
    Engine engine;
    bool shows_code = false; // bytecode and machine code beside each other
    load::Options options;
};

Result<void> fit_together(const Engine& engine) {
    const bool counts = engine.metric == Metric::instructions;
    const bool interprets = counts || engine.checks_claims || engine.tier == run::Tier::interpreter;
    const bool compiles =
        engine.hardened || engine.tier == run::Tier::jit || engine.tier == run::Tier::llvm;
    if (interprets && compiles) {
        return fail(Code::invalid_input,
                    "the interpreter counts instructions and checks claims; --tier jit, --tier "
                    "llvm and --harden are about machine code: they do not go together");
    }
    if (engine.hardened && engine.tier == run::Tier::llvm) {
        return fail(Code::invalid_input,
                    "--harden is done by the one-pass code generator: not with --tier llvm");
    }
    if (interprets && engine.metric.has_value() && !counts) {
        return fail(Code::invalid_input, "cycles and time are sampled while machine code runs, not "
                                         "the interpreter");
    }
    if (engine.profiles && engine.checks_claims) {
        return fail(Code::invalid_input, "--profile and --check-claims watch the program each in "
                                         "its own way: choose one");
    }
    return {};
}

// The command's grammar.
const std::string& arguments() {
    static const std::string all =
        fmt::format("FILE [--prog NAME] [--data-in FILE] [--data-out FILE] [--ctx-in FILE] "
                    "[--repeat N] [--tier {{ {} }}] [--harden] [--profile [{{ {} }}]] "
                    "[--check-claims] [--code] [--perf-map] [--type TYPE] [--map-size NAME=N]",
                    run::tier_names(" | "), metric_names(" | "));
    return all;
}

Result<Request> read_request(Words& words) {
    Request request;
    while (!words.at_end()) {
        const std::string word = words.take();
        if (word == "--prog") {
            request.program = TRY(words.value("the program's name"));
        } else if (word == "--data-in") {
            request.data_in = TRY(words.value("the file"));
        } else if (word == "--data-out") {
            request.data_out = TRY(words.value("the file"));
        } else if (word == "--ctx-in") {
            request.context_in = TRY(words.value("the file"));
        } else if (word == "--repeat") {
            request.repeat = TRY(words.number<std::uint32_t>("repeat number"));
        } else if (word == "--tier") {
            const std::string name = TRY(words.value("the tier"));
            request.engine.tier = run::tier_named(name);
            if (!request.engine.tier.has_value()) {
                return fail(Code::invalid_input, fmt::format("unknown tier '{}': there are {}",
                                                             name, run::tier_names(", ")));
            }
        } else if (word == "--harden") {
            request.engine.hardened = true;
        } else if (word == "--profile") {
            request.engine.profiles = true;
            request.engine.metric = take_metric(words);
        } else if (word == "--check-claims") {
            request.engine.checks_claims = true;
        } else if (word == "--code") {
            request.shows_code = true;
        } else if (word == "--perf-map") {
            request.engine.perf_map = true;
        } else if (word == "--type") {
            TRY(read_type_option(words, request.options));
        } else if (word == "--map-size") {
            TRY(read_map_size_option(words, request.options));
        } else if (word.starts_with("--") || !request.file.empty()) {
            return fail(Code::invalid_input,
                        fmt::format("unexpected '{}': skep run {}", word, arguments()));
        } else {
            request.file = word;
        }
    }
    if (request.file.empty()) {
        return fail(Code::invalid_input, "no object file: skep run FILE");
    }
    TRY(fit_together(request.engine));
    // Long runs begin with one-pass code and go on with optimised code, where that can be had; who
    // looks at the code itself wants one kind of it.
    constexpr std::uint32_t kLongRun = 1'000'000;
    const Engine& engine = request.engine;
    request.engine.tiers_up = request.repeat >= kLongRun && !engine.tier.has_value() &&
                              !engine.hardened && !engine.profiles && !engine.checks_claims &&
                              !engine.perf_map && !request.shows_code;
    return request;
}

// The object's maps and the programs that are needed, ready in this process. A map or program is
// known by its place plus one: that is what slots of program arrays and maps of maps hold.
class Household {
  public:
    Household(Session& session, const load::ObjectSpec& object, RunningKernel& kernel,
              const Engine& engine)
        : session_(session), object_(object), engine_(engine), specs_(map_specs(object)),
          kernel_(kernel) {
        services_.owner = this;
        services_.trace = [](void* owner, helpers::Invocation&, const char* text,
                             std::uint32_t size) {
            static_cast<Household*>(owner)->session_.remark("bpf_printk: {}",
                                                            std::string_view(text, size));
        };
        services_.map_by_id = [](void* owner, std::uint32_t id) -> maps::Map* {
            const auto& maps = static_cast<Household*>(owner)->map_views_;
            return id == 0 || id > maps.size() ? nullptr : maps[id - 1];
        };
        services_.run_program = [](void* owner, std::uint32_t id, helpers::Invocation& invocation,
                                   std::uint64_t* result) {
            const auto& ready = static_cast<Household*>(owner)->ready_;
            const auto at = ready.find(id);
            if (at == ready.end()) {
                return false;
            }
            *result = at->second->run(invocation.context, invocation);
            return true;
        };
    }

    Result<void> make_maps() {
        for (const load::ObjectMap& map : object_.maps) {
            const spec::MapSpec spec = load::fit_to_machine(
                map.spec, os::possible_cpus(), static_cast<std::uint32_t>(os::page_size()));
            maps_.push_back(TRY_WHILE(fmt::format("map '{}'", map.spec.name),
                                      maps::make_map(spec, os::possible_cpus())));
            map_views_.push_back(maps_.back().get());
            const std::array<std::uint8_t, 4> first_key{};
            if (!map.initial_value.empty()) {
                const int wrote =
                    maps_.back()->write_user(first_key.data(), map.initial_value, maps::kAny);
                if (wrote != 0) {
                    return error_from_errno(
                        -wrote,
                        fmt::format("writing the initial value of map '{}'", map.spec.name));
                }
            }
        }
        return {};
    }

    // Verifies and compiles; what it may tail-call goes first.
    Result<run::Executable*> make_ready(std::size_t place) {
        for (std::size_t map = 0; map < object_.maps.size(); ++map) {
            for (const load::InitialSlot& slot : object_.maps[map].initial_slots) {
                TRY(fill_slot(map, slot, place));
            }
        }
        return make_one(place);
    }

    [[nodiscard]] const helpers::Services& services() const { return services_; }
    [[nodiscard]] std::span<maps::Map* const> maps() const { return map_views_; }
    // What is to be seen of the program asked for.
    Result<RunViews> views(bool with_code, std::optional<Costs> sampled) {
        const verify::VerifiedProgram& program = *verified_.back();
        RunViews views = views_of(program, object_.types.has_value() ? &*object_.types : nullptr);
        views.costs = std::move(sampled);
        if (counted_ != nullptr) {
            views.costs = Costs{.of = counted_->counts()};
        }
        if (with_code) {
            run::Binding binding;
            binding.maps = map_views_;
            const auto make = engine_.hardened                  ? run::make_hardened_jit
                              : engine_.tier == run::Tier::llvm ? run::make_optimised_with_lines
                                                                : run::make_jit;
            shown_ = TRY(make(program, binding));
            views.machine_code = shown_->listing();
        }
        return views;
    }
    // How many instructions were held against the verifier's claims, or what contradicted one.
    [[nodiscard]] Result<std::uint64_t> checked_insns() const {
        std::uint64_t count = 0;
        for (const Checked& checked : checked_) {
            count += checked.executable->checked_insns();
            if (const auto& wrong = checked.executable->violation(); wrong.has_value()) {
                return fail(Code::invalid_input,
                            fmt::format("program '{}', instruction {}: {} is {:#x}, but the "
                                        "verifier claimed {}\nThis is a mistake of skep's: "
                                        "please report it with the object and the input.",
                                        checked.program, wrong->insn.value, wrong->place,
                                        wrong->found, wrong->claimed));
            }
        }
        return count;
    }
    [[nodiscard]] std::uint64_t compile_us() const {
        return compile_us_;
    } // of the program asked for last

    // Programs that ran often and were not made faster, or less than they could be.
    void remark_on_tiers() const {
        for (const run::TieredExecutable* tiered : tiered_) {
            if (const std::string remark = tiered->remark(); !remark.empty()) {
                session_.remark("the program {}", remark);
            }
        }
    }

  private:
    Result<void> fill_slot(std::size_t map, const load::InitialSlot& slot, std::size_t asked) {
        const bool holds_programs = object_.maps[map].spec.type == spec::MapType::prog_array;
        if (holds_programs && slot.target < object_.programs.size() && slot.target != asked) {
            TRY(make_one(slot.target));
        }
        ByteWriter key(std::endian::native);
        key.write(slot.index);
        ByteVector whole_key(key.bytes().begin(), key.bytes().end());
        whole_key.resize(
            std::max<std::size_t>(whole_key.size(), object_.maps[map].spec.key_size_bytes));
        ByteWriter id(std::endian::native);
        id.write(slot.target + 1);
        const int wrote = maps_[map]->update(whole_key.data(), id.bytes().data(), maps::kAny, 0);
        return wrote == 0 ? Result<void>()
                          : Result<void>(error_from_errno(
                                -wrote, fmt::format("slot {} of map '{}'", slot.index,
                                                    object_.maps[map].spec.name)));
    }

    Result<run::Executable*> make_one(std::size_t place) {
        const load::ObjectProgram& program = object_.programs[place];
        if (program.error.has_value()) {
            return *program.error;
        }
        verify::Environment environment;
        environment.maps = specs_;
        environment.program_types = object_.types.has_value() ? &*object_.types : nullptr;
        environment.kernel_types = kernel_.types();
        environment.cpu_count = os::possible_cpus();
        verify::Claimed claimed;
        if (engine_.checks_claims) {
            claimed = verify::verify_with_claims(program.spec, environment);
        } else {
            claimed.outcome = verify::verify(program.spec, environment);
        }
        verify::Outcome& outcome = claimed.outcome;
        if (!outcome.program.has_value()) {
            return Error{Code::access_denied, 0,
                         fmt::format("program '{}' is refused: {}\nskep verify {} says why",
                                     program.spec.name, outcome.message, object_.file)};
        }
        verified_.push_back(std::make_unique<verify::VerifiedProgram>(std::move(*outcome.program)));
        run::Binding binding;
        binding.maps = map_views_;
        const auto begin = std::chrono::steady_clock::now();
        std::unique_ptr<run::Executable> made =
            TRY(make_executable(*verified_.back(), binding, program.spec.name, claimed.claims));
        const auto spent = std::chrono::steady_clock::now() - begin;
        compile_us_ = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
        auto& kept = ready_[static_cast<std::uint32_t>(place) + 1];
        kept = std::move(made);
        if (const auto listing = kept->listing()) {
            const auto names = run::code::function_names(*verified_.back());
            debugger_.emplace_back(*listing, names);
            if (engine_.perf_map) {
                TRY(run::code::add_to_perf_map(*listing, names));
            }
        }
        return kept.get();
    }

    Result<std::unique_ptr<run::Executable>>
    make_executable(const verify::VerifiedProgram& program, const run::Binding& binding,
                    const std::string& name, const std::shared_ptr<verify::Claims>& claims) {
        if (claims != nullptr) {
            auto checked = TRY(run::make_claim_checked(program, claims, binding));
            checked_.push_back({name, checked.get()});
            return std::unique_ptr<run::Executable>(std::move(checked));
        }
        if (engine_.metric == Metric::instructions) {
            auto counted = TRY(run::make_counted(program, binding));
            counted_ = counted.get();
            return std::unique_ptr<run::Executable>(std::move(counted));
        }
        if (engine_.hardened) {
            return run::make_hardened_jit(program, binding);
        }
        if (engine_.tier == run::Tier::llvm && engine_.metric.has_value()) {
            return run::make_optimised_with_lines(program, binding);
        }
        if (engine_.tiers_up && run::check_available(run::Tier::jit).ok()) {
            if (background_ == nullptr) {
                background_ = std::make_unique<run::BackgroundCompiler>();
            }
            auto tiered = TRY(run::make_tiered(program, binding, *background_));
            tiered_.push_back(tiered.get());
            return std::unique_ptr<run::Executable>(std::move(tiered));
        }
        run::Ready made = TRY(run::make_executable(program, binding, engine_.tier));
        return std::move(made.executable);
    }

    Session& session_;
    const load::ObjectSpec& object_;
    const Engine& engine_;
    std::vector<spec::MapSpec> specs_;
    RunningKernel& kernel_;
    helpers::Services services_;
    std::vector<std::unique_ptr<maps::Map>> maps_;
    std::vector<maps::Map*> map_views_;
    std::vector<std::unique_ptr<verify::VerifiedProgram>> verified_;
    std::unique_ptr<run::BackgroundCompiler> background_;             // outlives what it compiles
    std::map<std::uint32_t, std::unique_ptr<run::Executable>> ready_; // by id
    const run::CountedExecutable* counted_ = nullptr;                 // of the one asked for
    struct Checked {
        std::string program;
        const run::ClaimCheckedExecutable* executable;
    };
    std::vector<Checked> checked_; // when claims are checked
    std::vector<const run::TieredExecutable*> tiered_;
    std::unique_ptr<run::Executable> shown_;
    std::vector<run::code::DebuggerEntry> debugger_; // goes before the code that it names
    std::uint64_t compile_us_ = 0;
};

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

Result<run::TestRun> read_inputs(const Request& request) {
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

Result<void> show_views(Session& session, Household& household, const Request& request,
                        const Done& done) {
    const RunViews views = TRY(household.views(request.shows_code, done.sampled));
    return show_run_views(session, views);
}

Result<void> show(Session& session, const Done& done, Household& household,
                  const Request& request) {
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
Result<std::unique_ptr<os::Sampler>> choose_metric(Session& session, Engine& engine) {
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
    Request request = TRY(read_request(words));
    RunningKernel kernel;
    const load::ObjectSpec object = TRY(read_object(request.file, request.options, kernel));
    const std::size_t place = TRY(choose(object, request.program));
    run::TestRun wanted = TRY(read_inputs(request));
    const std::unique_ptr<os::Sampler> sampler = TRY(choose_metric(session, request.engine));
    TRY(run::code::install_fault_handlers());
    Household household(session, object, kernel, request.engine);
    TRY(household.make_maps());
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
        arguments(),
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
        "--map-size NAME=N  entries of a map that the object leaves at 0"};
    static const Noun noun{
        .name = "run", .says = "A program run in this process.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
