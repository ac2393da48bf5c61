// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/print/c_layout.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

namespace skep::btf {
namespace {

struct Filler {
    std::string_view name;
    std::uint32_t bits;
};
constexpr std::array<Filler, 4> kFillers{{{"long", 64}, {"int", 32}, {"short", 16}, {"char", 8}}};

constexpr std::uint32_t kPointerBytes = 8;

std::uint64_t rounded_up(std::uint64_t number, std::uint64_t unit) {
    return (number + unit - 1) / unit * unit;
}

} // namespace

std::uint32_t Layout::widest_member(const Type& composite) {
    std::uint32_t widest = 1;
    for (const Member& member : composite.members) {
        widest = std::max(widest, alignment_of(member.type));
    }
    return widest;
}

std::uint32_t Layout::alignment_of(TypeId id) {
    TypeId at = btf_.resolve(id);
    while (btf_.type(at).kind == Kind::array) {
        at = btf_.resolve(btf_.type(at).target);
    }
    const Type& type = btf_.type(at);
    switch (type.kind) {
    case Kind::integer:
    case Kind::enumeration:
    case Kind::enumeration64:
    case Kind::floating:
        return std::max(1U, std::min(type.size_bytes, kPointerBytes));
    case Kind::pointer:
        return kPointerBytes;
    case Kind::structure:
    case Kind::union_:
        if (alignments_[at] == 0) {
            const bool packed = is_packed(at);
            alignments_[at] =
                packed ? std::uint8_t{1} : static_cast<std::uint8_t>(widest_member(type));
        }
        return alignments_[at];
    case Kind::void_:
    case Kind::array:
    case Kind::forward:
    case Kind::typedef_:
    case Kind::volatile_:
    case Kind::const_:
    case Kind::restrict_:
    case Kind::function:
    case Kind::function_prototype:
    case Kind::variable:
    case Kind::data_section:
    case Kind::declaration_tag:
    case Kind::type_tag:
        break;
    }
    return 1;
}

bool Layout::is_packed(TypeId id) {
    const Type& composite = btf_.type(id);
    std::uint32_t widest = 1;
    for (const Member& member : composite.members) {
        const std::uint32_t alignment = alignment_of(member.type);
        widest = std::max(widest, alignment);
        if (member.bit_size == 0 && member.bit_offset % (8 * alignment) != 0) {
            return true;
        }
    }
    return composite.size_bytes % widest != 0;
}

std::string gap_text(const Gap& gap, const std::string& indent) {
    std::string text;
    if (gap.begin_bits >= gap.end_bits) {
        return text;
    }
    const auto line = [&](const Filler& filler, std::uint64_t bits) {
        fmt::format_to(std::back_inserter(text), "\n{}{}: {};", indent, filler.name, bits);
    };
    // The widest filler whose natural boundary lies within the gap.
    std::size_t chosen = 0;
    while (chosen + 1 < kFillers.size() &&
           rounded_up(gap.begin_bits, kFillers[chosen].bits) > gap.end_bits) {
        ++chosen;
    }
    const Filler& filler = kFillers[chosen];
    std::uint64_t at = gap.begin_bits;
    const std::uint64_t boundary = rounded_up(at, filler.bits);
    if (boundary > at && boundary <= gap.end_bits) {
        // Up to the boundary the compiler goes by itself when what follows needs it to, or when the
        // filler after it does not fit before it. A filler of 0 bits forces it to.
        const bool next_goes_there =
            boundary == gap.end_bits &&
            rounded_up(at, std::uint64_t{gap.next_alignment} * 8) == boundary;
        const bool filler_goes_there =
            boundary != gap.end_bits && gap.end_bits - boundary > boundary - at;
        if (gap.is_between_bit_fields) {
            line(filler, boundary - at);
        } else if (!next_goes_there && !filler_goes_there) {
            line(filler, 0);
        }
        at = boundary;
    }
    for (; gap.end_bits - at >= filler.bits; at += filler.bits) {
        line(filler, filler.bits);
    }
    if (at < gap.end_bits) { // the rest takes the narrowest filler that holds it
        const auto narrowest =
            std::find_if(kFillers.rbegin(), kFillers.rend(), [&](const Filler& candidate) {
                return candidate.bits >= gap.end_bits - at;
            });
        line(narrowest == kFillers.rend() ? kFillers.front() : *narrowest, gap.end_bits - at);
    }
    return text;
}

} // namespace skep::btf
