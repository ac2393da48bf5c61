// SPDX-License-Identifier: Apache-2.0
//
// Machine code: every engine beside the kernel's JIT and beside native code of the same C source,
// in one run.
//
// Every engine runs every program in many short rounds, in an order that is shuffled each round, so
// that a slow moment of the machine meets all of them alike; the numbers are medians. What a run
// costs before the first instruction (entering, PROG_TEST_RUN's own loop) is measured with an empty
// program and taken off; one column says how it is with that. `witness` is the plain switch over
// raw instructions that the tests compare with; it knows neither maps nor helpers. The kernel's
// column is empty where bpf(2) does not load programs. Answers are compared before anything is
// timed.
//
//   machine_code [--rounds N] [--only NAME] [--code FILE]
//
// The table goes to the output, as Markdown; the machine code of the last program, bare, to FILE.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>

#include "bench/natives.hpp"
#include "bench/program.hpp"

namespace skep::bench {
namespace {

struct Options {
    int rounds = 101;
    std::string only;
    std::string code;
};

using Times = std::map<std::string, double>; // by engine, ns a run

std::vector<Program> programs(const Options& options) {
    std::vector<Program> all;
    all.push_back(make_empty_program());
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(BENCH_OBJECTS)) {
        if (entry.path().extension() == ".o") {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
        if (!options.only.empty() && path.filename().string() != options.only + ".bpf.o") {
            continue;
        }
        std::ifstream file(path, std::ios::binary);
        const ByteVector bytes{std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>()};
        const auto object = load::load_object(bytes, path.filename().string(), {});
        if (!object.ok() || object->programs.empty()) {
            fmt::print(stderr, "{}: cannot be read\n", path.string());
            continue;
        }
        all.push_back(make_program(*object, path.parent_path().filename().string(), natives()));
    }
    return all;
}

void run_rounds(std::vector<Program>& all, int rounds) {
    std::vector<Subject*> subjects;
    for (Program& program : all) {
        for (Subject& subject : program.subjects) {
            subjects.push_back(&subject);
        }
    }
    std::mt19937 random(1);
    for (int round = 0; round < rounds; ++round) {
        std::shuffle(subjects.begin(), subjects.end(), random);
        for (Subject* subject : subjects) {
            subject->samples.push_back(subject->sample());
        }
    }
}

// Twice, since the first run may find maps empty.
void compare_answers(Program& program) {
    std::set<std::uint32_t> answers;
    std::string all;
    for (const Subject& subject : program.subjects) {
        subject.once();
        const std::uint32_t answer = subject.once();
        answers.insert(answer);
        all += fmt::format(" {} {:#x}", subject.engine, answer);
    }
    if (answers.size() > 1) {
        program.remarks.push_back("answers differ:" + all);
    }
}

Times times_of(Program& program, const Times& fixed) {
    Times times;
    for (Subject& subject : program.subjects) {
        const auto base = fixed.find(subject.engine);
        times[subject.engine] = subject.median() - (base == fixed.end() ? 0 : base->second);
    }
    return times;
}

std::string cell(const Times& times, const std::string& engine) {
    const auto found = times.find(engine);
    if (found == times.end()) {
        return "";
    }
    constexpr double kTenthsMatter = 100;
    return found->second < kTenthsMatter ? fmt::format("{:.1f}", found->second)
                                         : fmt::format("{:.0f}", found->second);
}

std::optional<double> ratio(const Times& times, const std::string& slow, const std::string& fast) {
    const auto one = times.find(slow);
    const auto other = times.find(fast);
    if (one == times.end() || other == times.end() || one->second <= 0 || other->second <= 0) {
        return std::nullopt;
    }
    return one->second / other->second;
}

// Geometric means by kind of program. Programs that do nothing but change maps have a mean of their
// own: `all` is over the programs that a data path is made of.
class Means {
  public:
    void add(const std::string& kind, const std::string& column, std::optional<double> value) {
        if (!value.has_value()) {
            return;
        }
        logs_[kind][column].push_back(std::log(*value));
        if (kind != "updates") {
            logs_["all"][column].push_back(std::log(*value));
        }
    }
    [[nodiscard]] std::string of(const std::string& kind, const std::string& column) const {
        const auto row = logs_.find(kind);
        if (row == logs_.end() || row->second.count(column) == 0) {
            return "";
        }
        const std::vector<double>& logs = row->second.at(column);
        double sum = 0;
        for (const double one : logs) {
            sum += one;
        }
        return fmt::format("{:.2f}", std::exp(sum / static_cast<double>(logs.size())));
    }

  private:
    std::map<std::string, std::map<std::string, std::vector<double>>> logs_;
};

struct Column {
    std::string title;
    std::string slow;
    std::string fast;
    bool with_entering = false; // what an empty program takes is not taken off
};
const std::vector<Column>& ratios() {
    static const std::vector<Column> columns{{"kernel/jit", "kernel", "jit"},
                                             {"the same, with entering", "kernel", "jit", true},
                                             {"kernel/llvm", "kernel", "llvm"},
                                             {"kernel/native", "kernel", "native O2"},
                                             {"native/llvm", "native O2", "llvm"},
                                             {"interp/kernel", "interpreter", "kernel"},
                                             {"witness/interp", "witness", "interpreter"}};
    return columns;
}

void print_programs(std::vector<Program>& all, Means& means) {
    const Times fixed = times_of(all.front(), {});
    fmt::print("| program | kind | slots | bytes | compile us | llvm ms | steps | witness ns | "
               "interpreter "
               "ns | ns a step | "
               "jit ns | llvm ns | kernel ns | native O2 | native O3 |");
    for (const Column& column : ratios()) {
        fmt::print(" {} |", column.title);
    }
    fmt::print("\n|");
    for (std::size_t column = 0; column < 15 + ratios().size(); ++column) {
        fmt::print("---|");
    }
    fmt::print("\n");
    for (Program& program : all) {
        const bool is_empty = &program == &all.front();
        const Times whole = times_of(program, {});
        const Times times = is_empty ? whole : times_of(program, fixed);
        const auto interpreter = times.find("interpreter");
        const double step = interpreter == times.end() || program.steps == 0
                                ? 0
                                : interpreter->second / static_cast<double>(program.steps);
        fmt::print("| {} | {} | {} | {} | {:.1f} | {:.1f} | {} | {} | {} | {:.2f} | {} | {} | {} | "
                   "{} | {} |",
                   program.name, program.kind, program.slots, program.code.size(),
                   program.compile_us, program.optimise_ms, program.steps, cell(times, "witness"),
                   cell(times, "interpreter"), step, cell(times, "jit"), cell(times, "llvm"),
                   cell(times, "kernel"), cell(times, "native O2"), cell(times, "native O3"));
        for (const Column& column : ratios()) {
            const auto value =
                ratio(column.with_entering ? whole : times, column.slow, column.fast);
            fmt::print(" {} |", value.has_value() ? fmt::format("{:.2f}", *value) : "");
            if (!is_empty) {
                means.add(program.kind, column.title, value);
            }
        }
        if (!is_empty && step > 0) {
            means.add(program.kind, "ns a step", step);
        }
        fmt::print("\n");
    }
}

void print_means(const Means& means) {
    fmt::print("\n| geometric mean over | ns a step, interpreter |");
    for (const Column& column : ratios()) {
        fmt::print(" {} |", column.title);
    }
    fmt::print("\n|---|---|");
    for (std::size_t column = 0; column < ratios().size(); ++column) {
        fmt::print("---|");
    }
    fmt::print("\n");
    for (const char* kind : {"pure", "calls", "packets", "maps", "all", "updates"}) {
        fmt::print("| {} | {} |", kind, means.of(kind, "ns a step"));
        for (const Column& column : ratios()) {
            fmt::print(" {} |", means.of(kind, column.title));
        }
        fmt::print("\n");
    }
}

void print_remarks(const std::vector<Program>& all) {
    for (const Program& program : all) {
        for (const std::string& remark : program.remarks) {
            fmt::print(stderr, "{}: {}\n", program.name, remark);
        }
    }
}

int run(const Options& options) {
    std::vector<Program> all = programs(options);
    for (Program& program : all) {
        compare_answers(program);
    }
    print_remarks(all);
    if (!options.code.empty()) {
        std::ofstream(options.code, std::ios::binary) << all.back().code;
    }
    run_rounds(all, options.rounds);
    Means means;
    print_programs(all, means);
    print_means(means);
    return 0;
}

} // namespace
} // namespace skep::bench

int main(int argc, char** argv) {
    skep::bench::Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        if (name == "--rounds") {
            options.rounds = std::max(1, std::atoi(argv[i + 1]));
        } else if (name == "--only") {
            options.only = argv[i + 1];
        } else if (name == "--code") {
            options.code = argv[i + 1];
        }
    }
    return skep::bench::run(options);
}
