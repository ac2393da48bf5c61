// SPDX-License-Identifier: Apache-2.0
//
// Links. On this engine a link is an XDP program at an interface that it observes: the port's files
// are opened by whoever calls (Caller), as for ports.
#include <algorithm>
#include <cerrno>

#include "skep/spec/attach_types.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

using registry::LinkObject;
using registry::ProgramObject;

constexpr std::uint32_t kReplaceFlag = 1U << 2; // BPF_F_REPLACE

} // namespace

Result<long> link_create(const SharedCall& call) {
    const auto attr = call->attr<abi::LinkCreateAttr>();
    const auto type = static_cast<spec::AttachType>(attr.attach_type);
    if (spec::find(type) == nullptr) {
        return answer(EINVAL, "no such attach type");
    }
    auto program = TRY(call->object_as<ProgramObject>(attr.prog_fd));
    return answer(EOPNOTSUPP,
                  "skep's engine has no links yet; attach XDP programs with: skep net attach");
}

Result<long> link_update(const SharedCall& call) {
    const auto attr = call->attr<abi::LinkUpdateAttr>();
    if ((attr.flags & ~kReplaceFlag) != 0 ||
        ((attr.flags & kReplaceFlag) == 0 && attr.old_prog_fd != 0)) {
        return answer(EINVAL, "unknown flags, or an old program without its flag");
    }
    auto link = TRY(call->object_as<LinkObject>(attr.link_fd));
    auto program = TRY(call->object_as<ProgramObject>(attr.new_prog_fd));
    if ((attr.flags & kReplaceFlag) != 0 &&
        TRY(call->object_as<ProgramObject>(attr.old_prog_fd)) != link->program) {
        return answer(EPERM, "the link has another program");
    }
    if (link->attachment == 0) {
        return answer(ENOLINK, "the link is detached");
    }
    TRY(call->engine.host.exchange(link->attachment, program));
    link->program = std::move(program);
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

// Nothing but XDP is attached by this engine, and XDP is asked for otherwise: so every place that
// can be asked about is empty.
Result<long> prog_query(const SharedCall& call) {
    const auto attr = call->attr<abi::ProgQueryAttr>();
    if (spec::find(static_cast<spec::AttachType>(attr.attach_type)) == nullptr ||
        (attr.query_flags & ~1U) != 0) {
        return answer(EINVAL, "no such attach type, or unknown flags");
    }
    TRY(call->put(offsetof(abi::ProgQueryAttr, attach_flags), std::uint32_t{0}));
    TRY(call->put(offsetof(abi::ProgQueryAttr, count), std::uint32_t{0}));
    return 0L;
}

} // namespace skep::syscall
