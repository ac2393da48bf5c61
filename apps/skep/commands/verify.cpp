// SPDX-License-Identifier: Apache-2.0
//
// skep verify FILE...: would each program be accepted, and if not, why. Needs no engine: the object
// is read and judged here, as the running kernel (or another version) would.
#include <chrono>

#include "apps/skep/command_table.hpp"
#include "apps/skep/object_file.hpp"
#include "skep/observe/object_views.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/terminal.hpp"
#include "skep/verify/explain/render.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {

namespace {

struct Request {
    std::vector<std::string> files;
    std::string program; // only this one; empty: all
    bool json = false;
    std::uint32_t log_level = 0;
    load::Options options;
};

Result<Request> read_request(Session& session, Words& words) {
    Request request;
    request.json = session.json() != nullptr;
    while (!words.at_end()) {
        const std::string word = words.take();
        if (word == "--json") {
            request.json = true;
        } else if (word == "--log-level") {
            request.log_level = TRY(words.number<std::uint32_t>("log level"));
        } else if (word == "--prog") {
            request.program = TRY(words.value("the program's name"));
        } else if (word == "--type") {
            TRY(read_type_option(words, request.options));
        } else if (word == "--map-size") {
            TRY(read_map_size_option(words, request.options));
        } else if (word.starts_with("--")) {
            return fail(
                Code::invalid_input,
                fmt::format("unknown option '{}': there are --json, --log-level N, --prog NAME, "
                            "--type TYPE, --map-size NAME=N",
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

struct Judged {
    const std::string& file;
    const ProgramSpec& program;
    verify::Outcome outcome;
    std::uint64_t time_us = 0;
};

std::string_view word_for(verify::Verdict verdict) {
    switch (verdict) {
    case verify::Verdict::accept:
        return "accept";
    case verify::Verdict::reject:
        return "reject";
    case verify::Verdict::error:
        break;
    }
    return "error";
}

void print_place(observe::JsonWriter& json, const verify::Place& place) {
    json.member("insn", place.insn.value);
    if (place.line != 0) {
        json.member("file", std::string_view(place.file));
        json.member("line", place.line);
        json.member("column", place.column);
        json.member("source", std::string_view(place.source));
    }
}

void print_finding(observe::JsonWriter& json, const verify::Finding& finding) {
    json.begin_object();
    json.member("code", std::string_view(finding.code));
    json.member("what", std::string_view(finding.what));
    print_place(json, finding.place);
    json.member("because", std::string_view(finding.because));
    json.begin_array("notes");
    for (const verify::Note& note : finding.notes) {
        json.begin_object();
        json.member("text", std::string_view(note.text));
        print_place(json, note.place);
        json.end_object();
    }
    json.end_array();
    json.member("suggestion", std::string_view(finding.suggestion));
    json.end_object();
}

void print_json(observe::JsonWriter& json, const Judged& judged) {
    const verify::Outcome& outcome = judged.outcome;
    json.begin_object();
    json.member("object", std::string_view(judged.file));
    json.member("section", std::string_view(judged.program.section));
    json.member("program", std::string_view(judged.program.name));
    json.member("type", std::string_view(observe::name_of_program_type(
                            static_cast<std::uint32_t>(judged.program.type))));
    json.member("insns", judged.program.insns.size());
    json.member("verdict", word_for(outcome.verdict));
    json.member("errno", outcome.os_errno);
    json.member("message", std::string_view(outcome.message));
    json.member("insns_processed", outcome.statistics.insns_processed);
    json.member("peak_states", outcome.statistics.peak_states);
    json.member("total_states", outcome.statistics.total_states);
    json.member("time_us", judged.time_us);
    json.member("memory_bytes", outcome.statistics.memory_bytes);
    json.name("finding");
    if (outcome.findings.empty()) {
        json.null();
    } else {
        print_finding(json, outcome.findings.front());
    }
    if (!outcome.log.empty()) {
        json.member("log", std::string_view(outcome.log));
    }
    json.end_object();
}

// One object a line, so that a stream of them can be read as it comes; in a batch, members of an
// array.
void print_line(Session& session, const Judged& judged) {
    if (session.json() != nullptr && session.json()->depth() > 0) {
        print_json(*session.json(), judged);
        return;
    }
    observe::JsonWriter json(session.out(), observe::JsonLayout::compact);
    print_json(json, judged);
    json.end_document();
}

void print_text(Session& session, const Judged& judged) {
    const verify::Outcome& outcome = judged.outcome;
    session.print("{}: {}: {} ({}, {} insns): ", judged.file, judged.program.section,
                  judged.program.name,
                  observe::name_of_program_type(static_cast<std::uint32_t>(judged.program.type)),
                  judged.program.insns.size());
    if (outcome.verdict == verify::Verdict::accept) {
        session.print("accepted, {} insns processed in {} us\n", outcome.statistics.insns_processed,
                      judged.time_us);
    } else {
        session.print("{}\n", outcome.verdict == verify::Verdict::reject
                                  ? "refused"
                                  : "error: " + outcome.message);
    }
    session.print("{}", outcome.log);
    const verify::RenderOptions options{.colour = os::wants_colour() ? verify::Colour::yes
                                                                     : verify::Colour::no};
    if (!outcome.findings.empty()) {
        session.print("{}", verify::render(judged.program, outcome.findings.front(), options));
    }
}

verify::Outcome judge(const load::ObjectSpec& object, const load::ObjectProgram& program,
                      const verify::Environment& environment) {
    if (!program.error.has_value()) {
        return verify::verify(program.spec, environment);
    }
    verify::Outcome outcome;
    outcome.verdict = verify::Verdict::error;
    outcome.os_errno = errno_of(*program.error);
    outcome.message = fmt::format("{}: {}", object.file, program.error->message);
    return outcome;
}

// True when every program was accepted.
Result<bool> verify_file(Session& session, const Request& request, const std::string& file) {
    const load::ObjectSpec object = TRY(read_object(file, request.options));
    for (const std::string& warning : object.warnings) {
        session.remark("{}: {}", file, warning);
    }
    const std::vector<spec::MapSpec> maps = map_specs(object);
    const KernelTypes kernel = KernelTypes::for_object(object);
    verify::Environment environment;
    environment.maps = maps;
    environment.program_types = object.types.has_value() ? &*object.types : nullptr;
    environment.kernel_types = kernel.types();
    environment.cpu_count = os::possible_cpus();
    environment.log_level = request.log_level;
    bool all_accepted = true;
    bool found = false;
    for (const load::ObjectProgram& program : object.programs) {
        if (!request.program.empty() && program.spec.name != request.program) {
            continue;
        }
        found = true;
        const auto begin = std::chrono::steady_clock::now();
        verify::Outcome outcome = judge(object, program, environment);
        const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - begin);
        const Judged judged{file, program.spec, std::move(outcome),
                            static_cast<std::uint64_t>(spent.count())};
        if (request.json) {
            print_line(session, judged);
        } else {
            print_text(session, judged);
        }
        all_accepted = all_accepted && judged.outcome.verdict == verify::Verdict::accept;
    }
    if (!found) {
        return fail(Code::not_found,
                    request.program.empty()
                        ? fmt::format("{} holds no program", file)
                        : fmt::format("{} holds no program '{}'", file, request.program));
    }
    return all_accepted;
}

Result<void> verify_files(Session& session, Words& words) {
    const Request request = TRY(read_request(session, words));
    const bool is_in_batch = session.json() != nullptr && session.json()->depth() > 0;
    if (is_in_batch) {
        session.json()->begin_array();
    }
    bool all_accepted = true;
    for (const std::string& file : request.files) {
        Result<bool> accepted = verify_file(session, request, file);
        if (!accepted.ok() && request.files.size() == 1) {
            return std::move(accepted).error();
        }
        if (!accepted.ok()) {
            session.remark("Error: {}", accepted.error().message); // and on with the others
        }
        all_accepted = all_accepted && std::move(accepted).value_or(false);
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
        "FILE... [--json] [--log-level N] [--prog NAME] [--type TYPE] [--map-size NAME=N]",
        "says of each program whether it would be accepted, and if not, why",
        verify_files,
        0,
        Status::plain,
        "--json             one JSON object a line for each program (-j as well)\n"
        "--log-level N      also the verifier's log: 1 the refused path, 2 all paths\n"
        "--prog NAME        only this program\n"
        "--type TYPE        for programs whose section's name tells none: xdp, tc, socket, ...\n"
        "--map-size NAME=N  entries of a map that the object leaves at 0\n"
        "The exit status is 0 when all are accepted. --engine kernel asks the running kernel."};
    static constexpr Noun noun{
        .name = "verify", .says = "The verdict on programs.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
