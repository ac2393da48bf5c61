// SPDX-License-Identifier: Apache-2.0
//
// Program types: what a program may be, what it is handed, what it may answer.
//
// Columns of PROGRAM_TYPE rows:
//   id          the number of linux/bpf.h
//   name        bpftool's word
//   context     the table of what R1 points at; none: typed by BTF, or nothing is known
//   attach      what expected_attach_type must be at load: unchecked (any number), checked (one of
//   the
//               type's own), by_target (as the BTF target says)
//   packet      direct access through data pointers: no_packet, packet_read, packet_write
//   ld_abs      whether the old packet loads (LD_ABS, LD_IND) are allowed
//   sleeping    never_sleeps; may_sleep: the sleepable flag is accepted (for typed programs by
//   target);
//               must_sleep: it is required
//   stack       chain_stack: 512 bytes over a chain of calls; private_stacks: 512 for each function
//   capability  what the loader needs beside CAP_BPF: unprivileged and bpf nothing more, net_admin,
//               perfmon (an unprivileged type needs not even CAP_BPF where that is switched on)
//   support     what the user engine does with it
//   since       the first kernel with it
//   says        what it is for
// Columns of RETURN_RANGE rows: a program of this type and attach type answers with a number from
// minimum to maximum; without a row, with any.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/context_id.hpp"
#include "skep/spec/support.hpp"
#include "skep/spec/type_set.hpp"

namespace skep::spec {

enum class ProgramType : std::uint32_t {
#define PROGRAM_TYPE(id, name, ...) name = id,
#include "skep/spec/program_types.def"
};

enum class AttachCheck : std::uint8_t { unchecked, checked, by_target };
enum class PacketAccess : std::uint8_t { none, read, write };
enum class PacketLoads : std::uint8_t { refused, allowed };
enum class Sleeping : std::uint8_t { never, allowed, required };
enum class StackRule : std::uint8_t { chain, per_function };
enum class ProgramCapability : std::uint8_t { none, unprivileged, bpf, net_admin, perfmon };

struct ProgramTypeRow {
    ProgramType type;
    std::string_view name;
    ContextId context;
    AttachCheck attach;
    PacketAccess packet;
    PacketLoads packet_loads;
    Sleeping sleeping;
    StackRule stack;
    ProgramCapability capability;
    Support support;
    std::string_view since;
    std::string_view says;
};

namespace program_words {
inline constexpr AttachCheck unchecked = AttachCheck::unchecked;
inline constexpr AttachCheck checked = AttachCheck::checked;
inline constexpr AttachCheck by_target = AttachCheck::by_target;
inline constexpr PacketAccess no_packet = PacketAccess::none;
inline constexpr PacketAccess packet_read = PacketAccess::read;
inline constexpr PacketAccess packet_write = PacketAccess::write;
inline constexpr PacketLoads ld_abs = PacketLoads::allowed;
inline constexpr PacketLoads no_ld_abs = PacketLoads::refused;
inline constexpr Sleeping never_sleeps = Sleeping::never;
inline constexpr Sleeping may_sleep = Sleeping::allowed;
inline constexpr Sleeping must_sleep = Sleeping::required;
inline constexpr StackRule chain_stack = StackRule::chain;
inline constexpr StackRule private_stacks = StackRule::per_function;
inline constexpr ProgramCapability no_capability = ProgramCapability::none;
inline constexpr ProgramCapability unprivileged = ProgramCapability::unprivileged;
inline constexpr ProgramCapability bpf = ProgramCapability::bpf;
inline constexpr ProgramCapability net_admin = ProgramCapability::net_admin;
inline constexpr ProgramCapability perfmon = ProgramCapability::perfmon;
} // namespace program_words

// The row of a type lies at the index of its number.
inline constexpr std::array kProgramTypes{
#define PROGRAM_TYPE(id, name, context, attach, packet, loads, sleeping, stack, capability,        \
                     support, since, says)                                                         \
    ProgramTypeRow{ProgramType::name,                                                              \
                   #name,                                                                          \
                   ContextId::context,                                                             \
                   program_words::attach,                                                          \
                   program_words::packet,                                                          \
                   program_words::loads,                                                           \
                   program_words::sleeping,                                                        \
                   program_words::stack,                                                           \
                   program_words::capability,                                                      \
                   support,                                                                        \
                   since,                                                                          \
                   says},
#include "skep/spec/program_types.def"
};

// The row, or null for a number that no kernel knows.
constexpr const ProgramTypeRow* find(ProgramType type) {
    const auto number = static_cast<std::size_t>(type);
    return number < kProgramTypes.size() ? &kProgramTypes.at(number) : nullptr;
}

// The type by bpftool's word.
constexpr std::optional<ProgramType> program_type_named(std::string_view name) {
    for (const ProgramTypeRow& row : kProgramTypes) {
        if (row.name == name) {
            return row.type;
        }
    }
    return std::nullopt;
}

static_assert([] {
    for (std::size_t i = 0; i < kProgramTypes.size(); ++i) {
        if (static_cast<std::size_t>(kProgramTypes.at(i).type) != i ||
            kProgramTypes.at(i).says.empty()) {
            return false;
        }
    }
    return kProgramTypes.size() < 64;
}());

using ProgramTypeSet = TypeSet<ProgramType>;

// The words of columns that hold sets of program types.
namespace program_sets {
#define PROGRAM_TYPE(id, name, ...) inline constexpr ProgramTypeSet name{ProgramType::name};
#include "skep/spec/program_types.def"
} // namespace program_sets

// Numbers that a program may answer with, both ends included.
struct AnswerRange {
    std::int32_t minimum = 0;
    std::int32_t maximum = 0;
};
struct ReturnRangeRow {
    ProgramType program;
    AnswerRange range;
    AttachTypeSet attach_types;
};

inline constexpr std::array kReturnRanges = [] {
    using namespace attach_sets;
    return std::array{
#define RETURN_RANGE(program, minimum, maximum, attach_types)                                      \
    ReturnRangeRow{ProgramType::program, {minimum, maximum}, attach_types},
#include "skep/spec/program_types.def"
    };
}();

// The range, or nothing when any number will do.
constexpr std::optional<AnswerRange> return_range(ProgramType program, AttachType attach) {
    for (const ReturnRangeRow& row : kReturnRanges) {
        if (row.program == program && row.attach_types.contains(attach)) {
            return row.range;
        }
    }
    return std::nullopt;
}

// The program types that may be attached there.
constexpr ProgramTypeSet programs_of(AttachType attach) {
    using namespace program_sets;
    constexpr std::array kPrograms{
#define ATTACH_TYPE(id, name, link, multiplicity, support, since, says, programs)                  \
    ProgramTypeSet(programs),
#include "skep/spec/attach_types.def"
    };
    const auto number = static_cast<std::size_t>(attach);
    return number < kPrograms.size() ? kPrograms.at(number) : ProgramTypeSet{};
}

} // namespace skep::spec
