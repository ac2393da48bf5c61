// SPDX-License-Identifier: Apache-2.0
//
// A benchmark program and everybody who runs it: the engines of this build, the running kernel, and
// the same source as native code. Each has maps of its own, filled alike, so that nobody sees what
// another left behind.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/load/object.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::bench {

// One engine on one program.
struct Subject {
    std::string engine;
    std::function<double()> sample;      // ns a run, over some runs
    std::function<std::uint32_t()> once; // what it returns
    std::vector<double> samples;

    double median();
};

struct Program {
    std::string name;
    std::string kind; // pure, calls, packets, maps: the folder of its source
    std::size_t slots = 0;
    std::string code;        // of the JIT, as bytes
    double compile_us = 0;   // of the JIT
    double optimise_ms = 0;  // of the optimising tier
    std::uint64_t steps = 0; // instructions that one run carries out, once maps are warm
    std::vector<Subject> subjects;
    std::vector<std::string> remarks; // what could not be done, and why

    [[nodiscard]] const Subject* subject(std::string_view engine) const;
};

// The program of an object; `native` are its machine-code forms by optimisation level, if any.
struct NativeForm {
    std::string_view program;
    std::string_view level; // "O2", "O3"
    int (*function)(void*) = nullptr;
};
Program make_program(const load::ObjectSpec& object, std::string kind,
                     std::span<const NativeForm> natives);

// A program that does nothing: what a run costs each engine before the first instruction.
Program make_empty_program();

} // namespace skep::bench
