// SPDX-License-Identifier: Apache-2.0
//
// Loads and stores of each size, and sums that become addresses. A load of 32 bits clears the upper
// half by itself.
//
// One instruction reaches an address plus a register, or plus a distance (12 bits in units of what
// is moved, or nine bits of bytes). The rest is added up in kAddress first.
#include "skep/run/jit/arm64/emit.hpp"

namespace skep::run::jit::arm64 {
namespace {

constexpr std::int64_t kMostInTwo = 1 << 24; // two additions of twelve bits reach below this

Memory direct(Assembler& assembler, Op op, Address address) {
    const Gpr base = home_of(address.base);
    const Memory plain{
        .base = base,
        .index = address.index == kNoIndex ? kZero : home_of(address.index),
        .displacement = address.displacement,
    };
    if (Assembler::addresses_directly(op, plain)) {
        return plain;
    }
    if (!plain.has_index()) {
        const auto distance = static_cast<std::uint64_t>(std::int64_t{address.displacement});
        assembler.number(kAddress, distance);
        return {.base = base, .index = kAddress};
    }
    assembler.say(Op::add, Wide::yes, {.d = kAddress, .n = base, .m = plain.index});
    const Memory rest{.base = kAddress, .displacement = address.displacement};
    if (Assembler::addresses_directly(op, rest)) {
        return rest;
    }
    add_number(assembler, Wide::yes, kAddress, kAddress, address.displacement);
    return {.base = kAddress};
}

} // namespace

void add_number(Assembler& assembler, Wide wide, Gpr dst, Gpr src, std::int32_t number) {
    const std::int64_t magnitude = number < 0 ? -std::int64_t{number} : std::int64_t{number};
    const Op op = number < 0 ? Op::sub_i : Op::add_i;
    if (fits_imm12(magnitude)) {
        return assembler.say(op, wide,
                             {.d = dst, .n = src, .number = static_cast<std::int32_t>(magnitude)});
    }
    if (magnitude < kMostInTwo) {
        const auto low = static_cast<std::int32_t>(magnitude % 4096);
        assembler.say(op, wide,
                      {.d = dst, .n = src, .number = static_cast<std::int32_t>(magnitude) - low});
        return assembler.say(op, wide, {.d = dst, .n = dst, .number = low});
    }
    assembler.number(kScratch, as_operand(wide, number));
    assembler.say(Op::add, wide, {.d = dst, .n = src, .m = kScratch});
}

void load(Assembler& assembler, MemoryAccess access, Gpr dst, Address from) {
    const bool is_signed = access.extend == Extend::sign;
    const Op op = access.size_bytes == 1   ? (is_signed ? Op::ldrsb : Op::ldrb)
                  : access.size_bytes == 2 ? (is_signed ? Op::ldrsh : Op::ldrh)
                  : access.size_bytes == 4 ? (is_signed ? Op::ldrsw : Op::ldr32)
                                           : Op::ldr64;
    assembler.memory(op, dst, direct(assembler, op, from));
}

void store(Assembler& assembler, std::uint8_t size_bytes, Address to, Gpr src) {
    const Op op = size_bytes == 1   ? Op::strb
                  : size_bytes == 2 ? Op::strh
                  : size_bytes == 4 ? Op::str32
                                    : Op::str64;
    assembler.memory(op, src, direct(assembler, op, to));
}

void address_of(Assembler& assembler, Gpr dst, Address address) {
    Gpr base = home_of(address.base);
    if (address.index != kNoIndex) {
        assembler.say(Op::add, Wide::yes, {.d = dst, .n = base, .m = home_of(address.index)});
        base = dst;
    }
    if (address.displacement != 0) {
        add_number(assembler, Wide::yes, dst, base, address.displacement);
    } else {
        move(assembler, Wide::yes, dst, base);
    }
}

} // namespace skep::run::jit::arm64
