// SPDX-License-Identifier: Apache-2.0
//
// PROG_QUERY: which programs are at a place. On this engine programs are attached to ports alone,
// and those are asked for otherwise, as XDP is in the kernel (which answers EINVAL here too): so a
// place that exists is empty, and what matters is what counts as a place. Found by asking the
// running kernel.
//
//   control group   a descriptor of a directory of cgroup2, else EBADF
//   namespace       a descriptor of a network namespace, else EINVAL
//   socket map      a descriptor of a map; one of another type is EOPNOTSUPP
//   tcx             the number of an interface, else ENODEV; looked for where the engine lives
//
// Proved by: tests/abi/link_test.cpp.
#include <array>
#include <cerrno>

#include "skep/os/net/namespaces.hpp"
#include "skep/os/net/net_device.hpp"
#include "skep/spec/attach_types.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

using spec::AttachType;

constexpr std::uint32_t kEffective = 1; // BPF_F_QUERY_EFFECTIVE
constexpr std::uint64_t kFirstRevision = 1;

Result<void> empty(Call& call) {
    TRY(call.put(offsetof(abi::ProgQueryAttr, attach_flags), std::uint32_t{0}));
    return call.put(offsetof(abi::ProgQueryAttr, count), std::uint32_t{0});
}

Error no_flags() { return answer(EINVAL, "flags are not for this place"); }

Result<void> query_namespace(Call& call, const abi::ProgQueryAttr& attr) {
    if (attr.query_flags != 0) {
        return no_flags();
    }
    const int fd = TRY(call.caller->descriptor(attr.target_fd));
    if (!os::is_network_namespace(fd)) {
        return answer(EINVAL, "the descriptor is no network namespace");
    }
    return empty(call);
}

Result<void> query_socket_map(Call& call, const abi::ProgQueryAttr& attr) {
    if (attr.query_flags != 0) {
        return no_flags();
    }
    TRY(call.object_as<registry::MapObject>(attr.target_fd));
    TRY(empty(call));
    return answer(EOPNOTSUPP, "maps of this type hold no sockets");
}

Result<void> query_tcx(Call& call, const abi::ProgQueryAttr& attr) {
    if (!os::interface_name(attr.target_fd).ok()) {
        return answer(ENODEV, "no such interface");
    }
    if (attr.query_flags != 0) {
        return no_flags();
    }
    TRY(empty(call));
    return call.put(offsetof(abi::ProgQueryAttr, revision), kFirstRevision);
}

Result<void> query_control_group(Call& call, const abi::ProgQueryAttr& attr) {
    const auto fd = call.caller->descriptor(attr.target_fd);
    if (!fd.ok() || !os::is_control_group(*fd)) {
        return answer(EBADF, "the descriptor is no control group");
    }
    return empty(call);
}

using Query = Result<void> (*)(Call&, const abi::ProgQueryAttr&);

struct QueryRow {
    spec::LinkType link; // of the attach type
    Query query;
};
constexpr std::array kQueries{
    QueryRow{spec::LinkType::cgroup, query_control_group},
    QueryRow{spec::LinkType::netns, query_namespace},
    QueryRow{spec::LinkType::sockmap, query_socket_map},
    QueryRow{spec::LinkType::tcx, query_tcx},
};

Query query_for(AttachType type) {
    const auto* row = spec::find(type);
    for (const QueryRow& each : kQueries) {
        if (row != nullptr && each.link == row->link) {
            return each.query;
        }
    }
    return nullptr;
}

} // namespace

Result<long> prog_query(const SharedCall& call) {
    const auto attr = call->attr<abi::ProgQueryAttr>();
    const Query query = query_for(static_cast<AttachType>(attr.attach_type));
    if (query == nullptr || (attr.query_flags & ~kEffective) != 0) {
        return answer(EINVAL, "programs of this attach type are not asked for so, or unknown "
                              "flags; XDP programs are listed by: skep net list");
    }
    TRY(query(*call, attr));
    return 0L;
}

} // namespace skep::syscall
