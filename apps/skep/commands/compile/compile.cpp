// SPDX-License-Identifier: Apache-2.0
//
// skep compile FILE: the programs of an object file as native code that an application links, by
// the optimising compiler (optimise/ahead.hpp), with a C header.
//
// Arrays that only the programs' own code refers to lie in the native object. Whether anything else
// is wanted is known only when the optimiser is done, so it may be asked twice.
#include <algorithm>
#include <filesystem>
#include <set>

#include "apps/skep/command_table.hpp"
#include "apps/skep/commands/compile/unit.hpp"
#include "apps/skep/object_file.hpp"
#include "skep/os/command.hpp"
#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {

namespace {

constexpr std::uint64_t kMostValueBytes = 64U << 20; // of one map in the object
constexpr std::uint32_t kReadOnlyForPrograms = 1U << 7;
constexpr std::uint32_t kMostCpus = 4096;

struct TargetRow {
    std::string_view name;
    std::string_view triple;
    bool is_this;
};
#if defined(__aarch64__)
constexpr bool kIsArm64 = true;
#else
constexpr bool kIsArm64 = false;
#endif
constexpr std::array kTargets{TargetRow{"x86-64", "x86_64-linux-gnu", !kIsArm64},
                              TargetRow{"arm64", "aarch64-linux-gnu", kIsArm64}};

struct Request {
    std::string file;
    std::string out;
    const TargetRow* target = &kTargets[kIsArm64 ? 1 : 0];
    std::string cpu;
    std::uint32_t cpus = 1;
    std::vector<std::string> programs; // empty: all
    load::Options options;
};

Result<const TargetRow*> target_named(const std::string& name) {
    for (const TargetRow& row : kTargets) {
        if (row.name == name) {
            return &row;
        }
    }
    return fail(Code::invalid_input,
                fmt::format("unknown target '{}': there are x86-64 and arm64", name));
}

std::string stem_of(const std::string& file) {
    std::string stem = std::filesystem::path(file).filename().string();
    for (const std::string_view ending : {".o", ".so", ".bpf", ".native"}) {
        if (stem.ends_with(ending) && stem.size() > ending.size()) {
            stem.erase(stem.size() - ending.size());
        }
    }
    return stem;
}

Result<void> read_word(Request& request, const std::string& word, Words& words) {
    if (word == "-o") {
        request.out = TRY(words.value("the output's name"));
    } else if (word == "--target") {
        const std::string name = TRY(words.value("the target"));
        request.target = TRY(target_named(name));
    } else if (word == "--cpu") {
        request.cpu = TRY(words.value("the processor"));
    } else if (word == "--cpus") {
        request.cpus = TRY(words.number<std::uint32_t>("number of CPUs"));
    } else if (word == "--prog") {
        request.programs.push_back(TRY(words.value("the program's name")));
    } else if (word == "--type") {
        TRY(read_type_option(words, request.options));
    } else if (word == "--map-size") {
        TRY(read_map_size_option(words, request.options));
    } else if (word.starts_with("-") || !request.file.empty()) {
        return fail(Code::invalid_input,
                    fmt::format("unexpected '{}': skep compile FILE [-o OUT] [--target "
                                "x86-64|arm64] [--cpu NAME] [--cpus N] [--prog NAME]",
                                word));
    } else {
        request.file = word;
    }
    return {};
}

Result<Request> read_request(Words& words) {
    Request request;
    while (!words.at_end()) {
        TRY(read_word(request, words.take(), words));
    }
    if (request.file.empty()) {
        return fail(Code::invalid_input, "no object file: skep compile FILE");
    }
    if (request.cpus == 0 || request.cpus > kMostCpus) {
        return fail(Code::invalid_input, fmt::format("--cpus is from 1 to {}", kMostCpus));
    }
    if (request.out.empty()) {
        request.out = stem_of(request.file) + ".native.o";
    }
    if (!request.out.ends_with(".o") && !request.out.ends_with(".so")) {
        return fail(Code::invalid_input,
                    fmt::format("'{}' says not what to write: a name that ends in .o (an object to "
                                "be linked) or in .so (a shared library)",
                                request.out));
    }
    if (std::filesystem::path(request.out).lexically_normal() ==
        std::filesystem::path(request.file).lexically_normal()) {
        return fail(Code::invalid_input,
                    "the native object would overwrite the file it is made of");
    }
    return request;
}

class Compilation {
  public:
    Compilation(const Request& request, const load::ObjectSpec& object, RunningKernel& kernel)
        : request_(request), object_(object), kernel_(kernel), specs_(map_specs(object)) {
        unit_.prefix = as_identifier(stem_of(request.out));
        unit_.source = std::filesystem::path(request.file).filename().string();
        unit_.cpus = request.cpus;
        symbols_ = {unit_.prefix + "_open", unit_.prefix + "_maps"}; // the header's own
    }

    Result<ByteVector> run() {
        for (const load::ObjectMap& map : object_.maps) {
            unit_.maps.push_back(unit_map(map));
        }
        TRY(add_programs());
        const run::Optimiser* optimiser = TRY(run::optimiser());
        run::AheadObject made = TRY(optimiser->compile_ahead(job()));
        if (keep_at_run_time(made)) {
            made = TRY(optimiser->compile_ahead(job()));
        }
        unit_.calls = std::move(made.calls);
        TRY(check_run_time());
        return std::move(made.bytes);
    }
    [[nodiscard]] const Unit& unit() const { return unit_; }

  private:
    std::string symbol(const std::string& name) {
        std::string symbol = unit_.prefix + "_" + as_identifier(name);
        while (!symbols_.insert(symbol).second) {
            symbol += '_';
        }
        return symbol;
    }

    UnitMap unit_map(const load::ObjectMap& map) {
        UnitMap one;
        one.name = map.spec.name;
        one.symbol = symbol(map.spec.name.substr(map.spec.name.find('.') + 1)); // "x.bss": its end
        one.spec = map.spec;
        one.stride_bytes = (std::uint64_t{map.spec.value_size_bytes} + 7) / 8 * 8;
        one.in_object = (map.spec.type == spec::MapType::array ||
                         map.spec.type == spec::MapType::percpu_array) &&
                        bytes_of(one) <= kMostValueBytes;
        one.is_constant = (map.spec.flags & kReadOnlyForPrograms) != 0;
        return one;
    }
    [[nodiscard]] std::uint64_t bytes_of(const UnitMap& map) const {
        const bool per_cpu = map.spec.type == spec::MapType::percpu_array;
        return map.stride_bytes * map.spec.max_entries * (per_cpu ? request_.cpus : 1);
    }

    Result<void> add_programs() {
        for (const load::ObjectProgram& program : object_.programs) {
            const auto& wanted = request_.programs;
            if (!wanted.empty() &&
                std::find(wanted.begin(), wanted.end(), program.spec.name) == wanted.end()) {
                continue;
            }
            TRY(add_program(program));
        }
        if (unit_.programs.size() < std::max<std::size_t>(1, request_.programs.size())) {
            return fail(
                Code::not_found,
                fmt::format("{} does not hold the programs that were asked for", object_.file));
        }
        return {};
    }

    Result<void> add_program(const load::ObjectProgram& program) {
        if (program.error.has_value()) {
            return *program.error;
        }
        if (!can_be_entered(program.spec.type)) {
            return fail(Code::unsupported,
                        fmt::format("program '{}' is of type {}, whose context an application "
                                    "cannot make: --prog chooses others",
                                    program.spec.name, spec::find(program.spec.type)->name));
        }
        verify::Environment environment;
        environment.maps = specs_;
        environment.program_types = object_.types.has_value() ? &*object_.types : nullptr;
        environment.kernel_types = kernel_.types();
        environment.cpu_count = request_.cpus;
        verify::Outcome outcome = verify::verify(program.spec, environment);
        if (!outcome.program.has_value()) {
            return Error{Code::access_denied, 0,
                         fmt::format("program '{}' is refused: {}\nskep verify {} says why",
                                     program.spec.name, outcome.message, request_.file)};
        }
        verified_.push_back(std::make_unique<verify::VerifiedProgram>(std::move(*outcome.program)));
        unit_.programs.push_back({program.spec.name, symbol(program.spec.name), program.spec.type});
        return {};
    }

    run::AheadJob job() {
        programs_.clear();
        maps_.clear();
        shapes_.clear();
        for (std::size_t i = 0; i < verified_.size(); ++i) {
            programs_.push_back({verified_[i].get(), unit_.programs[i].symbol});
        }
        for (std::size_t i = 0; i < unit_.maps.size(); ++i) {
            const UnitMap& map = unit_.maps[i];
            run::jit::MapShape shape;
            shape.map_index = static_cast<std::uint32_t>(i);
            if (map.in_object) {
                shape.way = run::jit::LookupWay::in_place;
                shape.entries = map.spec.max_entries;
                shape.stride_bytes = static_cast<std::uint32_t>(map.stride_bytes);
                shape.cpu_stride_bytes = map.spec.type == spec::MapType::percpu_array
                                             ? map.stride_bytes * map.spec.max_entries
                                             : 0;
            }
            shapes_.push_back(shape);
            maps_.push_back({map.symbol, map.in_object ? bytes_of(map) : 0,
                             object_.maps[i].initial_value, map.is_constant});
        }
        return {unit_.prefix, programs_,  maps_, shapes_, std::string(request_.target->triple),
                request_.cpu, calls_back_};
    }

    // What the runtime library cannot make of a shape alone.
    Result<void> check_run_time() const {
        for (const run::AheadCall& call : unit_.calls) {
            if (call.referent == run::jit::Referent::routine &&
                call.number == static_cast<std::uint32_t>(run::jit::Routine::tail_call)) {
                return fail(Code::unsupported, "tail calls are not compiled: the programs of a "
                                               "program array are not known to the application");
            }
        }
        for (std::size_t i = 0; i < unit_.maps.size(); ++i) {
            const UnitMap& map = unit_.maps[i];
            if (map.has_handle && (map.spec.inner != nullptr || !map.spec.value_fields.empty() ||
                                   !object_.maps[i].initial_slots.empty())) {
                return fail(Code::unsupported,
                            fmt::format("map '{}' holds maps, programs, locks or timers, which the "
                                        "runtime library does not make: --prog chooses programs",
                                        map.name));
            }
        }
        return {};
    }

    // Maps that helpers are handed cannot be plain memory. True when that changes anything.
    bool keep_at_run_time(const run::AheadObject& made) {
        bool changes = false;
        for (const std::size_t index : made.handled) {
            UnitMap& map = unit_.maps[index];
            changes = changes || map.in_object;
            map.has_handle = true;
            map.in_object = false;
            map.initial = object_.maps[index].initial_value;
        }
        const bool calls = !made.calls.empty() || !made.handled.empty();
        changes = changes || calls != calls_back_;
        calls_back_ = calls;
        return changes;
    }

    const Request& request_;
    const load::ObjectSpec& object_;
    RunningKernel& kernel_;
    std::vector<spec::MapSpec> specs_;
    Unit unit_;
    std::set<std::string> symbols_;
    std::vector<std::unique_ptr<verify::VerifiedProgram>> verified_;
    std::vector<run::AheadProgram> programs_;
    std::vector<run::AheadMap> maps_;
    std::vector<run::jit::MapShape> shapes_;
    bool calls_back_ = false;
};

// The object as a shared library, by a linker that knows the target.
Result<void> link_shared(const Request& request, const std::string& object) {
    std::vector<std::vector<std::string>> ways{{"ld.lld"}, {"ld.lld-19"}};
    if (request.target->is_this) {
        ways.push_back({"ld"});
    }
    std::string said;
    for (std::vector<std::string> words : ways) {
        for (const char* word :
             {"-shared", "-z", "noexecstack", "-z", "relro", "--no-undefined-version", "-o"}) {
            words.emplace_back(word);
        }
        words.push_back(request.out);
        words.push_back(object);
        const auto linked = os::run_command(words);
        if (linked.ok() && linked->exit_status == 0) {
            return {};
        }
        said += linked.ok() ? linked->output : "";
    }
    return fail(Code::unsupported,
                fmt::format("no linker made a library for {} of it (ld.lld, from the package lld, "
                            "links for both targets): {}\n'-o NAME.o' needs none",
                            request.target->name, said.empty() ? "none is installed" : said));
}

Result<void> write_out(const Request& request, const Unit& unit, const ByteVector& object,
                       const std::string& header) {
    TRY(os::write_file(header, [&] {
        const std::string text = header_of(unit);
        return ByteVector(text.begin(), text.end());
    }()));
    if (request.out.ends_with(".o")) {
        return os::write_file(request.out, object);
    }
    const std::string part = request.out + ".o";
    TRY(os::write_file(part, object));
    Result<void> linked = link_shared(request, part);
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    return linked;
}

void show(Session& session, const Request& request, const Unit& unit, const std::string& header) {
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("output", std::string_view(request.out));
        json->member("header", std::string_view(header));
        json->member("target", request.target->name);
        json->begin_array("programs");
        for (const UnitProgram& program : unit.programs) {
            json->begin_object();
            json->member("name", std::string_view(program.name));
            json->member("symbol", std::string_view(program.symbol));
            json->end_object();
        }
        json->end_array();
        json->begin_array("maps");
        for (const UnitMap& map : unit.maps) {
            json->begin_object();
            json->member("name", std::string_view(map.name));
            json->member("symbol", std::string_view(map.symbol));
            json->member("in_object", map.in_object);
            json->end_object();
        }
        json->end_array();
        json->member("needs_runtime", unit.needs_runtime());
        json->end_object();
        return;
    }
    session.print("{} and {}, for {}\n", request.out, header, request.target->name);
    for (const UnitProgram& program : unit.programs) {
        session.print("  {:<24} program '{}'\n", program.symbol, program.name);
    }
    for (const UnitMap& map : unit.maps) {
        if (map.in_object || map.has_handle) {
            session.print("  {:<24} map '{}'{}\n", map.symbol, map.name,
                          map.in_object ? "" : ", made when the application begins");
        }
    }
    if (unit.needs_runtime()) {
        session.print("  {:<24} to be called first; link with -lskep-runtime\n",
                      unit.prefix + "_open");
    }
}

Result<void> compile(Session& session, Words& words) {
    const Request request = TRY(read_request(words));
    RunningKernel kernel;
    const load::ObjectSpec object = TRY(read_object(request.file, request.options, kernel));
    Compilation compilation(request, object, kernel);
    const ByteVector bytes = TRY(compilation.run());
    const std::string header = std::filesystem::path(request.out).replace_extension(".h").string();
    TRY(write_out(request, compilation.unit(), bytes, header));
    show(session, request, compilation.unit(), header);
    return {};
}

} // namespace

const Noun& compile_noun() {
    static constexpr Verb row{
        "",
        "FILE [-o OUT] [--target { x86-64 | arm64 }] [--cpu NAME] [--cpus N] [--prog NAME]... "
        "[--type TYPE] [--map-size NAME=N]",
        "makes native code of verified programs, and a C header, for an application to link",
        compile,
        1,
        Status::plain,
        "-o OUT             NAME.o, an object, or NAME.so, a shared library; the header is NAME.h\n"
        "--target TARGET    x86-64 or arm64; else this machine's\n"
        "--cpu NAME         the processor, as LLVM names it; else any of its kind\n"
        "--cpus N           how many CPUs per-CPU maps are for; else 1\n"
        "--prog NAME        which program, several times for several; else all\n"
        "--type TYPE        for a program whose section's name tells none: xdp, tc, socket, ...\n"
        "--map-size NAME=N  entries of a map that the object leaves at 0\n"
        "The header declares NAME_PROGRAM(context, run) for each program, NAME_PROGRAM_on(packet,\n"
        "size) for packets, and array maps and global data as memory: nothing else is linked. "
        "Where\n"
        "programs want helpers or other maps, there is NAME_open() to be called first, and\n"
        "libskep-runtime to be linked (skep_runtime.h). Needs skep-llvm.so (llvm-19-dev)."};
    static constexpr Noun noun{
        .name = "compile", .says = "Native code ahead of time.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
