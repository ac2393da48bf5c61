// SPDX-License-Identifier: Apache-2.0
//
// The tables of commands.hpp, and their laws.
#include "skep/spec/commands.hpp"

#include <algorithm>
#include <limits>

#include "skep/spec/private/private_commands.hpp"

namespace skep::spec {
namespace {

using namespace skep::abi;

// Maxima that several rows share.
constexpr std::uint64_t kAnyMap = 64ULL << 20;  // keys or values of one call
constexpr std::uint64_t kAnyLog = 64ULL << 20;  // a log buffer: longer ones are filled no further
constexpr std::uint64_t kAnyInfo = 64ULL << 20; // function, line and relocation records
constexpr std::uint64_t kAnyData = 1ULL << 20;  // test run packets

#define AT(structure, field) static_cast<std::uint32_t>(offsetof(structure, field))

constexpr std::array kCommands{
#define COMMAND(number, name, structure, bytes, capability, returns, support, since, says)         \
    CommandRow{Command::name,                                                                      \
               #name,                                                                              \
               #structure,                                                                         \
               static_cast<std::uint32_t>(sizeof(structure)),                                      \
               bytes,                                                                              \
               CommandCapability::capability,                                                      \
               CommandReturns::returns,                                                            \
               support,                                                                            \
               since,                                                                              \
               says},
#include "skep/spec/commands.def"
};

constexpr std::array kDescriptors{
#define DESCRIPTOR(command, structure, field, kind, when)                                          \
    DescriptorRow{Command::command, #field, AT(structure, field), DescriptorKind::kind,            \
                  DescriptorWhen::when},
#include "skep/spec/commands.def"
};

constexpr std::array kPointers{
#define POINTER(command, structure, field, direction, rule, count, each, maximum)                  \
    PointerRow{Command::command,     #field,           AT(structure, field),                       \
               Direction::direction, LengthRule::rule, AT(structure, count),                       \
               AT(structure, each),  maximum},
#include "skep/spec/commands.def"
};

constexpr std::array kInfoPointers{
#define INFO_POINTER(object, structure, field, count, each)                                        \
    InfoPointerRow{DescriptorKind::object, #field, AT(structure, field), AT(structure, count),     \
                   each},
#include "skep/spec/commands.def"
};

#undef AT

// The laws: numbers are dense, so that a number is an index; no command reads past its structure or
// the union; rows of one command stand together, in the order of commands; every sentence is there.
constexpr bool command_rows_are_lawful() {
    for (std::size_t i = 0; i < kCommands.size(); ++i) {
        const CommandRow& row = kCommands[i];
        if (static_cast<std::size_t>(row.command) != i || row.bytes > row.structure_bytes ||
            row.bytes > kUnionBytes || row.says.empty() || row.since.empty()) {
            return false;
        }
    }
    return true;
}
static_assert(command_rows_are_lawful());

template <class Rows>
constexpr bool are_grouped_and_inside(const Rows& rows, std::uint32_t width) {
    std::uint32_t previous = 0;
    for (const auto& row : rows) {
        const auto number = static_cast<std::uint32_t>(row.command);
        if (number < previous || row.offset + width > kCommands[number].bytes) {
            return false;
        }
        previous = number;
    }
    return true;
}
static_assert(are_grouped_and_inside(kDescriptors, 4));
static_assert(are_grouped_and_inside(kPointers, 8));

template <class Row>
std::span<const Row> rows_of(std::span<const Row> rows, Command command) {
    const auto first = std::ranges::lower_bound(rows, command, {}, &Row::command);
    const auto last = std::ranges::upper_bound(rows, command, {}, &Row::command);
    return rows.subspan(static_cast<std::size_t>(first - rows.begin()),
                        static_cast<std::size_t>(last - first));
}

bool is_private(std::uint32_t number) { return number >= kFirstPrivateCommand; }

} // namespace

std::span<const CommandRow> commands() { return kCommands; }
std::span<const DescriptorRow> descriptors() { return kDescriptors; }
std::span<const PointerRow> pointers() { return kPointers; }
std::span<const InfoPointerRow> info_pointers() { return kInfoPointers; }

const CommandRow* find_command(std::uint32_t number) {
    if (is_private(number)) {
        const std::uint32_t index = number - kFirstPrivateCommand;
        return index < private_commands().size() ? &private_commands()[index] : nullptr;
    }
    return number < kCommands.size() ? &kCommands[number] : nullptr;
}

std::span<const DescriptorRow> descriptors(Command command) {
    return rows_of(is_private(static_cast<std::uint32_t>(command)) ? private_descriptors()
                                                                   : descriptors(),
                   command);
}
std::span<const PointerRow> pointers(Command command) {
    return rows_of(
        is_private(static_cast<std::uint32_t>(command)) ? private_pointers() : pointers(), command);
}

} // namespace skep::spec
