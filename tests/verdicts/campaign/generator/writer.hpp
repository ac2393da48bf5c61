// SPDX-License-Identifier: Apache-2.0
//
// Writer: the generator's idea of the machine while it writes, and the choices made with it.
//
// Per register and per stack slot it notes a kind and a limit: for a number the largest value that
// it is thought to have, for memory the bytes that may be touched from there on.
#pragma once

#include <array>
#include <optional>
#include <random>

#include "skep/bytecode/program.hpp"
#include "tests/verdicts/campaign/generator/draft.hpp"

namespace skep::tests::campaign {

enum class Kind : std::uint8_t {
    unset,
    number,
    context,
    memory, // part of a stack, of this frame or a caller's
    map,
    value,
    value_or_null,
    packet,
    packet_end,
    object, // a socket or a pointer into the kernel
    object_or_null,
    key,
};

inline constexpr std::uint64_t kNoLimit = ~0ULL;

struct Known {
    Kind kind = Kind::unset;
    std::uint64_t limit = kNoLimit;
};

inline constexpr Reg kRegisters = 10;  // r0 to r9 are written to
inline constexpr unsigned kSlots = 16; // 8 bytes each, downwards from r10

struct Frame {
    std::array<Known, kRegisters> registers;
    std::array<Known, kSlots> slots; // slot 0 is at r10 - 8
};

class Writer {
  public:
    explicit Writer(std::mt19937_64& random) : random_(random) {}

    std::uint64_t bits() { return random_(); }
    std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>(random_() % bound);
    }
    bool one_in(std::uint32_t count) { return below(count) == 0; }
    // Now and then, a choice is wrong on purpose.
    bool wrong() { return one_in(150); }

    std::uint64_t number(); // small, edge and arbitrary ones
    std::int32_t immediate() { return static_cast<std::int32_t>(number()); }
    unsigned size() { return 1U << below(4); }

    // A register that holds this kind, if any does.
    std::optional<Reg> holding(Kind kind);
    Reg any_set();          // any that holds something; r10 now and then
    Reg free(bool lasting); // one to write to: r6 to r9 when it is to outlive calls
    Reg a_number();         // one that holds a number, made when there is none

    Known& of(Reg reg) { return frame.registers.at(reg); }
    void set(Reg reg, Kind kind, std::uint64_t limit = kNoLimit) {
        if (reg < kRegisters) {
            frame.registers.at(reg) = {kind, limit};
        }
    }
    void after_call(); // r1 to r5 are gone
    static Frame joined(const Frame& one, const Frame& other);

    // Offset of an access of this size to memory of `limit` bytes: inside, now and then just not.
    std::int16_t offset_within(std::uint64_t limit, unsigned size_bytes);

    Draft code;
    Frame frame;
    std::uint16_t locked = 0; // registers that are not to be written: counters of loops

  private:
    std::mt19937_64& random_;
};

} // namespace skep::tests::campaign
