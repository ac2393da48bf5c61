// SPDX-License-Identifier: Apache-2.0
//
// One program, run on random inputs and held against its claims.
#pragma once

#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "skep/bytecode/program.hpp"
#include "skep/maps/map.hpp"
#include "skep/verify/claims.hpp"
#include "skep/verify/verify.hpp"

namespace skep::tests::soundness {

// Maps in this process, for programs that name them by number; a map that this build does not
// carry is missing, and so are the programs that use it.
class Bench {
  public:
    explicit Bench(std::vector<spec::MapSpec> specs);

    [[nodiscard]] const std::vector<spec::MapSpec>& specs() const { return specs_; }
    [[nodiscard]] const std::vector<maps::Map*>& maps() const { return maps_; }
    // New maps in place of the old ones, with the values that frozen ones have.
    void renew();

  private:
    std::vector<spec::MapSpec> specs_;
    std::vector<std::unique_ptr<maps::Map>> owned_;
    std::vector<maps::Map*> maps_;
};

struct Tested {
    bool ran = false;
    std::uint64_t checked_insns = 0;
    std::optional<verify::Violation> violation;
};

// Verifies with claims and, when it is accepted and can run here, runs it so often.
Tested test(const ProgramSpec& program, Bench& bench, const verify::Environment& environment,
            unsigned runs, std::mt19937_64& random);

std::string describe(const verify::Violation& violation);

} // namespace skep::tests::soundness
