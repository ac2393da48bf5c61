// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/run/run_request.hpp"

#include <fmt/format.h>

#include "apps/skep/object_file.hpp"

namespace skep::app {

namespace {

Result<void> fit_together(const RunEngine& engine) {
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

} // namespace

const std::string& run_arguments() {
    static const std::string all =
        fmt::format("FILE [--prog NAME] [--data-in FILE] [--data-out FILE] [--ctx-in FILE] "
                    "[--repeat N] [--tier {{ {} }}] [--harden] [--profile [{{ {} }}]] "
                    "[--check-claims] [--code] [--perf-map] [--type TYPE] [--map-size NAME=N]",
                    run::tier_names(" | "), metric_names(" | "));
    return all;
}

Result<RunRequest> read_run_request(Words& words) {
    RunRequest request;
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
                        fmt::format("unexpected '{}': skep run {}", word, run_arguments()));
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
    const RunEngine& engine = request.engine;
    request.engine.tiers_up = request.repeat >= kLongRun && !engine.tier.has_value() &&
                              !engine.hardened && !engine.profiles && !engine.checks_claims &&
                              !engine.perf_map && !request.shows_code;
    return request;
}

} // namespace skep::app
