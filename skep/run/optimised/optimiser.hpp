// SPDX-License-Identifier: Apache-2.0
//
// Optimiser: the compiler behind the optimising tier, seen from here.
//
// It lives in a module of its own (the room optimise/, skep-llvm.so beside the programs), because
// the library that it stands on is large and may be missing. What goes in is a verified program and
// the shapes of its maps; what comes out is an image without an address of any process: the same
// relocations as those of the one-pass code generator, all of them in one table at its end.
//
// Control plane; compile() may be called from several threads.
//
// Proved by: tests/engines and tests/conformance, where the tier is one of the engines.
#pragma once

#include <string>

#include "skep/base/result.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/jit/plan.hpp"
#include "skep/run/optimised/ahead.hpp"

namespace skep::run {

struct OptimiserJob {
    const verify::VerifiedProgram& program;
    jit::MapShapes shapes;
    // After this the compiler skips what makes code better and writes down what it has; 0: never.
    std::uint32_t milliseconds_most = 0;
    bool with_lines = false; // fills Image::marks
};

struct Compiled {
    jit::Image image;
    bool was_cut_short = false; // by the job's milliseconds: right, but not as good as it could be
};

class Optimiser {
  public:
    virtual ~Optimiser() = default;
    // Of the library and of the machine that code is made for: with the program, all that the
    // answer depends on.
    [[nodiscard]] virtual std::string description() const = 0;
    [[nodiscard]] virtual Result<Compiled> compile(const OptimiserJob& job) const = 0;
    // Does once what the first compile in a process would do besides: for a process that makes
    // copies of itself which compile.
    virtual void warm_up() const = 0;
    // An object file for any machine that the library knows (ahead.hpp).
    [[nodiscard]] virtual Result<AheadObject> compile_ahead(const AheadJob& job) const = 0;
};

// What a module must have been built as, to be understood: checked before anything is called.
inline constexpr const char* kOptimiserBuild = "skep-optimiser-9 " __VERSION__
#if defined(NDEBUG)
                                               " release";
#else
                                               " debug";
#endif
inline constexpr const char* kOptimiserBuildSymbol = "skep_optimiser_build"; // a const char*
inline constexpr const char* kOptimiserSymbol = "skep_optimiser"; // const Optimiser* (*)()

// The image in this process, bound and ready to run.
Result<std::unique_ptr<Executable>>
place_optimised(jit::Image image, const verify::VerifiedProgram& program, const Binding& binding);

// The module, loaded once for the process. Fails with what to install when it is not there.
Result<const Optimiser*> optimiser();
// Which file was loaded: the size of that very file and the time of its last change. Empty when
// none was.
std::string optimiser_identity();
// Whether module and compiling process (compiler_process.hpp) are installed. Loads nothing.
Result<void> optimiser_is_installed();
// A file that is installed beside the programs: here, in a build, or under lib/skep. Empty: none
// is.
std::string installed_file(const std::string& name);

} // namespace skep::run
