// SPDX-License-Identifier: Apache-2.0
//
// Facts: what was true of an instruction in every state that reached it.
//
// Joined while the paths are walked. A path that stopped early went on only in the state that
// covered it, so a fact may rest on nothing that covering ignores: numbers whose origin lies before
// a checkpoint are left out unless a check relied on them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/state.hpp"
#include "skep/verify/state/subject.hpp"
#include "skep/verify/verified_program.hpp"

namespace skep::verify {

class Facts {
  public:
    explicit Facts(const Subject& subject);

    void reached(InsnIndex at) { seen_[at.value].reached = true; }
    // Refuses when one instruction is used with pointers that must not be mixed.
    Ruling<void> accessed(const State& state, InsnIndex at, const Value& base);
    void jumped(InsnIndex at, bool taken);
    void called(InsnIndex at, std::optional<MapRef> map);
    void divided(InsnIndex at, const Value& divisor);
    void produced(InsnIndex at, const Value& value);
    void used_stack(std::uint32_t subprogram, std::int64_t lowest_offset);

    [[nodiscard]] bool was_reached(InsnIndex at) const { return seen_[at.value].reached; }
    [[nodiscard]] InsnFacts of(InsnIndex at) const;
    [[nodiscard]] std::uint32_t stack_bytes(std::uint32_t subprogram) const {
        return stack_bytes_[subprogram];
    }
    // Different maps on different paths.
    [[nodiscard]] bool has_several_maps(InsnIndex at) const { return seen_[at.value].several_maps; }
    [[nodiscard]] bool writes_packet() const { return writes_packet_; }

  private:
    struct Seen {
        bool reached = false;
        bool accessed = false;
        bool mapped = false;
        bool several_maps = false;
        std::uint32_t map = 0;
        bool divided = false;
        bool produced = false;
        bool taken = false;
        bool fell_through = false;
        ValueKind base = ValueKind::uninitialised;
        InsnFacts facts;
    };
    const Subject& subject_;
    std::vector<Seen> seen_;
    std::vector<std::uint32_t> stack_bytes_;
    bool writes_packet_ = false;
};

} // namespace skep::verify
