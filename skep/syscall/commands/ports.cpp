// SPDX-License-Identifier: Apache-2.0
//
// skep's own commands: programs at ports.
//
// The client opened what the port consists of; here a program is put to work on it. One program at
// a port: another one is refused unless it is meant to replace the first. What a link attached
// (port_link; LINK_CREATE comes to the same) stays until the link goes or is detached.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/link_types.hpp"
#include "skep/spec/private/private_abi.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

constexpr std::size_t kLongestName = 8192;

// A program at a port of a network namespace; captures are the same everywhere. Links that nobody
// holds any more hold no port either.
std::optional<AttachmentFacts> attachment_at(Call& call, const datapath::PortSpec& port) {
    call.objects().collect();
    const std::string& name = port.name;
    for (AttachmentFacts& each : call.engine.host.attachments()) {
        const bool same_place = each.port.kind == datapath::PortKind::capture ||
                                each.port.network_namespace == port.network_namespace;
        // "pcap:IN" also means "pcap:IN,OUT": one program replays a capture, wherever it goes.
        const bool same_name = each.port.name == name || each.port.name.starts_with(name + ",") ||
                               name.starts_with(each.port.name + ",");
        if (same_name && same_place) {
            return std::move(each);
        }
    }
    return std::nullopt;
}

Error busy_with(const AttachmentFacts& there, const char* advice) {
    return answer(EBUSY, there.port.name + " has program " + std::to_string(there.program_id) +
                             " attached" + advice);
}

// What a link attached only the link detaches.
Result<void> check_no_link(const Call& call, const AttachmentFacts& there) {
    for (const auto& object : call.objects().all(registry::ObjectKind::link)) {
        if (static_cast<const registry::LinkObject&>(*object).attachment == there.id) {
            return answer(EBUSY, "Can't replace active BPF XDP link: link " +
                                     std::to_string(object->id()) + " holds " + there.port.name +
                                     "; see: skep link detach");
        }
    }
    return {};
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

Result<std::uint32_t> start(const Call& call, datapath::OpenedPort port,
                            const std::shared_ptr<registry::ProgramObject>& program) {
    if (port.files.empty()) {
        return answer(EINVAL, "a port needs its files");
    }
    return call.engine.host.attach(std::move(port), program);
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
    record.no_redirect_target = facts.no_redirect_target;
    record.name_bytes = static_cast<std::uint32_t>(facts.port.name.size());
    record.state_bytes = static_cast<std::uint32_t>(facts.state.size());
    append(records, &record, sizeof record);
    append(records, facts.port.name.data(), facts.port.name.size());
    append(records, facts.state.data(), facts.state.size());
}

} // namespace

Result<long> port_attach(const SharedCall& call) {
    const auto attr = call->attr<abi::PortAttachAttr>();
    auto program = TRY(call->object_as<registry::ProgramObject>(attr.prog_fd));
    datapath::OpenedPort port = TRY(take_port(*call, attr));
    TRY(check_program(*program, port.spec.name));
    Host& host = call->engine.host;
    if (const auto there = attachment_at(*call, port.spec)) {
        TRY(check_no_link(*call, *there));
        // Without files the caller only wants the program exchanged.
        if ((attr.flags & abi::kPortReplace) == 0) {
            return busy_with(*there, "; detach it, or attach with: overwrite");
        }
        // A replay that came to its end starts again; what is still running goes on with the new
        // program.
        if (there->state == "running") {
            TRY(host.exchange(there->id, program));
            return 0L;
        }
        host.detach(there->id);
    }
    TRY(start(*call, std::move(port), program));
    return 0L;
}

Result<long> port_link(const SharedCall& call) {
    const auto attr = call->attr<abi::PortAttachAttr>();
    auto program = TRY(call->object_as<registry::ProgramObject>(attr.prog_fd));
    datapath::OpenedPort port = TRY(take_port(*call, attr));
    TRY(check_program(*program, port.spec.name));
    if ((attr.flags & abi::kPortReplace) != 0) {
        return answer(EINVAL, "a link replaces nothing");
    }
    if (const auto there = attachment_at(*call, port.spec)) {
        return busy_with(*there, "");
    }
    auto link = std::make_shared<registry::LinkObject>();
    link->type = static_cast<std::uint32_t>(spec::LinkType::xdp);
    link->program = program;
    const datapath::PortSpec spec = port.spec;
    link->attachment = TRY(start(*call, std::move(port), program));
    link->ifindex = spec.kind == datapath::PortKind::capture
                        ? datapath::kFirstCaptureNumber + link->attachment
                        : spec.ifindex;
    Result<long> opened =
        call->objects().add(link).ok() ? call->open(*link) : answer(ENOSPC, "no id for the link");
    if (!opened.ok()) { // nobody would ever hold it
        call->engine.host.detach(std::exchange(link->attachment, 0));
    }
    return opened;
}

Result<long> port_detach(const SharedCall& call) {
    const auto attr = call->attr<abi::PortDetachAttr>();
    datapath::PortSpec port;
    port.name = TRY(call->caller->read_text(attr.name, kLongestName));
    port.network_namespace = attr.network_namespace;
    const auto there = attachment_at(*call, port);
    if (!there) {
        return answer(ENOENT, "no program is attached to " + port.name);
    }
    TRY(check_no_link(*call, *there));
    call->engine.host.detach(there->id);
    call->objects().collect();
    return 0L;
}

Result<long> port_list(const SharedCall& call) {
    const auto attr = call->attr<abi::PortListAttr>();
    ByteVector records;
    call->objects().collect(); // what a link held that nobody holds any more is not there
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

} // namespace skep::syscall
