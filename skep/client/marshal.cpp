// SPDX-License-Identifier: Apache-2.0
#include "skep/client/marshal.hpp"

#include <algorithm>
#include <cstring>

#include "skep/bytecode/insn.hpp"
#include "skep/os/process/handle.hpp"
#include "skep/os/process/own_memory.hpp"
#include "skep/spec/maps/map_contents.hpp"
#include "skep/spec/private/private_commands.hpp"

namespace skep::client {
namespace {

using spec::Command;
using spec::Direction;
using spec::LengthRule;

constexpr std::uint8_t kLoadWide = 0x18;

bool holds_objects(std::uint32_t map_type) {
    const auto type = static_cast<spec::MapType>(map_type);
    return spec::contents_of(type) == spec::MapContents::programs || spec::holds_maps(type) ||
           spec::holds_targets(type);
}

} // namespace

Marshaller::Marshaller(std::uint32_t command, void* attributes, std::uint32_t size,
                       const ShapeOf& shape_of)
    : command_(command),
      address_(reinterpret_cast<std::uint64_t>(attributes)), // NOLINT: the ABI's form
      size_(size), attributes_(spec::kUnionBytes), shape_of_(shape_of) {
    const std::size_t known = std::min<std::size_t>(size, attributes_.size());
    ByteVector given(known);
    if (os::read_own_memory(address_, given).ok()) {
        std::copy(given.begin(), given.end(), attributes_.begin());
    }
}

template <class T>
T Marshaller::field(std::uint32_t offset) const {
    T value{};
    if (offset + sizeof value <= attributes_.size()) {
        std::memcpy(&value, attributes_.data() + offset, sizeof value);
    }
    return value;
}

void Marshaller::add_descriptor(std::int32_t number) {
    auto& passed = marshalled_.request.descriptors;
    const bool known =
        std::any_of(passed.begin(), passed.end(), [number](const syscall::PassedDescriptor& each) {
            return each.number == number;
        });
    if (known || !os::identity_of(number).ok() ||
        marshalled_.files.size() + 1 >= os::kMaxMessageFds) {
        return;
    }
    passed.push_back({number, static_cast<std::uint32_t>(marshalled_.files.size())});
    marshalled_.files.push_back(number);
}

void Marshaller::add_descriptors_at(std::uint64_t address, std::uint64_t count) {
    ByteVector numbers(count * 4);
    if (!os::read_own_memory(address, numbers).ok()) {
        return;
    }
    for (std::size_t at = 0; at < numbers.size(); at += 4) {
        std::int32_t number = -1;
        std::memcpy(&number, numbers.data() + at, sizeof number);
        add_descriptor(number);
    }
}

void Marshaller::add_insn_descriptors(const ByteVector& insns) {
    for (std::size_t at = 0; at + sizeof(RawInsn) <= insns.size(); at += sizeof(RawInsn)) {
        RawInsn insn;
        std::memcpy(&insn, insns.data() + at, sizeof insn);
        if (insn.opcode != kLoadWide) {
            continue;
        }
        const auto source = static_cast<WideSource>(insn.src());
        if (source == WideSource::map_fd || source == WideSource::map_value_fd) {
            add_descriptor(insn.imm);
        }
        at += sizeof(RawInsn);
    }
}

// Without a count, fd_array reaches as far as instructions index it.
std::uint64_t Marshaller::indexed_descriptors() const {
    std::uint64_t count = 0;
    const auto insn_count = std::min<std::uint32_t>(
        field<std::uint32_t>(offsetof(abi::ProgLoadAttr, insn_cnt)), 1'000'000);
    ByteVector insns(std::size_t{insn_count} * sizeof(RawInsn));
    if (!os::read_own_memory(field<std::uint64_t>(offsetof(abi::ProgLoadAttr, insns)), insns)
             .ok()) {
        return 0;
    }
    for (std::size_t at = 0; at + sizeof(RawInsn) <= insns.size(); at += sizeof(RawInsn)) {
        RawInsn insn;
        std::memcpy(&insn, insns.data() + at, sizeof insn);
        const auto source = static_cast<WideSource>(insn.src());
        const bool indexes =
            source == WideSource::map_index || source == WideSource::map_value_index;
        if (insn.opcode == kLoadWide && indexes && insn.imm >= 0) {
            count = std::max<std::uint64_t>(count, static_cast<std::uint64_t>(insn.imm) + 1);
        }
    }
    return std::min<std::uint64_t>(count, os::kMaxMessageFds);
}

// Values of maps that hold maps or programs are descriptors, alone or beside a number; a number
// that happens to be a descriptor travels too, and nobody asks for it.
void Marshaller::add_value_descriptors(const spec::PointerRow& row, std::uint64_t address,
                                       std::uint64_t bytes) {
    const bool writes = row.direction == Direction::in &&
                        (row.rule == LengthRule::value || row.rule == LengthRule::values);
    if (!writes) {
        return;
    }
    const std::uint32_t map_offset =
        row.rule == LengthRule::value ? row.count_offset : row.each_offset;
    const auto shape = shape_of_(field<std::int32_t>(map_offset));
    if (shape.ok() && holds_objects(shape->type)) {
        add_descriptors_at(address, bytes / 4);
    }
}

Result<std::uint64_t> Marshaller::length_of(const spec::PointerRow& row, std::uint64_t address) {
    const std::uint64_t count = field<std::uint32_t>(row.count_offset);
    switch (row.rule) {
    case LengthRule::bytes:
    case LengthRule::info:
        return count;
    case LengthRule::text: {
        const auto text = os::read_own_text(address, row.maximum_bytes);
        return text.ok() ? std::min<std::uint64_t>(text->size() + 1, row.maximum_bytes) : 0;
    }
    case LengthRule::records:
        return count * field<std::uint32_t>(row.each_offset);
    case LengthRule::records_of_4:
        return count * 4;
    case LengthRule::records_of_8:
        return count * 8;
    case LengthRule::descriptors:
        return 4 * (count != 0 ? count : indexed_descriptors());
    case LengthRule::key:
    case LengthRule::value:
    case LengthRule::keys:
    case LengthRule::values:
    case LengthRule::batch_cursor:
        break;
    }
    const bool one = row.rule == LengthRule::key || row.rule == LengthRule::value ||
                     row.rule == LengthRule::batch_cursor;
    const auto shape = shape_of_(field<std::int32_t>(one ? row.count_offset : row.each_offset));
    if (!shape.ok()) {
        return 0ULL; // no map: the engine says so
    }
    if (row.rule == LengthRule::batch_cursor) {
        return std::max<std::uint64_t>(4, shape->key_bytes);
    }
    const bool is_key = row.rule == LengthRule::key || row.rule == LengthRule::keys;
    return (one ? 1 : count) * (is_key ? shape->key_bytes : shape->value_bytes);
}

void Marshaller::add_segment(std::uint64_t address, Direction direction, std::uint64_t bytes) {
    syscall::Segment segment;
    segment.address = address;
    segment.writable_bytes = direction == Direction::in ? 0 : static_cast<std::uint32_t>(bytes);
    if (direction != Direction::out) {
        segment.content.resize(bytes);
        if (!os::read_own_memory(address, segment.content).ok()) {
            return;
        }
    }
    marshalled_.request.segments.push_back(std::move(segment));
}

// The record's own arrays. What kind of record it is does not matter: a wrong kind's rows read
// other numbers as addresses, and the engine, which knows the kind, will not write there.
void Marshaller::add_info_segments(std::uint64_t record, std::uint64_t bytes) {
    ByteVector content(std::min<std::uint64_t>(bytes, spec::kMaximumAttributeBytes));
    if (!os::read_own_memory(record, content).ok()) {
        return;
    }
    for (const spec::InfoPointerRow& row : spec::info_pointers()) {
        if (row.offset + 8 > content.size() || row.count_offset + 4 > content.size()) {
            continue;
        }
        std::uint64_t address = 0;
        std::uint32_t count = 0;
        std::memcpy(&address, content.data() + row.offset, sizeof address);
        std::memcpy(&count, content.data() + row.count_offset, sizeof count);
        constexpr std::uint64_t kMost = 16U << 20;
        const std::uint64_t room = std::min(std::uint64_t{count} * row.each_bytes, kMost);
        if (address != 0 && room != 0) {
            add_segment(address, Direction::out, room);
        }
    }
}

Result<void> Marshaller::add_pointer(const spec::PointerRow& row) {
    const auto address = field<std::uint64_t>(row.offset);
    if (address == 0) {
        return {};
    }
    std::uint64_t bytes = TRY(length_of(row, address));
    if (bytes > row.maximum_bytes) {
        if (row.direction != Direction::out) {
            return fail(Code::too_big, std::string(row.field) + " is longer than its maximum");
        }
        bytes = row.maximum_bytes;
    }
    add_segment(address, row.direction, bytes);
    if (row.rule == LengthRule::info) {
        add_info_segments(address, bytes);
    } else if (row.rule == LengthRule::descriptors) {
        add_descriptors_at(address, bytes / 4);
    } else if (row.command == Command::prog_load && row.rule == LengthRule::records_of_8 &&
               !marshalled_.request.segments.empty()) {
        add_insn_descriptors(marshalled_.request.segments.back().content);
    }
    add_value_descriptors(row, address, bytes);
    return {};
}

Result<Marshalled> Marshaller::marshal() {
    marshalled_.request.command = command_;
    marshalled_.request.attributes_address = address_;
    marshalled_.request.attributes_size = size_;
    if (size_ <= spec::kMaximumAttributeBytes) {
        add_segment(address_, Direction::in_out, size_);
    }
    if (spec::find_command(command_) == nullptr) {
        return std::move(marshalled_);
    }
    const auto command = static_cast<Command>(command_);
    for (const spec::DescriptorRow& row : spec::descriptors(command)) {
        const auto number = field<std::int32_t>(row.offset);
        if (row.when == spec::DescriptorWhen::always || number > 0) {
            add_descriptor(number);
        }
    }
    for (const spec::PointerRow& row : spec::pointers(command)) {
        TRY(add_pointer(row));
    }
    return std::move(marshalled_);
}

Result<void> apply_writes(const syscall::Request& request,
                          const std::vector<syscall::MemoryWrite>& writes) {
    for (const syscall::MemoryWrite& write : writes) {
        const bool allowed = std::any_of(
            request.segments.begin(), request.segments.end(), [&](const syscall::Segment& each) {
                return write.address >= each.address &&
                       write.address - each.address <= each.writable_bytes &&
                       write.content.size() <= each.writable_bytes - (write.address - each.address);
            });
        if (!allowed) {
            return fail(Code::invalid_input,
                        "the engine wants to write where the call did not allow it");
        }
        TRY(os::write_own_memory(write.address, write.content));
    }
    return {};
}

} // namespace skep::client
