// SPDX-License-Identifier: Apache-2.0
//
// Link types: the ways of being attached that are objects of their own.
//
// Columns of link_types.def:
//   id       the number of linux/bpf.h
//   name     bpftool's word
//   support  what the user engine does with it
//   since    the first kernel with it
//   says     where its program runs
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "skep/spec/support.hpp"

namespace skep::spec {

enum class LinkType : std::uint32_t {
#define LINK_TYPE(id, name, ...) name = id,
#include "skep/spec/link_types.def"
};

struct LinkTypeRow {
    LinkType type;
    std::string_view name;
    Support support;
    std::string_view since;
    std::string_view says;
};

// The row of a type lies at the index of its number.
inline constexpr std::array kLinkTypes{
#define LINK_TYPE(id, name, support, since, says)                                                  \
    LinkTypeRow{LinkType::name, #name, support, since, says},
#include "skep/spec/link_types.def"
};

// The row, or null for a number that no kernel knows.
constexpr const LinkTypeRow* find(LinkType type) {
    const auto number = static_cast<std::size_t>(type);
    return number < kLinkTypes.size() ? &kLinkTypes.at(number) : nullptr;
}

static_assert([] {
    for (std::size_t i = 0; i < kLinkTypes.size(); ++i) {
        if (static_cast<std::size_t>(kLinkTypes.at(i).type) != i || kLinkTypes.at(i).says.empty()) {
            return false;
        }
    }
    return true;
}());

} // namespace skep::spec
