// SPDX-License-Identifier: Apache-2.0
//
// verdicts FOLDER [--kernel-btf FILE] [--table VERDICTS.tsv] [--object NAME] [--program NAME]
// [--log] [--differences]
//
// Verifies every program of every object in a folder and compares with what a kernel said: the
// 2x2 table, where they differ, whether the messages agree, instructions processed and time. What
// the kernel said is a table with a header row of tab-separated columns, of which object, program,
// verdict (ACCEPT, REJECT:ERRNO), insns_processed, verif_us and message are read. --differences
// prints the counts and causes alone, as the table of docs/verdict-differences.md.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "skep/load/object.hpp"
#include "skep/verify/verify.hpp"

namespace skep::tests {
namespace {

struct Arguments {
    std::string folder;
    std::string kernel_btf = "/sys/kernel/btf/vmlinux";
    std::string table;
    std::string object;
    std::string program;
    bool log = false;
    bool differences = false;
};

struct KernelRow {
    bool accepted = false;
    std::uint64_t insns = 0;
    double microseconds = 0;
    std::string message;
    std::uint32_t flags = 0; // of PROG_LOAD
};
using KernelTable = std::map<std::pair<std::string, std::string>, KernelRow>;

struct Counts {
    unsigned both_accept = 0, both_reject = 0, only_we = 0, only_kernel = 0;
    unsigned same_message = 0;
    unsigned within_half_more = 0, compared_insns = 0;
    double log_time_ratio = 0;
    unsigned compared_times = 0;
    std::map<std::string, unsigned> causes; // why we refuse what the kernel accepts
};

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) {
        cells.push_back(cell);
    }
    return cells;
}

KernelTable read_table(const std::string& path) {
    KernelTable table;
    std::ifstream stream(path);
    std::string line;
    std::getline(stream, line);
    std::map<std::string, std::size_t> columns;
    for (const std::string& name : split(line)) {
        columns.emplace(name, columns.size());
    }
    while (std::getline(stream, line)) {
        const std::vector<std::string> cells = split(line);
        const auto cell = [&](const std::string& name) {
            const auto column = columns.find(name);
            return column != columns.end() && column->second < cells.size() ? cells[column->second]
                                                                            : std::string("-");
        };
        const std::string verdict = cell("verdict");
        if (verdict != "ACCEPT" && verdict.rfind("REJECT", 0) != 0) {
            continue;
        }
        KernelRow row;
        row.accepted = verdict == "ACCEPT";
        row.insns = std::strtoull(cell("insns_processed").c_str(), nullptr, 10);
        row.microseconds = std::strtod(cell("verif_us").c_str(), nullptr);
        row.message = cell("message");
        constexpr std::string_view kFlags = "prog_flags=";
        const std::string notes = cell("notes");
        const std::size_t found = notes.find(kFlags);
        row.flags = found == std::string::npos
                        ? 0
                        : static_cast<std::uint32_t>(
                              std::strtoul(notes.c_str() + found + kFlags.size(), nullptr, 0));
        table.emplace(std::pair(cell("object"), cell("program")), row);
    }
    return table;
}

class Comparison {
  public:
    Comparison(const Arguments& arguments, KernelTable table)
        : arguments_(arguments), table_(std::move(table)) {
        const std::vector<std::uint8_t> raw = read_file(arguments.kernel_btf);
        Result<btf::Btf> parsed = btf::Btf::parse(raw);
        if (parsed.ok()) {
            kernel_types_ = std::move(parsed).value();
        }
    }

    void object(const std::filesystem::path& path) {
        load::Options options;
        options.target_btf = kernel_types_ ? &*kernel_types_ : nullptr;
        options.kernel_version = (6U << 16) | (18U << 8);
        const std::vector<std::uint8_t> bytes = read_file(path);
        Result<load::ObjectSpec> object = load::load_object(bytes, path.filename(), options);
        if (!object.ok()) {
            fmt::print(stderr, "{}: not opened: {}\n", path.filename().string(),
                       object.error().message);
            return;
        }
        std::vector<spec::MapSpec> maps;
        for (const load::ObjectMap& map : object->maps) {
            maps.push_back(map.spec);
            if (map.read_only_data) {
                maps.back().constant_value = map.initial_value;
            }
        }
        for (const load::ObjectProgram& program : object->programs) {
            if (arguments_.program.empty() || arguments_.program == program.spec.name) {
                one(path.filename(), program, *object, maps);
            }
        }
    }

    void summary() const {
        const unsigned total =
            counts_.both_accept + counts_.both_reject + counts_.only_we + counts_.only_kernel;
        fmt::print("\nprograms compared {}\n", total);
        fmt::print("{:20} {:>14} {:>14}\n", "", "kernel accepts", "kernel rejects");
        fmt::print("{:20} {:>14} {:>14}\n", "skep accepts", counts_.both_accept, counts_.only_we);
        fmt::print("{:20} {:>14} {:>14}\n", "skep rejects", counts_.only_kernel,
                   counts_.both_reject);
        fmt::print("same last message {} of {}\n", counts_.same_message, counts_.both_reject);
        fmt::print("insns_processed within 1.5x {} of {}\n", counts_.within_half_more,
                   counts_.compared_insns);
        if (counts_.compared_times != 0) {
            fmt::print("time ratio, geometric mean over {} programs above 1000 insns: {:.3f}\n",
                       counts_.compared_times,
                       std::exp(counts_.log_time_ratio / counts_.compared_times));
        }
        std::vector<std::pair<unsigned, std::string>> causes;
        for (const auto& [cause, count] : counts_.causes) {
            causes.emplace_back(count, cause);
        }
        std::sort(causes.rbegin(), causes.rend());
        fmt::print("why skep alone rejects:\n");
        for (const auto& [count, cause] : causes) {
            fmt::print("{:6} {}\n", count, cause);
        }
    }

    // The same for readers of a page.
    void differences() const {
        const unsigned total =
            counts_.both_accept + counts_.both_reject + counts_.only_we + counts_.only_kernel;
        fmt::print("| {} programs | kernel accepts | kernel rejects |\n|---|---|---|\n", total);
        fmt::print("| skep accepts | {} | {} |\n", counts_.both_accept, counts_.only_we);
        fmt::print("| skep rejects | {} | {} |\n\n", counts_.only_kernel, counts_.both_reject);
        fmt::print("The last line of the log is the same for {} of the {} that both reject.\n\n",
                   counts_.same_message, counts_.both_reject);
        std::map<unsigned, std::vector<std::string>, std::greater<>> by_count;
        for (const auto& [cause, count] : counts_.causes) {
            by_count[count].push_back(cause);
        }
        fmt::print("| programs | why skep alone rejects |\n|---|---|\n");
        for (const auto& [count, causes] : by_count) {
            for (const std::string& cause : causes) {
                fmt::print("| {} | {} |\n", count, cause);
            }
        }
    }

  private:
    void one(const std::string& object_name, const load::ObjectProgram& program,
             const load::ObjectSpec& object, const std::vector<spec::MapSpec>& maps) {
        verify::Environment environment;
        environment.maps = maps;
        environment.program_types = object.types ? &*object.types : nullptr;
        environment.kernel_types = kernel_types_ ? &*kernel_types_ : nullptr;
        environment.cpu_count = 2;
        environment.log_level = arguments_.log ? verify::kLogAll : verify::kLogNone;
        ProgramSpec spec = program.spec;
        spec.license = object.license;
        const auto row = table_.find({object_name, spec.name});
        spec.flags |= row == table_.end() ? 0 : row->second.flags;
        const auto begin = std::chrono::steady_clock::now();
        const verify::Outcome outcome = verify::verify(spec, environment);
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - begin;
        const bool accepted = outcome.verdict == verify::Verdict::accept;
        if (arguments_.log) {
            fmt::print("{}", outcome.log);
        }
        const std::string because = accepted ? "" : outcome.findings.front().because;
        const std::string message =
            outcome.message.empty() && !accepted ? because : outcome.message;
        if (row == table_.end() && arguments_.differences) {
            return;
        }
        if (row == table_.end()) {
            fmt::print("{}\t{}\t{}\t{}\t{:.0f}us\t{}\n", object_name, spec.name,
                       accepted ? "accept" : "reject", outcome.statistics.insns_processed,
                       took.count(), message);
            return;
        }
        count(object_name + " " + spec.name, row->second, outcome, took.count());
        if (arguments_.differences) {
            return;
        }
        if (row->second.accepted != accepted) {
            fmt::print("DIFFER {} {} skep={} kernel={} | {} | {}\n", object_name, spec.name,
                       accepted ? "accept" : "reject", row->second.accepted ? "accept" : "reject",
                       message, row->second.message);
        } else if (!accepted && row->second.message != outcome.message) {
            fmt::print("MESSAGE {} {} | {} | {}\n", object_name, spec.name, message,
                       row->second.message);
        }
    }

    void count(const std::string& name, const KernelRow& row, const verify::Outcome& outcome,
               double microseconds) {
        const bool accepted = outcome.verdict == verify::Verdict::accept;
        unsigned& cell = accepted ? (row.accepted ? counts_.both_accept : counts_.only_we)
                                  : (row.accepted ? counts_.only_kernel : counts_.both_reject);
        ++cell;
        if (!accepted && row.accepted) {
            ++counts_.causes[outcome.findings.front().code + " " +
                             (outcome.message.empty() ? outcome.findings.front().because
                                                      : outcome.message)];
        }
        counts_.same_message +=
            !accepted && !row.accepted && row.message == outcome.message ? 1U : 0U;
        if (accepted && row.accepted && row.insns != 0) {
            ++counts_.compared_insns;
            const bool near = 2 * outcome.statistics.insns_processed <= 3 * row.insns;
            counts_.within_half_more += near ? 1U : 0U;
            if (!near && !arguments_.differences) {
                fmt::print("COST {} skep={} kernel={} insns\n", name,
                           outcome.statistics.insns_processed, row.insns);
            }
            if (row.insns > 1000 && row.microseconds > 0) {
                ++counts_.compared_times;
                counts_.log_time_ratio += std::log(microseconds / row.microseconds);
            }
        }
    }

    const Arguments& arguments_;
    KernelTable table_;
    std::optional<btf::Btf> kernel_types_;
    Counts counts_;
};

std::optional<Arguments> parse(int count, char** words) {
    Arguments arguments;
    for (int index = 1; index < count; ++index) {
        const std::string word = words[index];
        const bool last = index + 1 == count;
        if (word == "--log") {
            arguments.log = true;
        } else if (word == "--differences") {
            arguments.differences = true;
        } else if (word == "--kernel-btf" && !last) {
            arguments.kernel_btf = words[++index];
        } else if (word == "--table" && !last) {
            arguments.table = words[++index];
        } else if (word == "--object" && !last) {
            arguments.object = words[++index];
        } else if (word == "--program" && !last) {
            arguments.program = words[++index];
        } else if (arguments.folder.empty() && word[0] != '-') {
            arguments.folder = word;
        } else {
            return std::nullopt;
        }
    }
    return arguments.folder.empty() ? std::nullopt : std::optional(arguments);
}

int run(const Arguments& arguments) {
    Comparison comparison(arguments,
                          arguments.table.empty() ? KernelTable{} : read_table(arguments.table));
    std::vector<std::filesystem::path> objects;
    for (const auto& entry : std::filesystem::directory_iterator(arguments.folder)) {
        if (entry.path().extension() == ".o" &&
            (arguments.object.empty() || entry.path().filename() == arguments.object)) {
            objects.push_back(entry.path());
        }
    }
    std::sort(objects.begin(), objects.end());
    for (const std::filesystem::path& path : objects) {
        comparison.object(path);
    }
    arguments.differences ? comparison.differences() : comparison.summary();
    return 0;
}

} // namespace
} // namespace skep::tests

int main(int count, char** words) {
    const auto arguments = skep::tests::parse(count, words);
    if (!arguments) {
        fmt::print(stderr, "usage: verdicts FOLDER [--table FILE] [--kernel-btf FILE] [--object "
                           "NAME] [--program NAME] [--log]\n");
        return 2;
    }
    return skep::tests::run(*arguments);
}
