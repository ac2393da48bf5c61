// SPDX-License-Identifier: Apache-2.0
//
// Bounded runs: work that may hang, use up memory or end its process is done by a copy of this
// process, which is confined (confinement.hpp) and comes to an end in any case.
//
// What the work answers comes back through a pipe. When the copy dies instead, the error says how,
// with what it printed last. Of what this process has open the copy has its standard input alone.
//
// Only for processes with one thread: a copy has that thread alone, and whatever another one held
// would be held for ever.
//
// Proved by: bounded_run_test.cpp.
#pragma once

#include <cstdint>
#include <functional>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"

namespace skep::os {

struct Bounds {
    std::uint32_t milliseconds = 1000;
    std::uint64_t private_bytes = 1ULL << 30; // beyond what the process had
    std::uint64_t answer_bytes = 64ULL << 20;
    std::uint64_t printed_bytes = 1ULL << 20; // and of each file that it makes in memory
};

// Fails with no_space when the time or the answer is used up, with system when the copy died.
Result<ByteVector> run_bounded(const Bounds& bounds, const std::function<ByteVector()>& work);

} // namespace skep::os
