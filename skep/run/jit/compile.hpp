// SPDX-License-Identifier: Apache-2.0
//
// compile() and bind(): from a verified program to machine code, and from there to this process.
//
// compile() gives the same image in every process that offers the same machine: it depends on the
// program and the shapes of its maps alone. It makes code for any machine that skep knows, wherever
// it runs itself. bind() puts this process's addresses into the image, which only code for this
// machine has use for.
//
// Proved by: tests/jit/program_test.cpp, and by everything that runs the code.
#pragma once

#include <vector>

#include "skep/run/executable.hpp"
#include "skep/run/jit/image.hpp"
#include "skep/run/jit/plan.hpp"

namespace skep::run::jit {

// What look-ups in the bound maps can become, by index.
std::vector<MapShape> map_shapes(const verify::VerifiedProgram& program, const Binding& binding);

// Which instructions may be used: those of the processor that runs this, or only what every one of
// its kind has; the latter for other machines in any case.
enum class Processor : std::uint8_t { this_one, any };

struct Wanted {
    Processor processor = Processor::this_one;
    Machine machine = kThisMachine;
    // When not zero, a random number: no constant of the program then stands in the code as it is,
    // and nothing is done in place whose numbers come from a map's shape.
    std::uint64_t blinding = 0;
};

Result<Image> compile(const verify::VerifiedProgram& program, MapShapes shapes, Wanted wanted = {});

Result<void> bind(Image& image, const Binding& binding);

// Places a bound image and wraps it for running.
Result<std::unique_ptr<Executable>> make_runnable(Image image);

} // namespace skep::run::jit
