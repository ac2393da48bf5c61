// SPDX-License-Identifier: Apache-2.0
//
// Machine code: skep's engines beside the kernel's JIT, on the same bytecode, in one run.
//
// Every engine runs every program in many short rounds, in an order that is shuffled each round, so
// that a slow moment of the machine meets all of them alike; the numbers are medians. What a run
// costs before the first instruction (entering, PROG_TEST_RUN's own loop) is measured with an empty
// program and taken off. The kernel's column is empty where bpf(2) does not load programs.
//
//   machine_code [rounds]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>

#include <fmt/format.h>

#include "skep/load/object.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/kernel_program.hpp"
#include "tests/support/unchecked.hpp"

namespace {

using namespace skep;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kRunsPerSample = 400;

struct Subject {
    std::string engine;
    std::function<double()> sample; // ns a run
    std::vector<double> samples;

    double median() {
        std::sort(samples.begin(), samples.end());
        return samples.empty() ? 0 : samples[samples.size() / 2];
    }
};

struct Program {
    std::string name;
    std::vector<RawInsn> insns;
    std::uint64_t code_bytes = 0;
    double compile_us = 0;
    std::vector<std::unique_ptr<run::Executable>> executables;
    std::vector<tests::KernelProgram> kernel;
    std::vector<Subject> subjects;
};

double time_of(run::Executable& executable) {
    helpers::Invocation invocation;
    const auto begin = Clock::now();
    for (std::uint32_t i = 0; i < kRunsPerSample; ++i) {
        executable.run(nullptr, invocation);
    }
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / kRunsPerSample;
}

double compile_time_us(const tests::Engine& engine, const verify::VerifiedProgram& program) {
    std::vector<double> times;
    for (int i = 0; i < 31; ++i) {
        const auto begin = Clock::now();
        const auto executable = engine.make(program, {});
        times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

Program prepare(const std::string& name, std::vector<RawInsn> insns) {
    Program program;
    program.name = name;
    program.insns = insns;
    const auto verified = tests::unchecked(insns);
    for (const tests::Engine& engine : tests::engines()) {
        program.executables.push_back(engine.make(verified, {}).value());
        run::Executable* executable = program.executables.back().get();
        program.subjects.push_back(
            {std::string(engine.name), [executable] { return time_of(*executable); }, {}});
        program.code_bytes = executable->code_bytes();
        program.compile_us = compile_time_us(engine, verified);
    }
    auto kernel = tests::KernelProgram::load(insns, spec::ProgramType::socket_filter);
    if (!kernel.ok()) {
        fmt::print(stderr, "{}: the kernel does not take it: {}\n", name, kernel.error().message);
        return program;
    }
    program.kernel.push_back(std::move(kernel).value());
    return program;
}

void add_kernel(Program& program) {
    if (program.kernel.empty()) {
        return;
    }
    const tests::KernelProgram* kernel = &program.kernel.front();
    program.subjects.push_back({"kernel",
                                [kernel] {
                                    const ByteVector packet(64);
                                    return kernel->time_ns(packet, 10 * kRunsPerSample).value();
                                },
                                {}});
}

std::vector<Program> programs() {
    std::vector<Program> all;
    all.push_back(prepare("empty", {{0xb7, 0, 0, 0}, {0x95, 0, 0, 0}}));
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(BENCH_OBJECTS)) {
        paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        const ByteVector bytes{std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>()};
        const auto object = load::load_object(bytes, path.filename().string(), {});
        if (!object.ok()) {
            fmt::print(stderr, "{}\n", object.error().message);
            continue;
        }
        for (const load::ObjectProgram& program : object->programs) {
            all.push_back(prepare(program.spec.name, program.spec.insns));
        }
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

void print(std::vector<Program>& all) {
    std::map<std::string, double> fixed;
    for (Subject& subject : all.front().subjects) {
        fixed[subject.engine] = subject.median();
    }
    fmt::print("{:<12}{:>7}{:>8}{:>12}{:>14}{:>10}{:>10}{:>14}\n", "program", "slots", "bytes",
               "compile us", "interpreter", "jit", "kernel", "kernel/jit");
    double logs = 0;
    int count = 0;
    for (Program& program : all) {
        std::map<std::string, double> ns;
        for (Subject& subject : program.subjects) {
            ns[subject.engine] =
                subject.median() - (&program == &all.front() ? 0 : fixed[subject.engine]);
        }
        const double ratio =
            ns.count("kernel") != 0 && ns["jit"] > 0 ? ns["kernel"] / ns["jit"] : 0;
        fmt::print("{:<12}{:>7}{:>8}{:>12.1f}{:>14.1f}{:>10.1f}{:>10.1f}{:>14.2f}\n", program.name,
                   program.insns.size(), program.code_bytes, program.compile_us, ns["interpreter"],
                   ns["jit"], ns["kernel"], ratio);
        if (&program != &all.front() && ratio > 0) {
            logs += std::log(ratio);
            ++count;
        }
    }
    if (count > 0) {
        fmt::print("geometric mean of kernel/jit over {} programs: {:.2f}\n", count,
                   std::exp(logs / count));
    }
}

} // namespace

int main(int argc, char** argv) {
    std::vector<Program> all = programs();
    for (Program& program : all) {
        add_kernel(program); // the programs have found their places: subjects point at them
    }
    run_rounds(all, argc > 1 ? std::atoi(argv[1]) : 51);
    print(all);
    return 0;
}
