// SPDX-License-Identifier: Apache-2.0
//
// Recompose: numbers that a program puts together byte by byte are loaded at once.
//
// Compilers read a field that may lie at any address one byte at a time (a packed struct is all it
// takes) and shift and or the bytes into place. Inside a stretch that no jump enters or leaves,
// each register is followed as a row of bytes of memory; where all bytes of a row lie side by side,
// rising (this machine's order) or falling (the network's), one load, and for the latter a byte
// swap, does for all of them. The bytes were all proved to be readable, so the whole is.
//
// The wide load stands where the last of the narrow ones stood, since there the base is sure to be
// what it was; the other parts go away. That needs:
//   - the base is the same at every load, and memory does not change from the first to the last;
//   - nobody else reads a register while it holds only some of the bytes, nor after the end;
//   - from the last load to the end, nobody else writes the register that gets the number.
//
// Proved by: tests/jit/recompose_test.cpp; tests/engines.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "skep/run/jit/liveness.hpp"

namespace skep::run::jit {

inline constexpr std::array<std::uint8_t, spec::kAluRows.size()> kSwapSizes = [] {
    std::array<std::uint8_t, spec::kAluRows.size()> sizes{};
    const auto set = [&sizes](AluOp one, AluOp other, std::uint8_t size) {
        sizes[static_cast<std::size_t>(one)] = sizes[static_cast<std::size_t>(other)] = size;
    };
    set(AluOp::be16, AluOp::bswap16, 2);
    set(AluOp::be32, AluOp::bswap32, 4);
    set(AluOp::be64, AluOp::bswap64, 8);
    return sizes;
}();

// How many bytes the operation turns round; 0: none.
constexpr std::uint8_t swap_size(AluOp op) { return kSwapSizes[static_cast<std::size_t>(op)]; }

// Whether arithmetic moves whole bytes within a register. Without any, no number is made of bytes;
// the plan lists it. Precondition: insn.kind is alu.
constexpr bool moves_bytes(const Insn& insn) {
    const bool shifts = insn.alu_op == AluOp::lsh && insn.source == Source::imm;
    return shifts || swap_size(insn.alu_op) != 0;
}

struct WideLoad {
    std::uint32_t slot = 0; // where it stands
    Reg dst = 0;
    Reg base = 0;
    std::int32_t offset = 0;
    std::uint8_t size_bytes = 0;
    bool swapped = false;
};

struct Recomposed {
    explicit Recomposed(std::pmr::memory_resource* memory) : dropped(memory), loads(memory) {}

    // By slot; empty when there is nothing. What is dropped is not said at all, unless there is a
    // load at the slot: that is said in its place.
    WorkList<std::uint8_t> dropped;
    WorkList<WideLoad> loads; // rising by slot

    enum : std::uint8_t { kSaid, kDropped, kHasLoad };
    [[nodiscard]] bool drops(std::uint32_t slot) const {
        return !dropped.empty() && dropped[slot] != kSaid;
    }
    // Null when there is none at the slot. Precondition: drops(slot).
    [[nodiscard]] const WideLoad* load_at(std::uint32_t slot) const {
        if (dropped[slot] != kHasLoad) {
            return nullptr;
        }
        const auto found =
            std::lower_bound(loads.begin(), loads.end(), slot,
                             [](const WideLoad& load, std::uint32_t at) { return load.slot < at; });
        return &*found;
    }
};

Recomposed recompose(const Plan& plan, std::span<const RegSet> live_before);

} // namespace skep::run::jit
