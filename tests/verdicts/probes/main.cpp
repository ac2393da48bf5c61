// SPDX-License-Identifier: Apache-2.0
//
// verdict_probes [--family TEXT] [--caller TEXT] [--one-of N] [--examples N] [--each yes]
//
// Puts the probes (probe.hpp) to our verifier and to the running kernel's (bpf(2) as root) and
// prints how many there were, and by cause where the two differ.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "skep/os/files.hpp"
#include "tests/verdicts/probes/run.hpp"

namespace skep::tests::probes {
namespace {

void print_one(const Probe& probe, const campaign::Opinion& ours, const std::string& kernels) {
    const bool accepts = ours.kind == campaign::Opinion::Kind::accept;
    fmt::print("{}\t{}\t{}\n", probe.name, accepts ? "accept" : ours.message,
               kernels.empty() ? "accept" : kernels);
}

std::optional<Choice> parse(int count, char** words) {
    Choice choice;
    for (int at = 1; at + 1 < count; at += 2) {
        const std::string word = words[at];
        const std::string value = words[at + 1];
        if (word == "--family") {
            choice.only = value;
        } else if (word == "--caller") {
            choice.caller = value;
        } else if (word == "--one-of") {
            choice.one_of = std::max(1ULL, std::strtoull(value.c_str(), nullptr, 10));
        } else if (word == "--examples") {
            choice.examples = std::strtoull(value.c_str(), nullptr, 10);
        } else if (word == "--each" && value == "yes") {
            choice.on_answer = print_one;
        } else {
            return std::nullopt;
        }
    }
    return count % 2 == 1 ? std::optional(choice) : std::nullopt;
}

void print(const Report& report) {
    fmt::print("probes {}, judged by both {}: both accept {}, only skep {}, only the kernel {}, "
               "other words {}\n",
               report.put, report.judged, report.both_accept, report.only_ours, report.only_kernels,
               report.other_words);
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const auto& [cause, difference] : report.causes) {
        order.emplace_back(difference.count, cause);
    }
    std::sort(order.rbegin(), order.rend());
    for (const auto& [number, cause] : order) {
        fmt::print("{:6} {}\n", number, cause);
        for (const std::string& example : report.causes.at(cause).examples) {
            fmt::print("         {}\n", example);
        }
    }
}

int run_main(int count, char** words) {
    const std::optional<Choice> choice = parse(count, words);
    if (!choice) {
        fmt::print(stderr, "usage: verdict_probes [--family TEXT] [--caller TEXT] [--one-of N] "
                           "[--examples N] [--each yes]\n");
        return 2;
    }
    const Result<std::unique_ptr<client::Transport>> kernel = client::connect_kernel();
    const Result<ByteVector> raw = os::read_file("/sys/kernel/btf/vmlinux");
    const Result<btf::Btf> types = raw.ok() ? btf::Btf::parse(*raw) : Result<btf::Btf>(raw.error());
    const Result<Report> report =
        types.ok() ? run(**kernel, *types, *choice) : Result<Report>(types.error());
    if (!report.ok()) {
        fmt::print(stderr, "{}\n", report.error().message);
        return 1;
    }
    print(*report);
    return 0;
}

} // namespace
} // namespace skep::tests::probes

int main(int count, char** words) { return skep::tests::probes::run_main(count, words); }
