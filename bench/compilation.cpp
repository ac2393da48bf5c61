// SPDX-License-Identifier: Apache-2.0
//
// How long the one-pass JIT takes: from a verified program to code that can run, and what of it is
// placing the code in memory that can be executed.
//
//   compilation [--times N] [--only NAME]
//
// Every program of bench/programs, and one of some 4000 instructions, the smallest first. Medians.
// `an instruction` is what a program takes beyond the smallest one, for each of its slots.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "bench/runners.hpp"
#include "skep/bytecode/assemble.hpp"
#include "skep/run/code/code_memory.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/run/optimised/compiler_process.hpp"
#include "skep/verify/verify.hpp"

namespace skep::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
    int times = 101;
    std::string_view only;
    std::string_view tier = "jit";
};

struct Measured {
    std::string name;
    std::size_t slots = 0;
    double whole_us = 0;
    double compile_us = 0; // of it: bytecode to an image
    double place_us = 0;   // of it: the image in executable memory
};

double since(Clock::time_point begin) {
    return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

double median(std::vector<double> times) {
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

Measured measure(std::string name, const verify::VerifiedProgram& program,
                 std::span<const load::ObjectMap> maps, int times) {
    const Maps own(maps);
    std::vector<double> whole;
    std::vector<double> compile;
    std::vector<double> place;
    for (int i = 0; i < times; ++i) {
        auto begin = Clock::now();
        const auto made = run::make_jit(program, own.binding());
        whole.push_back(since(begin));
        begin = Clock::now();
        auto image = run::jit::compile(program, run::jit::map_shapes(program, own.binding()));
        compile.push_back(since(begin));
        begin = Clock::now();
        const auto placed = run::code::CodeImage::place(image->code);
        place.push_back(since(begin));
    }
    return {std::move(name), program.insns().size(), median(whole), median(compile), median(place)};
}

// Processor time, in `compile_us`.
Measured measure_optimiser(std::string name, const verify::VerifiedProgram& program,
                           std::span<const load::ObjectMap> maps, int times) {
    const Maps own(maps);
    const auto shapes = run::jit::map_shapes(program, own.binding());
    const Result<const run::Optimiser*> compiler = run::optimiser();
    std::vector<double> compile;
    for (int i = 0; i < times && compiler.ok(); ++i) {
        const std::clock_t begin = std::clock();
        const auto compiled = (*compiler)->compile({.program = program, .shapes = shapes});
        compile.push_back(static_cast<double>(std::clock() - begin) * 1e6 / CLOCKS_PER_SEC);
    }
    return {std::move(name), program.insns().size(), 0, compile.empty() ? 0 : median(compile), 0};
}

Measured measure_process(std::string name, const verify::VerifiedProgram& program,
                         std::span<const load::ObjectMap> maps, int times) {
    const Maps own(maps);
    const auto shapes = run::jit::map_shapes(program, own.binding());
    const auto process = run::CompilerProcess::start();
    std::vector<double> compile;
    for (int i = 0; i <= times && process.ok(); ++i) {
        const auto begin = Clock::now();
        const auto sent = (*process)->link().send({.program = program, .shapes = shapes}, {},
                                                  run::CacheUse::none);
        const auto compiled = (*process)->link().receive();
        if (i != 0 && compiled.ok()) { // the first one loads the library
            compile.push_back(since(begin));
        }
    }
    return {std::move(name), program.insns().size(), 0, compile.empty() ? 0 : median(compile), 0};
}

void add(std::vector<Measured>& all, const ProgramSpec& spec, std::span<const load::ObjectMap> maps,
         const btf::Btf* types, const Settings& settings) {
    std::vector<spec::MapSpec> shapes;
    for (const load::ObjectMap& map : maps) {
        shapes.push_back(map.spec);
    }
    verify::Environment environment;
    environment.maps = shapes;
    environment.program_types = types;
    const verify::Outcome outcome = verify::verify(spec, environment);
    if (outcome.program.has_value()) {
        const auto how = settings.tier == "llvm"    ? measure_optimiser
                         : settings.tier == "apart" ? measure_process
                                                    : measure;
        all.push_back(how(spec.name, *outcome.program, maps, settings.times));
    } else {
        fmt::print(stderr, "{}: {}\n", spec.name, outcome.message);
    }
}

// What a large program consists of: arithmetic, the stack, a branch now and then.
ProgramSpec large_program(int blocks) {
    std::string text = "r0 = 1\nr6 = *(u32 *)(r1 + 0)\n";
    for (int i = 0; i < blocks; ++i) {
        text += fmt::format("r2 = r6\nr2 *= {}\nr2 ^= r0\n*(u64 *)(r10 - {}) = r2\n"
                            "if r2 > {} goto l{}\nr0 += r2\nr0 >>= 3\nl{}:\n"
                            "r3 = *(u64 *)(r10 - {})\n",
                            i + 3, 8 + i % 8 * 8, i * 7, i, i, 8 + i % 8 * 8);
    }
    ProgramSpec spec;
    spec.name = fmt::format("large{}", blocks);
    spec.type = spec::ProgramType::socket_filter;
    spec.license = "GPL";
    spec.insns = assemble(text + "exit").value().insns;
    return spec;
}

int run(const Settings& settings) {
    const std::string_view only = settings.only;
    std::vector<Measured> all;
    ProgramSpec nothing;
    nothing.name = "empty";
    nothing.type = spec::ProgramType::xdp;
    nothing.license = "GPL";
    nothing.insns = {{0xb7, 0, 0, 2}, {0x95, 0, 0, 0}};
    add(all, nothing, {}, nullptr, settings);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(BENCH_OBJECTS)) {
        const bool wanted = only.empty() || entry.path().filename() == std::string(only) + ".bpf.o";
        if (entry.path().extension() != ".o" || !wanted) {
            continue;
        }
        std::ifstream file(entry.path(), std::ios::binary);
        const ByteVector bytes{std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>()};
        const auto object = load::load_object(bytes, entry.path().filename().string(), {});
        if (object.ok() && !object->programs.empty()) {
            add(all, object->programs.front().spec, object->maps,
                object->types ? &*object->types : nullptr, settings);
        }
    }
    if (only.empty() || only == "large") {
        for (const int blocks : {6, 60, 120, 250, 500}) {
            add(all, large_program(blocks), {}, nullptr, settings);
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const Measured& left, const Measured& right) {
        return left.slots < right.slots;
    });
    fmt::print("| program | slots | whole us | compile us | place us | ns an instruction |\n"
               "|---|---|---|---|---|---|\n");
    for (const Measured& one : all) {
        const double slots = static_cast<double>(one.slots - all.front().slots);
        fmt::print("| {} | {} | {:.1f} | {:.1f} | {:.1f} | {} |\n", one.name, one.slots,
                   one.whole_us, one.compile_us, one.place_us,
                   slots == 0 ? ""
                              : fmt::format("{:.0f}",
                                            (one.whole_us - all.front().whole_us) * 1000 / slots));
    }
    return 0;
}

} // namespace
} // namespace skep::bench

int main(int argc, char** argv) {
    skep::bench::Settings settings;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view word = argv[i];
        if (word == "--times") {
            settings.times = std::max(1, std::atoi(argv[i + 1]));
        } else if (word == "--only") {
            settings.only = argv[i + 1];
        } else if (word == "--tier") {
            settings.tier = argv[i + 1];
        }
    }
    return skep::bench::run(settings);
}
