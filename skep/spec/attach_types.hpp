// SPDX-License-Identifier: Apache-2.0
//
// Attach types: where a program of some type may be put.
//
// Columns of attach_types.def:
//   id            the number of linux/bpf.h
//   name          bpftool's word
//   link          the link that stands for such an attachment; no_link: there is none
//   multiplicity  whether one place takes one program or many
//   support       what the user engine does with it
//   since         the first kernel with it
//   says          what happens there
//   programs      the program types that may be put there
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/spec/link_types.hpp"
#include "skep/spec/support.hpp"
#include "skep/spec/type_set.hpp"

namespace skep::spec {

enum class AttachType : std::uint32_t {
#define ATTACH_TYPE(id, name, ...) name = id,
#include "skep/spec/attach_types.def"
};

enum class Multiplicity : std::uint8_t { one, many };

struct AttachTypeRow {
    AttachType type;
    std::string_view name;
    LinkType link; // unspec: no link
    Multiplicity multiplicity;
    Support support;
    std::string_view since;
    std::string_view says;
};

namespace attach_words {
inline constexpr LinkType no_link = LinkType::unspec;
#define LINK_TYPE(id, name, ...) inline constexpr LinkType name = LinkType::name;
#include "skep/spec/link_types.def"
inline constexpr Multiplicity one = Multiplicity::one;
inline constexpr Multiplicity many = Multiplicity::many;
} // namespace attach_words

// The row of a type lies at the index of its number.
inline constexpr std::array kAttachTypes{
#define ATTACH_TYPE(id, name, link, multiplicity, support, since, says, programs)                  \
    AttachTypeRow{AttachType::name,                                                                \
                  #name,                                                                           \
                  attach_words::link,                                                              \
                  attach_words::multiplicity,                                                      \
                  support,                                                                         \
                  since,                                                                           \
                  says},
#include "skep/spec/attach_types.def"
};

// The row, or null for a number that no kernel knows.
constexpr const AttachTypeRow* find(AttachType type) {
    const auto number = static_cast<std::size_t>(type);
    return number < kAttachTypes.size() ? &kAttachTypes.at(number) : nullptr;
}

// The type by bpftool's word.
constexpr std::optional<AttachType> attach_type_named(std::string_view name) {
    for (const AttachTypeRow& row : kAttachTypes) {
        if (row.name == name) {
            return row.type;
        }
    }
    return std::nullopt;
}

static_assert([] {
    for (std::size_t i = 0; i < kAttachTypes.size(); ++i) {
        if (static_cast<std::size_t>(kAttachTypes.at(i).type) != i ||
            kAttachTypes.at(i).says.empty()) {
            return false;
        }
    }
    return kAttachTypes.size() < 64;
}());

using AttachTypeSet = TypeSet<AttachType>;

// The words of columns that hold sets of attach types.
namespace attach_sets {
#define ATTACH_TYPE(id, name, ...) inline constexpr AttachTypeSet name{AttachType::name};
#include "skep/spec/attach_types.def"
inline constexpr AttachTypeSet any_attach_type{~0ULL};
} // namespace attach_sets

} // namespace skep::spec
