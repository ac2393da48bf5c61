// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/condition_text.hpp"

#include <fmt/format.h>

namespace skep::verify {
namespace {

// The comparison that holds when the other does not; "&" has none of its own.
constexpr std::string_view opposite(JumpOp op) {
    switch (op) {
    case JumpOp::jeq:
        return "!=";
    case JumpOp::jgt:
        return "<=";
    case JumpOp::jge:
        return "<";
    case JumpOp::jset:
        return "!&";
    case JumpOp::jne:
        return "==";
    case JumpOp::jsgt:
        return "s<=";
    case JumpOp::jsge:
        return "s<";
    case JumpOp::jlt:
        return ">=";
    case JumpOp::jle:
        return ">";
    case JumpOp::jslt:
        return "s>=";
    case JumpOp::jsle:
        return "s>";
    }
    return "?";
}

std::string comparison(const Insn& insn, bool holds) {
    const char letter = insn.width == Width::w32 ? 'w' : 'r';
    const std::string other = insn.source == Source::reg ? fmt::format("{}{}", letter, insn.src)
                                                         : fmt::format("{}", insn.imm);
    if (insn.jump_op == JumpOp::jset) {
        return fmt::format("({}{} & {}) {} 0", letter, insn.dst, other, holds ? "!=" : "==");
    }
    return fmt::format("{}{} {} {}", letter, insn.dst,
                       holds ? spec::row(insn.jump_op).symbol : opposite(insn.jump_op), other);
}

} // namespace

std::string condition_text(const Insn& insn, bool put_off) {
    switch (insn.kind) {
    case InsnKind::jump:
        return comparison(insn, put_off);
    case InsnKind::may_goto:
        return put_off ? "the loop goes round" : "the loop is left";
    case InsnKind::call_kfunc:
        return put_off ? "there is a next element" : "there is no next element";
    case InsnKind::call_helper:
        return put_off ? "the callback runs" : "the callback is done";
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
        return put_off ? "the packet is too short" : "the packet is long enough";
    case InsnKind::alu:
    case InsnKind::load_wide:
    case InsnKind::load:
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::atomic:
    case InsnKind::jump_always:
    case InsnKind::call_subprogram:
    case InsnKind::call_register:
    case InsnKind::exit:
    case InsnKind::address_space_cast:
        return {};
    }
    return {};
}

} // namespace skep::verify
