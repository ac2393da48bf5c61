// SPDX-License-Identifier: Apache-2.0
//
// From an object file to a unit: which programs, under which names, and where each map lives.
//
// Arrays that only the programs' own code refers to lie in the native object. Whether anything else
// is wanted is known only when the optimiser is done, so it may be asked again.
//
// Proved by: tests/ahead/run_compile.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "apps/skep/commands/compile/names.hpp"
#include "apps/skep/commands/compile/unit.hpp"
#include "apps/skep/running_kernel.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {

struct CompileWish {
    std::string prefix; // of all symbols
    std::string triple;
    std::string cpu; // as LLVM names it; empty: any of its kind
    std::uint32_t cpus = 1;
    std::vector<std::string> programs; // empty: all
};

class Compilation {
  public:
    Compilation(const CompileWish& wish, const load::ObjectSpec& object, RunningKernel& kernel);

    // The native object; afterwards unit() is what it holds.
    Result<ByteVector> run();
    [[nodiscard]] const Unit& unit() const { return unit_; }

  private:
    UnitMap unit_map(const load::ObjectMap& map);
    void add_variables(UnitMap& map);
    [[nodiscard]] std::uint64_t bytes_of(const UnitMap& map) const;

    Result<void> add_programs();
    Result<void> add_program(std::size_t place);
    static Result<void> check_helpers(const verify::VerifiedProgram& program);
    void add_tail_called();
    void add_programs_of(const load::ObjectMap& map);
    run::AheadJob job();
    [[nodiscard]] run::jit::MapShape shape_of(std::size_t map) const;

    // Maps that helpers are handed, and maps in their slots, cannot be plain memory. True when that
    // changes anything.
    bool keep_at_run_time(const run::AheadObject& made);
    bool keep(std::size_t map);
    [[nodiscard]] Result<void> check_run_time() const;
    [[nodiscard]] Result<void> check_slots(const UnitMap& map) const;
    void fill_slots();

    const CompileWish& wish_;
    const load::ObjectSpec& object_;
    RunningKernel& kernel_;
    std::vector<spec::MapSpec> specs_;
    Unit unit_;
    SymbolNames names_;
    std::vector<std::size_t> places_; // of the unit's programs in the object
    std::vector<std::unique_ptr<verify::VerifiedProgram>> verified_;
    std::vector<run::AheadProgram> programs_;
    std::vector<run::AheadMap> maps_;
    std::vector<run::jit::MapShape> shapes_;
    bool calls_back_ = false;
};

} // namespace skep::app
