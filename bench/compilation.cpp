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
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "bench/runners.hpp"
#include "skep/bytecode/assemble.hpp"
#include "skep/run/code/code_memory.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/verify/verify.hpp"

namespace skep::bench {
namespace {

using Clock = std::chrono::steady_clock;

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

void add(std::vector<Measured>& all, const ProgramSpec& spec, std::span<const load::ObjectMap> maps,
         const btf::Btf* types, int times) {
    std::vector<spec::MapSpec> shapes;
    for (const load::ObjectMap& map : maps) {
        shapes.push_back(map.spec);
    }
    verify::Environment environment;
    environment.maps = shapes;
    environment.program_types = types;
    const verify::Outcome outcome = verify::verify(spec, environment);
    if (outcome.program.has_value()) {
        all.push_back(measure(spec.name, *outcome.program, maps, times));
    } else {
        fmt::print(stderr, "{}: {}\n", spec.name, outcome.message);
    }
}

// What a large program consists of: arithmetic, the stack, a branch now and then.
ProgramSpec large_program() {
    constexpr int kBlocks = 500;
    std::string text = "r0 = 1\nr6 = *(u32 *)(r1 + 0)\n";
    for (int i = 0; i < kBlocks; ++i) {
        text += fmt::format("r2 = r6\nr2 *= {}\nr2 ^= r0\n*(u64 *)(r10 - {}) = r2\n"
                            "if r2 > {} goto l{}\nr0 += r2\nr0 >>= 3\nl{}:\n"
                            "r3 = *(u64 *)(r10 - {})\n",
                            i + 3, 8 + i % 8 * 8, i * 7, i, i, 8 + i % 8 * 8);
    }
    ProgramSpec spec;
    spec.name = "large";
    spec.type = spec::ProgramType::socket_filter;
    spec.license = "GPL";
    spec.insns = assemble(text + "exit").value().insns;
    return spec;
}

int run(int times, std::string_view only) {
    std::vector<Measured> all;
    ProgramSpec nothing;
    nothing.name = "empty";
    nothing.type = spec::ProgramType::xdp;
    nothing.license = "GPL";
    nothing.insns = {{0xb7, 0, 0, 2}, {0x95, 0, 0, 0}};
    add(all, nothing, {}, nullptr, times);
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
                object->types ? &*object->types : nullptr, times);
        }
    }
    if (only.empty() || only == "large") {
        add(all, large_program(), {}, nullptr, times);
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
    int times = 101;
    std::string_view only;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (std::string_view(argv[i]) == "--times") {
            times = std::max(1, std::atoi(argv[i + 1]));
        } else if (std::string_view(argv[i]) == "--only") {
            only = argv[i + 1];
        }
    }
    return skep::bench::run(times, only);
}
