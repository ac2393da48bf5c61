// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/speculation.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "skep/verify/access/bounds.hpp"
#include "skep/verify/access/special_fields.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explain/value_text.hpp"
#include "skep/verify/transfer/alu.hpp"
#include "skep/verify/transfer/pointer_arithmetic.hpp"

namespace skep::verify {

// An address and the number that moves it.
struct Speculation::Sum {
    Value address;
    Value number;
    Reg address_reg = 0;
    Reg number_reg = 0;
    bool address_is_dst = true;
    bool goes_down = false;
};

namespace {

bool is_sum(const Insn& insn) {
    return insn.alu_op == spec::AluOp::add || insn.alu_op == spec::AluOp::sub;
}

std::string_view verb(const Insn& insn) { return insn.alu_op == spec::AluOp::add ? "add" : "sub"; }

Finding prohibited(Reg reg, std::string_view kernel, std::string because) {
    return refuse({.code = FindingCode::pointer_arithmetic,
                   .kernel = fmt::format("R{} {}, pointer arithmetic with it prohibited for !root",
                                         reg, kernel),
                   .what = "arithmetic that cannot be made safe where a processor guesses",
                   .because = std::move(because),
                   .suggestion = "bound the index on both sides and keep one instruction for one "
                                 "object, or load the program with CAP_PERFMON"});
}

Finding out_of_range(std::string kernel, std::string because, std::string detail = {}) {
    return refuse({.code = FindingCode::pointer_arithmetic,
                   .kernel = std::move(kernel),
                   .what = "an address that leaves its object",
                   .because = std::move(because),
                   .suggestion =
                       "check the index before it is added, not before the access, or load "
                       "the program with CAP_PERFMON",
                   .kernel_detail = std::move(detail)});
}

} // namespace

Speculation::Speculation(const Subject& subject)
    : subject_(subject), is_on_(!subject.environment.capabilities.perfmon),
      marks_(is_on_ ? subject.insns.size() : 0) {}

// Bytes from the address to the end of its object on the side that the number moves away from.
Ruling<std::int64_t> Speculation::room(const Sum& sum, const Value& address,
                                       const Insn& insn) const {
    std::int64_t most = 0;
    std::int64_t left = 0;
    if (address.is(ValueKind::stack)) {
        most = kStackBytes + (sum.goes_down ? 1 : 0);
        left = -(static_cast<std::int64_t>(address.number.bits.value) + address.offset);
    } else if (address.is(ValueKind::map_value)) {
        most = subject_.map(address.map()).value_size_bytes;
        left = address.offset + (sum.goes_down ? address.number.s.min
                                               : static_cast<std::int64_t>(address.number.u.max));
    } else {
        return prohibited(sum.address_reg, "has pointer with unsupported alu operation",
                          fmt::format("a number in a register is added to an address of kind {}; "
                                      "that is for the stack and map values",
                                      kind_text(address)));
    }
    if (left >= most || left < 0) {
        return prohibited(insn.dst, fmt::format("tried to {} beyond pointer bounds", verb(insn)),
                          fmt::format("the address R{} lies at the end of its object, or beyond",
                                      sum.address_reg));
    }
    return left;
}

Ruling<std::optional<Value>> Speculation::check_arithmetic(const State& state, const Insn& insn) {
    if (insn.source != Source::reg || !is_sum(insn)) {
        return std::optional<Value>();
    }
    const Value& dst = state.reg(insn.dst);
    const Value& src = state.reg(insn.src);
    if (dst.is_scalar() && src.is_scalar()) {
        return std::optional<Value>();
    }
    TRY(check_pointer_operands(subject_, state, insn, src));
    const bool address_is_dst = dst.is_pointer();
    const Value& number = address_is_dst ? src : dst;
    const Sum sum{address_is_dst ? dst : src,
                  number,
                  address_is_dst ? insn.dst : insn.src,
                  address_is_dst ? insn.src : insn.dst,
                  address_is_dst,
                  (insn.alu_op == spec::AluOp::add) == (number.number.s.min < 0)};
    const bool is_constant = number.number.is_constant();
    if (!state.speculative) {
        if (!is_constant && (number.number.s.min < 0) != (number.number.s.max < 0)) {
            return prohibited(sum.number_reg, "has unknown scalar with mixed signed bounds",
                              fmt::format("R{} may be negative or not", sum.number_reg));
        }
        TRY(room(sum, sum.address, insn));
        masks_numbers_ = masks_numbers_ || !is_constant;
    }
    return is_constant ? std::optional<Value>() : std::optional(sum.address);
}

Ruling<void> Speculation::set_mask(const Insn& insn, InsnIndex at, const Mask& mask) {
    std::optional<Mask>& known = marks_[at.value].mask;
    if (known.has_value() && *known != mask) {
        return prohibited(
            insn.dst, fmt::format("tried to {} from different maps, paths or scalars", verb(insn)),
            "on another path the same instruction adds to something else, or moves an "
            "address otherwise");
    }
    known = mask;
    return {};
}

// Any address that a program makes lies in its object, used or not.
Ruling<void> Speculation::check_place(const Value& address, const Insn& insn) const {
    RegionRequest request{.reg = insn.dst, .value = address};
    request.size_bytes = 1;
    request.accessor = Accessor::helper;
    if (address.is(ValueKind::stack)) {
        const Scalar& number = address.number;
        if (!number.is_constant()) {
            return out_of_range(
                fmt::format("R{} variable stack access prohibited for !root, var_off={} off={}",
                            insn.dst, bits_text(number.bits),
                            address.offset + static_cast<std::int64_t>(number.bits.value)),
                "which byte of the stack it points at is not known exactly");
        }
        const std::int64_t place = address.offset + static_cast<std::int64_t>(number.value());
        if (place >= 0 || place < -kStackBytes) {
            return out_of_range(fmt::format("R{} stack pointer arithmetic goes out of range, "
                                            "prohibited for !root; off={}",
                                            insn.dst, place),
                                fmt::format("fp{:+} is not on the stack", place));
        }
        return {};
    }
    if (!address.is(ValueKind::map_value)) {
        return {};
    }
    const std::uint32_t bytes = subject_.map(address.map()).value_size_bytes;
    Ruling<void> inside = check_inside({bytes, "map value", "value_size"}, request);
    if (inside.ok()) {
        inside = check_special_fields(subject_, request);
    }
    if (inside.ok()) {
        return {};
    }
    const Finding& finding = inside.finding();
    return out_of_range(
        fmt::format("R{} pointer arithmetic of map value goes out of range, prohibited for !root",
                    insn.dst),
        finding.because,
        finding.kernel_detail + (finding.kernel_detail.empty() ? "" : "\n") +
            finding.kernel_message);
}

Ruling<void> Speculation::finish_arithmetic(const State& before, const State& after,
                                            const Insn& insn, InsnIndex at) {
    const Value& dst = before.reg(insn.dst);
    const Value other = *Operand(before, insn);
    const Value& result = after.reg(insn.dst);
    const bool by_register = insn.source == Source::reg;
    if (!is_sum(insn)) {
        return {};
    }
    if (dst.is_scalar() && other.is_scalar()) {
        return by_register ? set_mask(insn, at, {.of_numbers = true}) : Ruling<void>();
    }
    TRY(check_place(result, insn));
    if (!by_register || before.speculative) {
        return {};
    }
    const bool address_is_dst = dst.is_pointer();
    const Value& number = address_is_dst ? other : dst;
    const bool is_negative = number.number.s.min < 0;
    Sum sum;
    sum.goes_down = (insn.alu_op == spec::AluOp::add) == is_negative;
    sum.address_reg = address_is_dst ? insn.dst : insn.src;
    const std::int64_t from = TRY(room(sum, address_is_dst ? dst : other, insn));
    const std::int64_t to = TRY(room(sum, result, insn));
    return set_mask(insn, at,
                    {.is_negative = is_negative,
                     .is_constant = number.number.is_constant(),
                     .address_is_dst = address_is_dst,
                     .limit = std::abs(from - to)});
}

void Speculation::stop_before(InsnIndex at) {
    marks_[at.value].barrier = true;
    first_barrier_ = first_barrier_.value_or(at);
    marks_[at.value].mask.reset(); // nothing is left to mask where nobody guesses
}

void Speculation::note_store(const State& before, const Insn& insn, const Value& base,
                             InsnIndex at) {
    const bool stores = insn.kind != InsnKind::load;
    if (!is_on_ || !stores || !base.is(ValueKind::stack) || !base.at_fixed_offset()) {
        return;
    }
    const bool has_value = insn.kind == InsnKind::store_reg ||
                           (insn.kind == InsnKind::atomic && insn.atomic_op == AtomicOp::store_rel);
    bool overtakes = has_value && before.reg(insn.src).is_pointer();
    const std::int64_t begin =
        base.offset + insn.offset + static_cast<std::int64_t>(base.number.value());
    for (std::int64_t place = begin; place < begin + insn.size_bytes; ++place) {
        const SlotByte byte = before.stack(base.frame).byte(static_cast<int>(place));
        overtakes = overtakes || (byte != SlotByte::misc && byte != SlotByte::zero);
    }
    marks_[at.value].barrier_after = marks_[at.value].barrier_after || overtakes;
}

} // namespace skep::verify
