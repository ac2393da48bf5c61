// SPDX-License-Identifier: Apache-2.0
//
// skep build: from C or C++ to bytecode with the best clang of the machine.
//
// The headers of the machine's own architecture lie in a folder that clang does not search when it
// compiles for BPF; it is asked of the compiler itself. What is run is printed.
#include <algorithm>

#include "apps/skep/command_table.hpp"
#include "skep/os/command.hpp"
#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"

namespace skep::app {

namespace {

constexpr int kNewestClang = 25;
constexpr int kOldestClang = 11;

bool runs(const std::string& program) {
    const auto answer = os::run_command({program, "--version"});
    return answer.ok() && answer->exit_status == 0;
}

// SKEP_CLANG, or the newest that is installed; plain "clang" only when no numbered one is.
Result<std::string> find_clang() {
    const std::string given = os::environment_variable("SKEP_CLANG");
    if (!given.empty()) {
        return runs(given) ? Result<std::string>(given)
                           : fail(Code::not_found,
                                  fmt::format("SKEP_CLANG names '{}', which does not run", given));
    }
    for (int version = kNewestClang; version >= kOldestClang; --version) {
        const std::string name = fmt::format("clang-{}", version);
        if (runs(name)) {
            return name;
        }
    }
    if (runs("clang")) {
        return std::string("clang");
    }
    return fail(Code::not_found,
                "there is no clang here, which makes bytecode of C; on Debian and Ubuntu:\n"
                "  sudo apt-get install clang libbpf-dev linux-libc-dev");
}

// The options by which headers of this machine are found: asm/types.h lies in a folder of its own.
std::vector<std::string> machine_headers(const std::string& clang) {
    const auto answer = os::run_command({clang, "-print-target-triple"});
    if (!answer.ok() || answer->exit_status != 0) {
        return {};
    }
    std::string triple = answer->output.substr(0, answer->output.find('\n'));
    const std::size_t vendor = triple.find("-pc-");
    if (vendor != std::string::npos) {
        triple.erase(vendor, 3); // x86_64-pc-linux-gnu -> x86_64-linux-gnu
    }
    const std::string folder = "/usr/include/" + triple;
    if (!os::open_to_read(folder + "/asm/types.h").ok()) {
        return {};
    }
    // The C library's headers choose their word size by the machine's own macro.
    const std::string machine = triple.substr(0, triple.find('-'));
    return {"-idirafter", folder, "-D__" + machine + "__"};
}

bool is_cplusplus(std::string_view source) {
    return source.ends_with(".cpp") || source.ends_with(".cc") || source.ends_with(".cxx") ||
           source.ends_with(".C");
}

bool is_source(std::string_view name) {
    return is_cplusplus(name) || name.ends_with(".c") || name.ends_with(".i");
}

// "dir/hello.bpf.c" -> "dir/hello.bpf.o"
std::string object_for(const std::string& source) {
    const std::size_t dot = source.rfind('.');
    const std::size_t slash = source.rfind('/');
    const bool has_ending = dot != std::string::npos && (slash == std::string::npos || dot > slash);
    return (has_ending ? source.substr(0, dot) : source) + ".o";
}

struct Request {
    std::string source;
    std::string object;
    std::vector<std::string> extra; // for the compiler
};

Result<Request> read_request(Words& words) {
    Request request;
    while (!words.at_end()) {
        const std::string word = words.take();
        if (word == "-o") {
            request.object = TRY(words.value("the object's name after -o"));
        } else if (word == "-I" || word == "-D" || word == "-include" || word == "-x") {
            request.extra.push_back(word);
            request.extra.push_back(TRY(words.value("what follows " + word)));
        } else if (word.starts_with("-")) {
            request.extra.push_back(word);
        } else if (request.source.empty()) {
            request.source = word;
        } else {
            return fail(Code::invalid_input,
                        fmt::format("one source at a time: '{}' and '{}'", request.source, word));
        }
    }
    if (request.source.empty()) {
        return fail(Code::invalid_input, "a source file is missing");
    }
    // Of other files clang thinks that they are for the linker, and makes nothing.
    const bool names_language = std::any_of(request.extra.begin(), request.extra.end(),
                                            [](const auto& one) { return one.starts_with("-x"); });
    if (!is_source(request.source) && !names_language) {
        return fail(Code::invalid_input,
                    fmt::format("'{}' is no source by its name: .c, .cpp, .cc and .cxx are\n"
                                "-x c takes any file for C",
                                request.source));
    }
    if (request.object.empty()) {
        request.object = object_for(request.source);
    }
    if (request.object == request.source) {
        return fail(Code::invalid_input, "the object would overwrite its source");
    }
    return request;
}

Result<void> build(Session& session, Words& words) {
    const Request request = TRY(read_request(words));
    TRY(os::open_to_read(request.source));
    const std::string clang = TRY(find_clang());
    std::vector<std::string> command{clang, "-target", "bpf", "-g", "-O2", "-Wall"};
    if (is_cplusplus(request.source)) {
        command.insert(command.end(), {"-x", "c++", "-std=c++20", "-fno-exceptions", "-fno-rtti"});
    }
    const std::vector<std::string> headers = machine_headers(clang);
    command.insert(command.end(), headers.begin(), headers.end());
    command.insert(command.end(), request.extra.begin(), request.extra.end());
    command.insert(command.end(), {"-c", request.source, "-o", request.object});
    const os::CommandResult answer = TRY(os::run_command(command));
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("command", fmt::format("{}", fmt::join(command, " ")));
        json->member("object", request.object);
        json->member("exit_status", answer.exit_status);
        json->member("output", answer.output);
        json->end_object();
    } else {
        session.print("{}\n{}", fmt::join(command, " "), answer.output);
    }
    if (answer.exit_status != 0) {
        const bool lacks_headers =
            answer.output.find("bpf/bpf_helpers.h' file not found") != std::string::npos;
        if (lacks_headers) {
            session.remark("bpf/bpf_helpers.h comes with the package libbpf-dev: sudo apt-get "
                           "install libbpf-dev");
        }
        return session.json() != nullptr
                   ? already_reported()
                   : fail(Code::invalid_input, fmt::format("{} did not compile", request.source));
    }
    return {};
}

} // namespace

const Noun& build_noun() {
    static constexpr Verb row{
        "",
        "FILE.bpf.c [-o FILE.bpf.o] [COMPILER_OPTIONS]",
        "makes bytecode of C or C++ with the newest clang found",
        build,
        1,
        Status::plain,
        "-o FILE            the object; else the source's name with .o\n"
        "COMPILER_OPTIONS   -I, -D, -include, -x and whatever begins with '-', for clang\n"
        "The command that is run is printed. SKEP_CLANG names another clang."};
    static constexpr Noun noun{
        .name = "build", .says = "From C to bytecode.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
