// SPDX-License-Identifier: Apache-2.0
//
// Judges: the same program put to our verifier, in this process, and to the running kernel's.
#pragma once

#include <string>

#include "tests/verdicts/campaign/world.hpp"

namespace skep::tests::campaign {

struct Opinion {
    enum class Kind : std::uint8_t { accept, reject, none }; // none: no answer to compare
    Kind kind = Kind::none;
    std::string message;       // of a refusal: the last line of the log
    bool says_nothing = false; // refused without a line of its own: the message is for a person
    std::uint64_t insns_processed = 0;
};

enum class Disagreement : std::uint8_t { nothing, only_skep_accepts, only_kernel_accepts };

class Judges {
  public:
    Judges(client::Transport& kernel, const btf::Btf* kernel_types)
        : kernel_(kernel), kernel_types_(kernel_types) {}

    // Programs that ours gives up on after this many processed instructions have no verdict: the
    // kernel would go on for a long time.
    static constexpr std::uint64_t kInsnLimit = 50'000;

    [[nodiscard]] Opinion ours(const World& world, const ProgramSpec& program) const;
    // Without a log first, which is several times quicker; the message is asked for apart.
    [[nodiscard]] Opinion kernels(const World& world, const ProgramSpec& program) const;
    [[nodiscard]] std::string kernel_message(const World& world, const ProgramSpec& program) const;

  private:
    client::Transport& kernel_;
    const btf::Btf* kernel_types_;
};

Disagreement compare(const Opinion& ours, const Opinion& kernels);

// A message with its numbers and registers left out: what disagreements are counted by.
std::string cause_of(const std::string& message);

} // namespace skep::tests::campaign
