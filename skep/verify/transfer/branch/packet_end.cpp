// SPDX-License-Identifier: Apache-2.0
//
// Every comparison is brought into one form: a data pointer on the left, the end on the right. Then
// a side says one of four things about it:
//
//   pointer <  end   the bytes up to it are there, and one more
//   pointer <= end   the bytes up to it are there
//   pointer >= end   it is at the end, or beyond
//   pointer >  end   it is beyond
#include "skep/verify/transfer/branch/packet_end.hpp"

#include <algorithm>

#include "skep/spec/limits.hpp"
#include "skep/verify/transfer/branch/branch.hpp"

namespace skep::verify {
namespace {

constexpr std::uint64_t kMaxPacketOffset = spec::limits::packet_offset;

// The packet's first byte itself, which metadata ends at.
bool is_packet_start(const Value& value) {
    return value.is(ValueKind::packet) && value.id == 0 && value.offset == 0 &&
           value.number.is_zero();
}
bool is_data_and_end(const Value& data, const Value& end) {
    return (data.is(ValueKind::packet) && end.is(ValueKind::packet_end)) ||
           (data.is(ValueKind::packet_meta) && is_packet_start(end));
}

// The bytes from the base to `data` are there, and `more` after them.
void prove_bytes(State& state, const Value& data, std::int32_t more) {
    const bool nothing_gained = data.offset < 0 || (data.offset == 0 && more == 1);
    if (nothing_gained || data.number.u.max > kMaxPacketOffset ||
        data.number.u.max + static_cast<std::uint64_t>(data.offset) > kMaxPacketOffset) {
        return;
    }
    const std::int32_t proved = data.offset + more;
    state.update_values(
        [&data](const Value& value) { return value.kind == data.kind && value.id == data.id; },
        [proved](Value& value) { value.range = std::max(value.range, proved); });
}

} // namespace

std::optional<bool> packet_compare_decided(spec::JumpOp op, const Value& dst, const Value& src) {
    using spec::JumpOp;
    const bool turned = dst.is(ValueKind::packet_end);
    const Value& data = turned ? src : dst;
    const Value& end = turned ? dst : src;
    if (!data.is(ValueKind::packet) || !end.is(ValueKind::packet_end) || data.range >= 0) {
        return std::nullopt;
    }
    const JumpOp question = turned ? mirrored(op) : op;
    const bool beyond = data.range == kBeyondPacketEnd;
    if (question == JumpOp::jge || question == JumpOp::jlt) {
        return question == JumpOp::jge;
    }
    if (beyond && (question == JumpOp::jgt || question == JumpOp::jle)) {
        return question == JumpOp::jgt;
    }
    return std::nullopt;
}

bool compares_with_end(spec::JumpOp op, const Value& dst, const Value& src) {
    using spec::JumpOp;
    const bool orders =
        op == JumpOp::jgt || op == JumpOp::jge || op == JumpOp::jlt || op == JumpOp::jle;
    return orders && (is_data_and_end(dst, src) || is_data_and_end(src, dst));
}

void learn_packet_end(State& state, const Insn& insn, bool taken) {
    using spec::JumpOp;
    const Value dst = state.reg(insn.dst);
    const Value src = state.reg(insn.src);
    const bool straight = is_data_and_end(dst, src);
    if (!straight && !is_data_and_end(src, dst)) {
        return;
    }
    const Reg data_reg = straight ? insn.dst : insn.src;
    const Value data = straight ? dst : src;
    const JumpOp asked = straight ? insn.jump_op : mirrored(insn.jump_op);
    const std::optional<JumpOp> said = taken ? std::optional(asked) : opposite(asked);
    if (said == JumpOp::jlt || said == JumpOp::jle) {
        prove_bytes(state, data, said == JumpOp::jlt ? 1 : 0);
    } else if ((said == JumpOp::jge || said == JumpOp::jgt) && data.is(ValueKind::packet)) {
        state.reg_for_write(data_reg).range = said == JumpOp::jgt ? kBeyondPacketEnd : kAtPacketEnd;
    }
}

} // namespace skep::verify
