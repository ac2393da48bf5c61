// SPDX-License-Identifier: Apache-2.0
//
// Household: an object's programs and maps, ready to run in this process.
#pragma once

#include <memory>
#include <vector>

#include "apps/skep/commands/run/run_request.hpp"
#include "apps/skep/commands/run/run_views.hpp"
#include "apps/skep/running_kernel.hpp"
#include "apps/skep/session.hpp"

#include "skep/maps/map.hpp"
#include "skep/run/code/debugger.hpp"
#include "skep/run/interpreter/claim_checked.hpp"
#include "skep/run/interpreter/counted.hpp"
#include "skep/run/optimised/tiered.hpp"
#include "skep/verify/verify.hpp"

namespace skep::app {

// The object's maps and the programs that are needed, ready in this process. A map or program is
// known by its place plus one: that is what slots of program arrays and maps of maps hold.
class Household {
  public:
    Household(Session& session, const load::ObjectSpec& object, RunningKernel& kernel,
              const RunEngine& engine);

    // For running this program: what it does not use need not be a kind of map that is carried.
    Result<void> make_maps(std::size_t asked);
    // Verifies and compiles; what it may tail-call goes first.
    Result<run::Executable*> make_ready(std::size_t place);

    [[nodiscard]] const helpers::Services& services() const { return services_; }
    [[nodiscard]] std::span<maps::Map* const> maps() const { return map_views_; }
    // What is to be seen of the program asked for.
    Result<RunViews> views(bool with_code, std::optional<Costs> sampled);
    // How many instructions were held against the verifier's claims, or what contradicted one.
    [[nodiscard]] Result<std::uint64_t> checked_insns() const;
    // Of the program asked for, which is compiled last.
    [[nodiscard]] std::uint64_t compile_us() const { return compile_us_; }

    // Programs that ran often and were not made faster, or less than they could be.
    void remark_on_tiers() const;

  private:
    // Made ready, by the number that slots know it by; null when it is not.
    [[nodiscard]] run::Executable* program(std::uint32_t id) const {
        return id == 0 || id > ready_.size() ? nullptr : ready_[id - 1].get();
    }
    [[nodiscard]] bool uses(std::size_t map, std::size_t asked) const;
    Result<void> fill_slot(std::size_t map, const load::InitialSlot& slot, std::size_t asked);
    Result<run::Executable*> make_one(std::size_t place);
    Result<std::unique_ptr<run::Executable>>
    make_executable(const verify::VerifiedProgram& program, const run::Binding& binding,
                    const std::string& name, const std::shared_ptr<verify::Claims>& claims);

    Session& session_;
    const load::ObjectSpec& object_;
    const RunEngine& engine_;
    std::vector<spec::MapSpec> specs_;
    RunningKernel& kernel_;
    helpers::Services services_;
    std::vector<std::unique_ptr<maps::Map>> maps_;
    std::vector<maps::Map*> map_views_;
    std::vector<std::unique_ptr<verify::VerifiedProgram>> verified_;
    std::unique_ptr<run::BackgroundCompiler> background_; // outlives what it compiles
    std::vector<std::unique_ptr<run::Executable>> ready_; // by id - 1; null: not made
    const run::CountedExecutable* counted_ = nullptr;     // of the one asked for
    struct Checked {
        std::string program;
        const run::ClaimCheckedExecutable* executable;
    };
    std::vector<Checked> checked_; // when claims are checked
    std::vector<const run::TieredExecutable*> tiered_;
    std::unique_ptr<run::Executable> shown_;
    std::vector<run::code::DebuggerEntry> debugger_; // goes before the code that it names
    std::uint64_t compile_us_ = 0;
};

} // namespace skep::app
