// SPDX-License-Identifier: Apache-2.0
//
// skep compile FILE: the programs of an object file as native code that an application links, by
// the optimising compiler (optimise/ahead.hpp), with a C header.
//
// What was typed, and what is shown; the work is compilation.hpp's, the header unit.hpp's, the
// files output.hpp's.
#include <algorithm>
#include <array>
#include <filesystem>

#include "apps/skep/command_table.hpp"
#include "apps/skep/commands/compile/compilation.hpp"
#include "apps/skep/commands/compile/output.hpp"
#include "apps/skep/object_file.hpp"

namespace skep::app {

namespace {

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
    return request;
}

void show_json(observe::JsonWriter& json, const Request& request, const Unit& unit,
               const std::string& header) {
    json.begin_object();
    json.member("output", std::string_view(request.out));
    json.member("header", std::string_view(header));
    json.member("target", request.target->name);
    json.begin_array("programs");
    for (const UnitProgram& program : unit.programs) {
        json.begin_object();
        json.member("name", std::string_view(program.name));
        json.member("symbol", std::string_view(program.symbol));
        json.member("type", spec::find(program.type)->name);
        json.end_object();
    }
    json.end_array();
    json.begin_array("maps");
    for (const UnitMap& map : unit.maps) {
        json.begin_object();
        json.member("name", std::string_view(map.name));
        json.member("symbol", std::string_view(map.symbol));
        json.member("type", spec::find(map.spec.type)->name);
        json.member("in_object", map.in_object);
        json.member("at_run_time", map.has_handle);
        json.member("key_size", std::uint64_t{map.spec.key_size_bytes});
        json.member("value_size", std::uint64_t{map.spec.value_size_bytes});
        json.member("entries", std::uint64_t{map.spec.max_entries});
        json.end_object();
    }
    json.end_array();
    json.member("needs_runtime", unit.needs_runtime());
    json.member("opener", std::string_view(unit.needs_runtime() ? unit.opener : ""));
    json.end_object();
}

void show(Session& session, const Request& request, const Unit& unit, const std::string& header) {
    if (observe::JsonWriter* json = session.json()) {
        show_json(*json, request, unit, header);
        return;
    }
    session.print("{} and {}, for {}\n", request.out, header, request.target->name);
    std::vector<std::pair<std::string, std::string>> rows;
    for (const UnitProgram& program : unit.programs) {
        rows.emplace_back(program.symbol, fmt::format("program '{}'", as_remark(program.name)));
    }
    for (const UnitMap& map : unit.maps) {
        const std::string name = fmt::format("map '{}'", as_remark(map.name));
        if (map.in_object) {
            rows.emplace_back(map.symbol, name + ", as memory");
        } else if (map.has_handle) {
            rows.emplace_back(map.symbol + "_handle", name + ", made by " + unit.opener);
        }
    }
    if (unit.needs_runtime()) {
        rows.emplace_back(unit.opener, "to be called first; link with -lskep-runtime");
    }
    std::size_t width = 0;
    for (const auto& [symbol, what] : rows) {
        width = std::max(width, symbol.size());
    }
    for (const auto& [symbol, what] : rows) {
        session.print("  {:<{}}  {}\n", symbol, width, what);
    }
}

Result<void> compile(Session& session, Words& words) {
    const Request request = TRY(read_request(words));
    const OutputNames names = TRY(output_names(request.out, request.file));
    RunningKernel kernel;
    const load::ObjectSpec object = TRY(read_object(request.file, request.options, kernel));
    TRY(check_map_sizes(object, request.options));
    show_warnings(session, object);
    const CompileWish wish{as_identifier(stem_of(request.out)), std::string(request.target->triple),
                           request.cpu, request.cpus, request.programs};
    Compilation compilation(wish, object, kernel);
    const ByteVector bytes = TRY(compilation.run());
    TRY(write_output(names, bytes, header_of(compilation.unit()),
                     {request.target->name, request.target->is_this}));
    show(session, request, compilation.unit(), names.header);
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
        "--map-size NAME=N  entries of a map, whatever the object says\n"
        "The header declares NAME_PROGRAM_on(packet, size) for each program, and array maps and "
        "global\n"
        "data as memory: nothing else is linked. Where programs want helpers or other maps, it is\n"
        "NAME_PROGRAM_on(packet, &size, room, cpu), there is NAME_open() to be called first, and\n"
        "libskep-runtime is linked (skep_runtime.h). C99 and C++11. docs/ahead-of-time.md has an\n"
        "application as an example. Needs skep-llvm.so (llvm-19-dev)."};
    static constexpr Noun noun{
        .name = "compile", .says = "Native code ahead of time.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
