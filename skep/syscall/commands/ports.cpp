// SPDX-License-Identifier: Apache-2.0
//
// skep's own commands: programs at ports, the trace stream, facts about the engine and its objects.
//
// The client opened what the port consists of; here a program is put to work on it. One program at
// a port: another one is refused unless it is meant to replace the first.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "skep/os/machine.hpp"
#include "skep/spec/attach_types.hpp"
#include "skep/spec/private/private_abi.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

constexpr std::size_t kLongestName = 8192;

// A program at a port of a network namespace; captures are the same everywhere.
std::optional<AttachmentFacts> attachment_at(Host& host, const std::string& name,
                                             std::uint64_t network_namespace) {
    for (AttachmentFacts& each : host.attachments()) {
        const bool same_place = each.port.kind == datapath::PortKind::capture ||
                                each.port.network_namespace == network_namespace;
        // "pcap:IN" also means "pcap:IN,OUT": one program replays a capture, wherever it goes.
        const bool same_name = each.port.name == name || each.port.name.starts_with(name + ",") ||
                               name.starts_with(each.port.name + ",");
        if (same_name && same_place) {
            return std::move(each);
        }
    }
    return std::nullopt;
}

std::string type_word(const registry::ProgramObject& program) {
    const auto* row = spec::find(program.program->spec().type);
    return row == nullptr ? "unknown" : std::string(row->name);
}

Result<void> check_program(const registry::ProgramObject& program, const std::string& port) {
    if (program.program->spec().type != spec::ProgramType::xdp) {
        return answer(EINVAL, "program " + std::to_string(program.id()) + " is of type " +
                                  type_word(program) + "; " + port + " takes programs of type xdp");
    }
    const std::uint32_t attach_type = program.program->spec().expected_attach_type;
    const bool for_a_port =
        attach_type == 0 || attach_type == static_cast<std::uint32_t>(spec::AttachType::xdp);
    if (!for_a_port) {
        return answer(EINVAL, "the program was loaded for a device map or CPU map, not for a port");
    }
    return {};
}

Result<datapath::OpenedPort> take_port(const Call& call, const abi::PortAttachAttr& attr) {
    constexpr auto kLastKind = static_cast<std::uint32_t>(datapath::PortKind::observe);
    const bool is_capture = attr.kind == static_cast<std::uint32_t>(datapath::PortKind::capture);
    const std::uint32_t most_files = is_capture ? abi::kPortFiles : 1;
    if (attr.kind > kLastKind || attr.file_count > most_files) {
        return answer(EINVAL, "no such kind of port, or not the files that it needs");
    }
    datapath::OpenedPort port;
    port.spec.kind = static_cast<datapath::PortKind>(attr.kind);
    port.spec.name = TRY(call.caller->read_text(attr.name, kLongestName));
    port.spec.ifindex = attr.ifindex;
    port.spec.network_namespace = attr.network_namespace;
    port.spec.out_is_pcapng = (attr.flags & abi::kPortOutIsPcapng) != 0;
    for (std::uint32_t i = 0; i < attr.file_count; ++i) {
        const int fd = TRY(call.caller->descriptor(attr.files[i]));
        port.files.push_back(TRY(os::duplicate(fd)));
    }
    return port;
}

void append(ByteVector& bytes, const void* from, std::size_t size) {
    const auto* first = static_cast<const std::uint8_t*>(from);
    bytes.insert(bytes.end(), first, first + size);
}

void append_record(ByteVector& records, const AttachmentFacts& facts) {
    abi::PortRecord record{};
    record.id = facts.id;
    record.kind = static_cast<std::uint32_t>(facts.port.kind);
    record.ifindex = facts.port.ifindex;
    record.prog_id = facts.program_id;
    record.network_namespace = facts.port.network_namespace;
    for (std::size_t i = 0; i < std::size(record.verdicts) && i < facts.verdicts.size(); ++i) {
        record.verdicts[i] = facts.verdicts[i];
    }
    record.name_bytes = static_cast<std::uint32_t>(facts.port.name.size());
    record.state_bytes = static_cast<std::uint32_t>(facts.state.size());
    append(records, &record, sizeof record);
    append(records, facts.port.name.data(), facts.port.name.size());
    append(records, facts.state.data(), facts.state.size());
}

// A text with its zero into a buffer of the caller.
Result<void> put_text(Call& call, std::uint64_t address, std::uint32_t room,
                      const std::string& text) {
    if (room == 0) {
        return {};
    }
    if (text.size() + 1 > room) {
        return answer(ENOSPC, "the text needs " + std::to_string(text.size() + 1) + " bytes");
    }
    ByteVector bytes(text.begin(), text.end());
    bytes.push_back(0);
    return call.caller->write(address, bytes);
}

} // namespace

Result<long> port_attach(const SharedCall& call) {
    const auto attr = call->attr<abi::PortAttachAttr>();
    auto program = TRY(call->object_as<registry::ProgramObject>(attr.prog_fd));
    datapath::OpenedPort port = TRY(take_port(*call, attr));
    TRY(check_program(*program, port.spec.name));
    Host& host = call->engine.host;
    const auto there = attachment_at(host, port.spec.name, port.spec.network_namespace);
    if (there) {
        // Without files the caller only wants the program exchanged.
        if ((attr.flags & abi::kPortReplace) == 0) {
            return answer(EBUSY, port.spec.name + " has program " +
                                     std::to_string(there->program_id) +
                                     " attached; detach it, or attach with: overwrite");
        }
        // A replay that came to its end starts again; what is still running goes on with the new
        // program.
        if (there->state == "running") {
            TRY(host.exchange(there->id, program));
            return 0L;
        }
        host.detach(there->id);
    }
    if (port.files.empty()) {
        return answer(EINVAL, "a port needs its files");
    }
    TRY(host.attach(std::move(port), program));
    return 0L;
}

Result<long> port_detach(const SharedCall& call) {
    const auto attr = call->attr<abi::PortDetachAttr>();
    const std::string name = TRY(call->caller->read_text(attr.name, kLongestName));
    const auto there = attachment_at(call->engine.host, name, attr.network_namespace);
    if (!there) {
        return answer(ENOENT, "no program is attached to " + name);
    }
    call->engine.host.detach(there->id);
    call->objects().collect();
    return 0L;
}

Result<long> port_list(const SharedCall& call) {
    const auto attr = call->attr<abi::PortListAttr>();
    ByteVector records;
    for (const AttachmentFacts& facts : call->engine.host.attachments()) {
        append_record(records, facts);
    }
    const auto needed = static_cast<std::uint32_t>(records.size());
    TRY(call->put(offsetof(abi::PortListAttr, needed), needed));
    if (attr.size < needed) {
        return answer(ENOSPC, "the records need " + std::to_string(needed) + " bytes");
    }
    TRY(call->caller->write(attr.records, records));
    return 0L;
}

Result<long> trace_open(const SharedCall& call) {
    if (call->attr<abi::TraceOpenAttr>().flags != 0) {
        return answer(EINVAL, "unknown flags");
    }
    return call->caller->give(TRY(call->engine.host.trace_ring()));
}

Result<long> engine_facts(const SharedCall& call) {
    const auto attr = call->attr<abi::EngineFactsAttr>();
    TRY(put_text(*call, attr.pin_directory, attr.size, call->engine.pin_directory));
    TRY(call->put(offsetof(abi::EngineFactsAttr, cpu_count), call->engine.cpu_count));
    TRY(call->put(offsetof(abi::EngineFactsAttr, pid), os::process_id()));
    return 0L;
}

Result<long> object_facts(const SharedCall& call) {
    const auto attr = call->attr<abi::ObjectFactsAttr>();
    auto object = TRY(call->object(attr.fd));
    std::uint64_t memlock = 0;
    bool frozen = false;
    if (object->kind() == registry::ObjectKind::map) {
        const auto& map = static_cast<const registry::MapObject&>(*object);
        memlock = map.map->memory_bytes();
        frozen = map.frozen;
    } else if (object->kind() == registry::ObjectKind::program) {
        const auto& program = static_cast<const registry::ProgramObject&>(*object);
        constexpr std::uint64_t kPage = 4096;
        constexpr std::uint64_t kProgramHeader = 64;
        const std::uint64_t bytes =
            kProgramHeader + program.program->insns().size() * sizeof(RawInsn);
        memlock = (bytes + kPage - 1) / kPage * kPage;
    }
    TRY(call->put(offsetof(abi::ObjectFactsAttr, memlock), memlock));
    TRY(call->put(offsetof(abi::ObjectFactsAttr, frozen), std::uint32_t{frozen ? 1U : 0U}));
    return 0L;
}

} // namespace skep::syscall
