// SPDX-License-Identifier: Apache-2.0
//
// The tables of private_commands.hpp.
#include "skep/spec/private/private_commands.hpp"

#include <array>

namespace skep::spec {
namespace {

using namespace skep::abi;

#define AT(structure, field) static_cast<std::uint32_t>(offsetof(structure, field))
#define NUMBER(command) static_cast<Command>(PrivateCommand::command)

constexpr std::array kRows{
#define COMMAND(number, name, structure, bytes, capability, returns, support, since, says)         \
    CommandRow{NUMBER(name),                                                                       \
               #name,                                                                              \
               #structure,                                                                         \
               static_cast<std::uint32_t>(sizeof(structure)),                                      \
               bytes,                                                                              \
               CommandCapability::capability,                                                      \
               CommandReturns::returns,                                                            \
               support,                                                                            \
               since,                                                                              \
               says},
#include "skep/spec/private/private_commands.def"
};

constexpr std::array kDescriptorRows{
#define DESCRIPTOR(command, structure, field, kind, when)                                          \
    DescriptorRow{NUMBER(command), #field, AT(structure, field), DescriptorKind::kind,             \
                  DescriptorWhen::when},
#include "skep/spec/private/private_commands.def"
};

constexpr std::array kPointerRows{
#define POINTER(command, structure, field, direction, rule, count, each, maximum)                  \
    PointerRow{NUMBER(command),      #field,           AT(structure, field),                       \
               Direction::direction, LengthRule::rule, AT(structure, count),                       \
               AT(structure, each),  maximum},
#include "skep/spec/private/private_commands.def"
};

#undef AT
#undef NUMBER

constexpr bool rows_are_dense() {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        if (static_cast<std::uint32_t>(kRows[i].command) != kFirstPrivateCommand + i ||
            kRows[i].bytes > kUnionBytes) {
            return false;
        }
    }
    return true;
}
static_assert(rows_are_dense());

} // namespace

std::span<const CommandRow> private_commands() { return kRows; }
std::span<const DescriptorRow> private_descriptors() { return kDescriptorRows; }
std::span<const PointerRow> private_pointers() { return kPointerRows; }

} // namespace skep::spec
