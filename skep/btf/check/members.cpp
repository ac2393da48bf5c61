// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/check/members.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace skep::btf {
namespace {

constexpr std::uint64_t kMaxCopiedBits = 128;

// Bits that must be copied to have `bits` at `bit_offset`: whole bytes from where they begin.
bool fits(const Type& composite, std::uint64_t bit_offset, std::uint64_t bits) {
    const std::uint64_t copied = bits + bit_offset % 8;
    return copied <= kMaxCopiedBits && bit_offset / 8 + (copied + 7) / 8 <= composite.size_bytes;
}

bool is_aligned_and_fits(const Type& composite, const Member& member, std::uint64_t bytes) {
    return member.bit_offset % 8 == 0 &&
           std::uint64_t{member.bit_offset} / 8 + bytes <= composite.size_bytes;
}

bool integer_fits(const Type& composite, const Member& member, const Type& integer) {
    if (!composite.kind_flag) {
        return fits(composite, std::uint64_t{member.bit_offset} + integer.int_bit_offset,
                    integer.int_bits);
    }
    const bool is_plain = integer.int_bit_offset == 0 && integer.int_bits >= 8 &&
                          std::has_single_bit(integer.int_bits);
    if (!is_plain || member.bit_size > integer.int_bits ||
        (member.bit_size == 0 && member.bit_offset % 8 != 0)) {
        return false;
    }
    return fits(composite, member.bit_offset,
                member.bit_size == 0 ? integer.int_bits : member.bit_size);
}

bool enumeration_fits(const Type& composite, const Member& member, const Type& enumeration) {
    if (!composite.kind_flag) {
        return is_aligned_and_fits(composite, member, enumeration.size_bytes);
    }
    if (member.bit_size > 32 || (member.bit_size == 0 && member.bit_offset % 8 != 0)) {
        return false;
    }
    const std::uint64_t bits = member.bit_size == 0 ? 32 : member.bit_size;
    return (std::uint64_t{member.bit_offset} + bits + 7) / 8 <= composite.size_bytes;
}

} // namespace

Result<void> check_member_place(const Btf& btf, const Type& composite, const Member& member) {
    const TypeId resolved = btf.resolve(member.type);
    const Type& type = btf.type(resolved);
    bool holds = false;
    if (type.kind == Kind::integer) {
        holds = integer_fits(composite, member, type);
    } else if (type.kind == Kind::enumeration || type.kind == Kind::enumeration64) {
        holds = enumeration_fits(composite, member, type);
    } else if (const auto bytes = btf.size_of(resolved); bytes.ok() && member.bit_size == 0) {
        const std::uint32_t alignment =
            type.kind == Kind::floating ? std::max(1U, std::min(8U, type.size_bytes)) : 1U;
        holds = is_aligned_and_fits(composite, member, *bytes) &&
                (member.bit_offset / 8) % alignment == 0;
    }
    return holds ? Result<void>()
                 : Result<void>(
                       fail(Code::invalid_input,
                            fmt::format("member '{}' at bit {} does not lie within as it should",
                                        member.name, member.bit_offset)));
}

} // namespace skep::btf
