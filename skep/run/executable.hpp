// SPDX-License-Identifier: Apache-2.0
//
// Executable: a verified program made ready to run in this process.
//
// Making one binds the program: map indexes become Map views, helper ids become functions. What is
// bound must outlive it. Running is data plane; several slots may run one Executable at once, each
// with an invocation of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::run {

enum class Tier : std::uint8_t { interpreter, jit, llvm };

// What indexes of a program stand for in this process.
struct Binding {
    std::vector<maps::Map*> maps;       // by index; owned by the caller
    std::vector<std::uint32_t> map_ids; // the registry's ids, for listings; may be empty
};

// Machine code as listings and debuggers want it.
struct CodeListing {
    std::span<const std::uint8_t> bytes;
    std::uint64_t address = 0;
    // For each running instruction index, the offset of its first byte; one more at the end of the
    // last function. They rise unless blocks were put into another order.
    std::vector<std::uint32_t> insn_offsets;
    std::vector<std::uint32_t> subprogram_offsets; // where each subprogram begins
    // Of code that is in another order: from this offset on, up to the next mark's, code is of this
    // running instruction. Rising by offset. Optimised code has no insn_offsets beside them.
    struct Mark {
        std::uint32_t offset = 0;
        std::uint32_t insn = 0;
    };
    std::vector<Mark> marks = {};
    // Nothing when the offsets rise, and need none.
    static std::vector<Mark> marks_of(std::span<const std::uint32_t> insn_offsets);

    // The running instruction that the code at an offset belongs to; nothing when that is not told.
    [[nodiscard]] std::optional<std::uint32_t> insn_at(std::uint64_t offset) const;
};

class Executable {
  public:
    virtual ~Executable() = default;

    // Runs the program from its beginning, and those that tail calls go on with. Precondition: the
    // context is the host record of the program's type, and the invocation names it. A fault in
    // generated code ends the run: see run/code/guard.hpp.
    std::uint64_t run(void* context, helpers::Invocation& invocation) {
        const std::uint64_t result = run_alone(context, invocation);
        return invocation.next_program == nullptr ? result : run_rest(invocation);
    }
    // The same, but what is to run next is left in Invocation::next_program, with no answer yet.
    virtual std::uint64_t run_alone(void* context, helpers::Invocation& invocation) = 0;

    [[nodiscard]] virtual Tier tier() const = 0;
    [[nodiscard]] virtual std::optional<CodeListing> listing() const { return std::nullopt; }
    [[nodiscard]] virtual std::uint64_t code_bytes() const { return 0; }

  private:
    static std::uint64_t run_rest(helpers::Invocation& invocation);
};

Result<std::unique_ptr<Executable>> make_interpreter(const verify::VerifiedProgram& program,
                                                     const Binding& binding);
// Fails with unsupported on machines without a code generator.
Result<std::unique_ptr<Executable>> make_jit(const verify::VerifiedProgram& program,
                                             const Binding& binding);
// The same, slower, without a constant of the program standing in the code as its author chose it.
Result<std::unique_ptr<Executable>> make_hardened_jit(const verify::VerifiedProgram& program,
                                                      const Binding& binding);
// By the optimising compiler, in milliseconds, in a process of its own (optimised/
// compiler_process.hpp) or from the cache of what it made before. Fails with unsupported where it
// is not installed, with no_space when it takes too long.
Result<std::unique_ptr<Executable>> make_optimised_apart(const verify::VerifiedProgram& program,
                                                         const Binding& binding);
// The same in this process and bounded in nothing, without the cache: for tests and measurements.
Result<std::unique_ptr<Executable>> make_optimised(const verify::VerifiedProgram& program,
                                                   const Binding& binding);
enum class CacheUse : std::uint8_t { none, usual };
// As the first, and its listing tells which instruction code came from; without the cache.
Result<std::unique_ptr<Executable>>
make_optimised_with_lines(const verify::VerifiedProgram& program, const Binding& binding);

} // namespace skep::run
