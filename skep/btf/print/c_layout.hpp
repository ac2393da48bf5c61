// SPDX-License-Identifier: Apache-2.0
//
// How a C compiler would lay a structure out by itself (internal to print/): alignment, whether it
// must be packed, and the nameless bit fields that fill the gaps it would not leave.
#pragma once

#include <string>

#include "skep/btf/btf.hpp"

namespace skep::btf {

// Alignments of the types of one Btf, each found once: types may share members without bound.
class Layout {
  public:
    explicit Layout(const Btf& btf) : btf_(btf), alignments_(btf.type_count()) {}

    // 1 for packed structures and for what has no alignment.
    std::uint32_t alignment_of(TypeId id);
    bool is_packed(TypeId composite);

  private:
    std::uint32_t widest_member(const Type& composite);

    const Btf& btf_;
    std::vector<std::uint8_t> alignments_; // 0: not known yet; of composites alone
};

struct Gap {
    std::uint64_t begin_bits = 0;
    std::uint64_t end_bits = 0;
    std::uint32_t next_alignment = 1; // of what follows
    bool is_between_bit_fields = false;
};
// Lines "\n<indent>long: 64;" that make a compiler leave the gap; nothing when it does so anyway.
std::string gap_text(const Gap& gap, const std::string& indent);

} // namespace skep::btf
