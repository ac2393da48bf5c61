// SPDX-License-Identifier: Apache-2.0
//
// Claims: what the verifier said of every instruction, kept so that a run can be held against it.
//
// At each instruction the walk had one state or several. A run is sound when, before every
// instruction, what its registers and its stack really hold lies in one of them: the state of the
// path that was walked, or, where the path was pruned, the one that covered it. So nothing is
// claimed of what is not live, nor of a number that no check relied on, because pruning left
// exactly those out.
//
// Not claimed: that numbers with one id are equal; where a value of a map lies (accesses are
// checked against the maps themselves); what asynchronous callbacks start with.
//
// Proved by: tests/soundness/claims_test.cpp, and the campaign of
// docs/verifier-campaign.md run programs against it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/verify/explore/live/liveness.hpp"
#include "skep/verify/state/dependencies.hpp"
#include "skep/verify/state/state.hpp"

namespace skep::verify {

// A run, just before an instruction: plain numbers.
struct Moment {
    std::array<std::uint64_t, kRegisters> registers{};
    unsigned depth = 0; // of functions
    // Per frame below: R6 to R9 as they will be again, and the call that is under way, when known.
    struct Outer {
        std::array<std::uint64_t, 4> saved{};
        std::optional<InsnIndex> call_site;
    };
    std::array<Outer, kMaxFrames> outer{};
    const std::uint8_t* stack = nullptr; // of frame 0; 512 bytes each, upwards
    std::uint64_t context = 0;
    std::uint64_t packet_meta = 0, packet = 0, packet_end = 0; // 0: the context has none
};

struct Violation {
    InsnIndex insn;
    std::string place; // "R3", "fp[1]-16", "call chain"
    std::uint64_t found = 0;
    std::string claimed;
};

class Claims {
  public:
    // While walking.
    void keep(const State& state, InsnIndex at, const LiveFrames& live);
    // When all is proved: what nobody relied on is forgotten.
    void finish(const Dependencies& dependencies);

    // What a load or store is about to touch: whether it may, if its address is this.
    using MayTouch = std::function<bool(const Value& address)>;
    struct Touch {
        Reg reg = 0;
        MayTouch may; // empty: the instruction touches nothing
    };
    // What contradicts every state at this instruction, or nothing. Not for several threads.
    std::optional<Violation> check(InsnIndex at, const Moment& moment, const Touch& touch);
    [[nodiscard]] std::size_t states_at(InsnIndex at) const;

  private:
    struct Kept {
        State state;
        LiveFrames live;
    };
    std::vector<std::vector<Kept>> kept_; // by instruction
    std::vector<std::uint32_t> likely_;   // which one matched last
};

} // namespace skep::verify
