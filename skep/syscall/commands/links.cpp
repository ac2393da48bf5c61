// SPDX-License-Identifier: Apache-2.0
//
// Links. On this engine a link is an XDP program at a port; the port's files are the client's to
// open. So LINK_CREATE checks what it was asked, then answers EREMOTE: the client opens the
// interface and asks again with the private command port_link (ports.cpp), which knows captures and
// TAPs too. UserTransport does this for its callers.
//
// The order of the checks is the running kernel's, found by asking it.
//
// Proved by: tests/abi/link_test.cpp.
#include <algorithm>
#include <cerrno>

#include "skep/spec/attach_types.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

using registry::LinkObject;
using registry::ProgramObject;

constexpr std::uint32_t kReplaceFlag = 1U << 2; // BPF_F_REPLACE
constexpr std::uint32_t kSkbMode = 1U << 1;     // XDP_FLAGS_*; any mode observes
constexpr std::uint32_t kDriverMode = 1U << 2;

std::uint32_t number_of(spec::AttachType type) { return static_cast<std::uint32_t>(type); }

// Whether the link's program still runs at its port: not after LINK_DETACH, nor when the port is
// gone.
bool is_attached(const Call& call, const LinkObject& link) {
    if (link.attachment == 0) {
        return false;
    }
    const auto all = call.engine.host.attachments();
    return std::any_of(all.begin(), all.end(), [&link](const AttachmentFacts& each) {
        return each.id == link.attachment && !each.state.starts_with("failed");
    });
}

} // namespace

Result<long> link_create(const SharedCall& call) {
    const auto attr = call->attr<abi::LinkCreateAttr>();
    const auto type = static_cast<spec::AttachType>(attr.attach_type);
    if (spec::find(type) == nullptr) {
        return answer(EINVAL, "no such attach type");
    }
    auto program = TRY(call->object_as<ProgramObject>(attr.prog_fd));
    const ProgramSpec& spec = program->program->spec();
    if ((spec.type == spec::ProgramType::xdp) != (type == spec::AttachType::xdp)) {
        return answer(EINVAL, "a program of this type is not attached so");
    }
    if (type != spec::AttachType::xdp) {
        return answer(EOPNOTSUPP, "skep's engine makes links of XDP programs alone");
    }
    const bool no_mode = attr.flags == 0 || attr.flags == kSkbMode || attr.flags == kDriverMode;
    const bool for_a_port =
        spec.expected_attach_type == 0 || spec.expected_attach_type == number_of(type);
    if (!no_mode || !for_a_port) {
        return answer(EINVAL, "unknown flags, or a program that was loaded for a map's entries");
    }
    return answer(EREMOTE, "the client opens the interface: port_link takes it");
}

Result<long> link_update(const SharedCall& call) {
    const auto attr = call->attr<abi::LinkUpdateAttr>();
    const bool names_old = (attr.flags & kReplaceFlag) != 0;
    if ((attr.flags & ~kReplaceFlag) != 0 || (!names_old && attr.old_prog_fd != 0)) {
        return answer(EINVAL, "unknown flags, or an old program without its flag");
    }
    auto link = TRY(call->object_as<LinkObject>(attr.link_fd));
    auto program = TRY(call->object_as<ProgramObject>(attr.new_prog_fd));
    std::shared_ptr<ProgramObject> old = link->program;
    if (names_old) {
        old = TRY(call->object_as<ProgramObject>(attr.old_prog_fd));
    }
    if (!is_attached(*call, *link)) {
        return answer(ENOLINK, "the link is detached");
    }
    if (old != link->program) {
        return answer(EPERM, "the link has another program");
    }
    const ProgramSpec& before = link->program->program->spec();
    const ProgramSpec& after = program->program->spec();
    if (before.type != after.type || before.expected_attach_type != after.expected_attach_type) {
        return answer(EINVAL, "the program is of another type, or for another attach type, than "
                              "the link's");
    }
    TRY(call->engine.host.exchange(link->attachment, program));
    link->program = std::move(program);
    call->objects().collect();
    return 0L;
}

Result<long> link_detach(const SharedCall& call) {
    auto link = TRY(call->object_as<LinkObject>(call->attr<abi::FdAttr>().fd));
    if (link->attachment != 0) {
        call->engine.host.detach(link->attachment);
        link->attachment = 0;
    }
    return 0L;
}

Result<long> link_info(Call& call, const LinkObject& object, InfoRecord record) {
    TRY(record.read<abi::LinkInfo>(call));
    abi::LinkInfo info{};
    info.type = object.type;
    info.id = object.id();
    info.prog_id = object.program == nullptr ? 0 : object.program->id();
    info.kind[0] = is_attached(call, object) ? object.ifindex : 0;
    return record.write(call, info);
}

} // namespace skep::syscall
