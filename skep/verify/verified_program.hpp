// SPDX-License-Identifier: Apache-2.0
//
// VerifiedProgram: the proof that a program is safe, as a type.
//
// Its only makers are verify(), and decode() of what encode() of such a program gave, by which the
// control process hands programs to its workers through sealed memory. It carries the instructions
// as written and as they run (context accesses rewritten to the host's records, dead code removed),
// the map between the two, and the facts that were proved about each running instruction. It holds
// no address: maps, helpers and programs are indexes and ids, bound once per process by run/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "skep/bytecode/program.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep::verify {

// What the base register of a memory access points at, in every state that reaches it.
enum class Region : std::uint8_t {
    unknown, // several kinds, or none that engines treat apart
    stack,   // this frame's or a caller's
    context,
    packet,
    map_value,
    memory, // a helper's buffer, ring buffer record, global function argument
    kernel, // a typed pointer: reads may fault and then give zero
};

// What was proved about one running instruction; all zero when nothing was.
struct InsnFacts {
    Region region = Region::unknown;       // loads, stores, atomics
    std::int32_t offset_min = 0;           // offset range of the access from the region's base,
    std::int32_t offset_max = 0;           //   both ends inclusive, when region is not unknown
    std::int32_t map_index = -1;           // calls with one known map; accesses to one map's value
    bool never_taken = false;              // conditional jumps: this side never happens,
    bool always_taken = false;             //   or the other never
    bool divisor_nonzero = false;          // divisions and remainders by register
    bool fault_reads_zero = false;         // loads that the engine must guard (Region::kernel)
    std::optional<std::uint64_t> constant; // the value that the instruction always produces
    bool produces_pointer = false;         // loads and arithmetic: always an address and never null
};

struct SubprogramFacts {
    InsnIndex start;               // running index
    InsnIndex end;                 // one past the last
    std::uint32_t stack_bytes = 0; // deepest use, 0 when the frame pointer is never used
    bool is_global = false;
    bool is_callback = false;
    bool has_tail_call = false;
    bool has_calls = false; // to helpers or subprograms
};

// Facts about the program as a whole.
struct ProgramFacts {
    bool writes_packet = false;         // may store into packet memory
    bool moves_packet = false;          // calls a helper that changes packet bounds
    std::uint32_t stack_bytes = 0;      // deepest sum over any call chain
    std::vector<std::uint32_t> helpers; // ids that are called, rising
};

class VerifiedProgram {
  public:
    [[nodiscard]] const ProgramSpec& spec() const { return spec_; }           // as written
    [[nodiscard]] std::span<const RawInsn> insns() const { return insns_; }   // as they run
    [[nodiscard]] std::span<const InsnFacts> facts() const { return facts_; } // by running index
    [[nodiscard]] InsnIndex origin(InsnIndex running) const { return origins_[running.value]; }
    [[nodiscard]] std::span<const SubprogramFacts> subprograms() const {
        return subprograms_;
    }                                                                           // main first
    [[nodiscard]] std::span<const spec::MapSpec> maps() const { return maps_; } // by index
    [[nodiscard]] const ProgramFacts& program_facts() const { return program_facts_; }
    [[nodiscard]] std::uint64_t verified_insns() const { return verified_insns_; }

    // To bytes and back, for the same build of skep alone.
    [[nodiscard]] ByteVector encode() const;
    static Result<VerifiedProgram> decode(Bytes bytes);

  private:
    friend struct VerifiedProgramMaker; // verified_program_maker.hpp says who may use it
    VerifiedProgram() = default;

    ProgramSpec spec_;
    std::vector<RawInsn> insns_;
    std::vector<InsnFacts> facts_;
    std::vector<InsnIndex> origins_;
    std::vector<SubprogramFacts> subprograms_;
    std::vector<spec::MapSpec> maps_;
    ProgramFacts program_facts_;
    std::uint64_t verified_insns_ = 0;
};

} // namespace skep::verify
