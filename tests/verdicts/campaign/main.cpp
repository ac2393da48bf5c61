// SPDX-License-Identifier: Apache-2.0
//
// verdict_campaign [--mutants FOLDER] [--count N] [--seconds N] [--seed N] [--each N] [--state
// FILE] [--messages yes] [--kind frames|rounds]
//
// Puts random programs, or one-instruction mutants of the programs of a folder of objects, to our
// verifier and to the running kernel's (bpf(2) as root), and tells where they disagree. Goes on
// where the state file says; prints the tally. docs/verifier-campaign.md tells what came of it.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "tests/verdicts/campaign/campaign.hpp"

namespace skep::tests::campaign {
namespace {

struct Arguments {
    std::string mutants;
    std::string state;
    Limits limits;
};

std::optional<Arguments> parse(int count, char** words) {
    Arguments arguments;
    for (int index = 1; index + 1 < count; index += 2) {
        const std::string word = words[index];
        const std::string value = words[index + 1];
        const std::uint64_t number = std::strtoull(value.c_str(), nullptr, 10);
        if (word == "--mutants") {
            arguments.mutants = value;
        } else if (word == "--state") {
            arguments.state = value;
        } else if (word == "--count") {
            arguments.limits.programs = number;
        } else if (word == "--seconds") {
            arguments.limits.time = std::chrono::seconds(number);
        } else if (word == "--seed") {
            arguments.limits.seed = number;
        } else if (word == "--messages") {
            arguments.limits.messages = value == "yes";
        } else if (word == "--kind" && (value == "frames" || value == "rounds")) {
            arguments.limits.kind = value == "frames" ? Kind::frames : Kind::rounds;
        } else if (word == "--each") {
            arguments.limits.mutants_of_each = number;
        } else {
            return std::nullopt;
        }
    }
    return count % 2 == 1 ? std::optional(arguments) : std::nullopt;
}

int run(const Arguments& arguments) {
    Result<std::unique_ptr<client::Transport>> kernel = client::connect_kernel();
    std::ifstream stream("/sys/kernel/btf/vmlinux", std::ios::binary);
    const std::vector<std::uint8_t> raw{std::istreambuf_iterator<char>(stream), {}};
    const Result<btf::Btf> types = btf::Btf::parse(raw);
    const btf::Btf* kernel_types = types.ok() ? &*types : nullptr;
    const Judges judges(**kernel, kernel_types);
    Tally tally(arguments.state);
    tally.read();
    if (arguments.mutants.empty()) {
        run_generated(judges, **kernel, arguments.limits, tally);
    } else {
        run_mutants(judges, **kernel, {arguments.mutants, kernel_types}, arguments.limits, tally);
    }
    fmt::print("{} judged, next {}\n{}", tally.judged(), tally.next, tally.summary());
    return 0;
}

} // namespace
} // namespace skep::tests::campaign

int main(int count, char** words) {
    const auto arguments = skep::tests::campaign::parse(count, words);
    if (!arguments) {
        fmt::print(stderr, "usage: verdict_campaign [--mutants FOLDER] [--count N] [--seconds N] "
                           "[--seed N] [--each N] [--state FILE] [--messages yes] "
                           "[--kind frames|rounds]\n");
        return 2;
    }
    return skep::tests::campaign::run(*arguments);
}
