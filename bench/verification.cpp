// SPDX-License-Identifier: Apache-2.0
//
// Verification: what a verdict costs here and in the running kernel, on the same programs, in one
// run.
//
// Every program of every object in a folder is verified in this process and loaded into the kernel,
// in turns, so that a slow moment of the machine meets both alike. The kernel's number is the
// "verification time" that it writes into its log. Medians are compared; programs that either side
// refuses are left out, or with --refused the others: what a refusal costs.
//
//   verification FOLDER [--rounds N] [--above INSNS] [--only TEXT] [--refused] [--no-kernel]
//   [--cpu]
//
// --cpu takes the processor's time for ours instead of the clock's, for machines with other work.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "skep/client/loading.hpp"
#include "skep/load/object.hpp"
#include "skep/verify/verify.hpp"

namespace {

using namespace skep;

struct Arguments {
    std::string folder;
    std::string only; // programs whose "object program" has this in it
    unsigned rounds = 5;
    std::uint64_t above = 1000; // processed instructions, by the kernel's count
    bool refused = false;
    bool kernel = true;
    bool cpu = false;
};

struct Sample {
    double microseconds = 0;
    std::uint64_t insns = 0;
    bool accepted = false;
};

struct Row {
    std::string name;
    double ours_us = 0;
    double kernel_us = 0;
    std::uint64_t ours_insns = 0;
    std::uint64_t kernel_insns = 0;
    std::uint64_t memory_bytes = 0;
};

double median(std::vector<double> numbers) {
    std::sort(numbers.begin(), numbers.end());
    return numbers.empty() ? 0 : numbers[numbers.size() / 2];
}

ByteVector read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The number that follows `word` in a log; 0 when it is not there.
std::uint64_t number_after(const std::string& log, std::string_view word) {
    const std::size_t at = log.rfind(word);
    return at == std::string::npos ? 0 : std::strtoull(log.c_str() + at + word.size(), nullptr, 10);
}

class Bench {
  public:
    explicit Bench(const Arguments& arguments) : arguments_(arguments) {
        Result<btf::Btf> types = btf::Btf::parse(read_file("/sys/kernel/btf/vmlinux"));
        if (types.ok()) {
            kernel_types_ = std::move(types).value();
        }
        Result<std::unique_ptr<client::Transport>> kernel = client::connect_kernel();
        if (arguments.kernel && kernel.ok() &&
            client::all_ids(**kernel, client::ObjectKind::map).ok()) {
            kernel_ = std::move(kernel).value();
        } else if (arguments.kernel) {
            fmt::print("bpf(2) loads nothing here: the kernel's column stays empty\n");
        }
    }

    void object(const std::filesystem::path& path) {
        load::Options options;
        options.target_btf = kernel_types_ ? &*kernel_types_ : nullptr;
        options.kernel_version = (6U << 16) | (18U << 8);
        Result<load::ObjectSpec> read =
            load::load_object(read_file(path), path.filename().string(), options);
        if (!read.ok()) {
            return;
        }
        load::ObjectSpec& object = *read;
        for (std::size_t place = 0; place < object.programs.size(); ++place) {
            const std::string name = object.file + " " + object.programs[place].spec.name;
            if (name.find(arguments_.only) == std::string::npos ||
                object.programs[place].error.has_value()) {
                continue;
            }
            for (load::ObjectProgram& program : object.programs) {
                program.autoload = false;
            }
            object.programs[place].autoload = true;
            program(name, object, object.programs[place].spec);
        }
    }

    void summary() const {
        double log_ratio = 0;
        unsigned compared = 0;
        unsigned too_slow = 0;
        unsigned near = 0;
        for (const Row& row : rows_) {
            if (row.kernel_us <= 0 || row.ours_us <= 0) {
                continue;
            }
            ++compared;
            log_ratio += std::log(row.ours_us / row.kernel_us);
            too_slow += row.ours_us > row.kernel_us + 1000 ? 1U : 0U;
            near += 2 * row.ours_insns <= 3 * row.kernel_insns ? 1U : 0U;
        }
        fmt::print("\nprograms measured {}, compared with the kernel {}\n", rows_.size(), compared);
        if (compared != 0) {
            fmt::print("time, geometric mean of the ratios: {:.3f}\n",
                       std::exp(log_ratio / compared));
            fmt::print("slower than the kernel by more than 1 ms: {}\n", too_slow);
            fmt::print("instructions processed within 1.5 of the kernel's: {:.1f} %\n",
                       100.0 * near / compared);
        }
    }

  private:
    void program(const std::string& name, const load::ObjectSpec& object,
                 const ProgramSpec& program) {
        ProgramSpec spec = program;
        spec.license = object.license;
        std::vector<spec::MapSpec> maps;
        for (const load::ObjectMap& map : object.maps) {
            maps.push_back(map.spec);
            if (map.read_only_data) {
                maps.back().constant_value = map.initial_value;
            }
        }
        verify::Environment environment;
        environment.maps = maps;
        environment.program_types = object.types ? &*object.types : nullptr;
        environment.kernel_types = kernel_types_ ? &*kernel_types_ : nullptr;
        environment.cpu_count = 2;
        Row row;
        row.name = name;
        const Sample first = ours(spec, environment, row);
        const Sample asked = kernel_ != nullptr ? kernels(object) : first;
        const bool wanted = arguments_.refused ? !first.accepted && !asked.accepted
                                               : first.accepted && asked.accepted;
        if (!wanted || asked.insns <= arguments_.above) {
            return;
        }
        std::vector<double> here{first.microseconds};
        std::vector<double> there{kernel_ != nullptr ? asked.microseconds : 0};
        for (unsigned round = 1; round < arguments_.rounds; ++round) {
            here.push_back(ours(spec, environment, row).microseconds);
            there.push_back(kernel_ != nullptr ? kernels(object).microseconds : 0);
        }
        row.ours_us = median(std::move(here));
        row.kernel_us = median(std::move(there));
        row.ours_insns = first.insns;
        row.kernel_insns = kernel_ != nullptr ? asked.insns : 0;
        print(row);
        rows_.push_back(std::move(row));
    }

    static void print(const Row& row) {
        fmt::print("{:8.0f} us {:8.0f} us {:6.3f}{} {:8} {:8} insns {:7} KiB  {}\n", row.ours_us,
                   row.kernel_us, row.kernel_us > 0 ? row.ours_us / row.kernel_us : 0.0,
                   row.kernel_us > 0 && row.ours_us > row.kernel_us + 1000 ? " SLOW" : "     ",
                   row.ours_insns, row.kernel_insns, row.memory_bytes / 1024, row.name);
    }

    Sample ours(const ProgramSpec& spec, const verify::Environment& environment, Row& row) const {
        const std::clock_t cpu_begin = std::clock();
        const auto begin = std::chrono::steady_clock::now();
        const verify::Outcome outcome = verify::verify(spec, environment);
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - begin;
        const double cpu_us = 1e6 * static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
        row.memory_bytes = outcome.statistics.memory_bytes;
        return {arguments_.cpu ? cpu_us : took.count(), outcome.statistics.insns_processed,
                outcome.verdict == verify::Verdict::accept};
    }

    Sample kernels(const load::ObjectSpec& object) {
        Sample sample;
        client::LoadRequest request;
        request.log_level = verify::kLogStatistics;
        request.on_report = [&sample](const client::LoadReport& report) {
            if (report.program.empty()) {
                return;
            }
            sample.accepted = report.answer >= 0;
            sample.microseconds =
                static_cast<double>(number_after(report.log, "verification time "));
            sample.insns = number_after(report.log, "processed ");
        };
        const Result<client::LoadedObject> loaded = client::load_into(*kernel_, object, request);
        sample.accepted = sample.accepted && loaded.ok();
        return sample;
    }

    const Arguments& arguments_;
    std::optional<btf::Btf> kernel_types_;
    std::unique_ptr<client::Transport> kernel_;
    std::vector<Row> rows_;
};

std::optional<Arguments> parse(int count, char** words) {
    Arguments arguments;
    for (int index = 1; index < count; ++index) {
        const std::string word = words[index];
        const bool last = index + 1 == count;
        if (word == "--refused") {
            arguments.refused = true;
        } else if (word == "--no-kernel") {
            arguments.kernel = false;
        } else if (word == "--cpu") {
            arguments.cpu = true;
        } else if (word == "--only" && !last) {
            arguments.only = words[++index];
        } else if (word == "--rounds" && !last) {
            arguments.rounds = static_cast<unsigned>(std::strtoul(words[++index], nullptr, 10));
        } else if (word == "--above" && !last) {
            arguments.above = std::strtoull(words[++index], nullptr, 10);
        } else if (arguments.folder.empty() && word[0] != '-') {
            arguments.folder = word;
        } else {
            return std::nullopt;
        }
    }
    return arguments.folder.empty() ? std::nullopt : std::optional(arguments);
}

} // namespace

int main(int count, char** words) {
    const std::optional<Arguments> arguments = parse(count, words);
    if (!arguments) {
        fmt::print(stderr, "usage: verification FOLDER [--rounds N] [--above INSNS] [--only TEXT] "
                           "[--refused] [--no-kernel] [--cpu]\n");
        return 2;
    }
    Bench bench(*arguments);
    std::vector<std::filesystem::path> objects;
    for (const auto& entry : std::filesystem::directory_iterator(arguments->folder)) {
        if (entry.path().extension() == ".o") {
            objects.push_back(entry.path());
        }
    }
    std::sort(objects.begin(), objects.end());
    for (const std::filesystem::path& path : objects) {
        bench.object(path);
    }
    bench.summary();
    return 0;
}
