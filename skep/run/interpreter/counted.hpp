// SPDX-License-Identifier: Apache-2.0
//
// CountedExecutable: the interpreter with its coverage policy. It counts how often each instruction
// was carried out; that is coverage (what is zero was never reached) and, where the machine has no
// performance counters to offer, a profile.
//
// Counting is data plane and may happen in several slots at once.
//
// Proved by: tests/engines/counted_test.cpp.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "skep/run/executable.hpp"

namespace skep::run {

class CountedExecutable : public Executable {
  public:
    // By running index, since the beginning; the second slot of a wide immediate has none.
    [[nodiscard]] virtual std::vector<std::uint64_t> counts() const = 0;
};

Result<std::unique_ptr<CountedExecutable>> make_counted(const verify::VerifiedProgram& program,
                                                        const Binding& binding);
// The same, counting in memory of the caller's: a count for each running instruction. It outlives
// what is made.
Result<std::unique_ptr<CountedExecutable>> make_counted(const verify::VerifiedProgram& program,
                                                        const Binding& binding,
                                                        std::span<std::atomic<std::uint64_t>> into);

} // namespace skep::run
