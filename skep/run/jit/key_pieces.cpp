// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/key_pieces.hpp"

#include <algorithm>

namespace skep::run::jit {
namespace {

using maps::KeyPieces;

constexpr Reg kKey = 2;                  // the register that points to it
constexpr std::uint32_t kSlotsBack = 32; // stores before that have reached the cache
constexpr std::uint32_t kSlotsToKey = 8; // R2 = R10; R2 += offset: just before the call
constexpr std::uint8_t kWordBytes = 4;

// From the end of the stack; nothing when R2 is not made of R10 and a number just before the call.
std::optional<std::int64_t> offset_of_key(const Plan& plan, std::uint32_t call,
                                          std::uint32_t first) {
    std::int64_t offset = 0;
    for (std::uint32_t at = call; at-- > std::max(first, call - std::min(call, kSlotsToKey));) {
        const Insn& insn = plan.insns[at];
        if (insn.kind != InsnKind::alu || insn.dst != kKey || insn.width != Width::w64) {
            continue;
        }
        if (insn.alu_op == AluOp::add && insn.source == Source::imm) {
            offset += insn.imm;
        } else if (insn.alu_op == AluOp::mov && insn.source == Source::reg &&
                   insn.src == kFramePointer) {
            return offset;
        } else {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

bool stores(const Insn& insn) {
    return insn.kind == InsnKind::store_reg || insn.kind == InsnKind::store_imm;
}

} // namespace

KeyPieces pieces_of_key(const Plan& plan, std::uint32_t call, std::uint32_t key_bytes) {
    const std::uint32_t first = call - std::min(call, kSlotsBack);
    const std::optional<std::int64_t> key = offset_of_key(plan, call, first);
    if (!key.has_value()) {
        return KeyPieces::halves;
    }
    std::uint8_t least = kWordBytes;
    for (std::uint32_t at = first; at < call; ++at) {
        const Insn& insn = plan.insns[at];
        const bool inside = insn.dst == kFramePointer && insn.offset < *key + key_bytes &&
                            insn.offset + insn.size_bytes > *key;
        if (!plan.has(kSecondSlot, at) && stores(insn) && inside) {
            least = std::min(least, insn.size_bytes);
        }
    }
    return least >= kWordBytes ? KeyPieces::words
           : least == 2        ? KeyPieces::halves
                               : KeyPieces::bytes;
}

} // namespace skep::run::jit
