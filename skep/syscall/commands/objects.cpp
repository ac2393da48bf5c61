// SPDX-License-Identifier: Apache-2.0
//
// Pins and ids: OBJ_PIN, OBJ_GET, and for each kind GET_NEXT_ID and GET_FD_BY_ID.
#include <algorithm>
#include <array>
#include <cerrno>

#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

using registry::ObjectKind;
using spec::Command;

constexpr std::uint32_t kReadOnly = spec::kMapReadOnly;
constexpr std::uint32_t kWriteOnly = spec::kMapWriteOnly;
constexpr std::uint32_t kPathFd = spec::kMapPathFd;
constexpr std::size_t kLongestPath = 4096;

struct KindRow {
    Command next;
    Command open;
    ObjectKind kind;
};
constexpr std::array kKinds{
    KindRow{Command::prog_get_next_id, Command::prog_get_fd_by_id, ObjectKind::program},
    KindRow{Command::map_get_next_id, Command::map_get_fd_by_id, ObjectKind::map},
    KindRow{Command::btf_get_next_id, Command::btf_get_fd_by_id, ObjectKind::btf},
    KindRow{Command::link_get_next_id, Command::link_get_fd_by_id, ObjectKind::link},
};

ObjectKind kind_of(std::uint32_t command) {
    const auto* row = std::find_if(kKinds.begin(), kKinds.end(), [command](const KindRow& each) {
        return static_cast<std::uint32_t>(each.next) == command ||
               static_cast<std::uint32_t>(each.open) == command;
    });
    SKEP_ASSERT(row != kKinds.end());
    return row->kind;
}

Result<os::Access> access_for(std::uint32_t flags) {
    if ((flags & ~(kReadOnly | kWriteOnly)) != 0 || flags == (kReadOnly | kWriteOnly)) {
        return answer(EINVAL, "unknown or contradictory flags");
    }
    return flags == kReadOnly    ? os::Access::read_only
           : flags == kWriteOnly ? os::Access::write_only
                                 : os::Access::read_write;
}

// A map that was made read-only (or write-only) for user space does not become more by an id or a
// pin.
os::Access narrowed(const registry::Object& object, os::Access wanted) {
    if (object.kind() != ObjectKind::map || wanted != os::Access::read_write) {
        return wanted;
    }
    const std::uint32_t flags = static_cast<const registry::MapObject&>(object).flags;
    return (flags & kReadOnly) != 0    ? os::Access::read_only
           : (flags & kWriteOnly) != 0 ? os::Access::write_only
                                       : wanted;
}

Result<void> check_path_flags(std::uint32_t flags, std::int32_t path_fd) {
    if ((flags & kPathFd) != 0) {
        return answer(EOPNOTSUPP, "paths relative to a descriptor are not supported");
    }
    if (path_fd != 0) {
        return answer(EINVAL, "path_fd without its flag");
    }
    return {};
}

Error stale_pin(const std::string& path) {
    return answer(ESTALE, path + " is a stale pin: its object ended with the engine that held it; "
                                 "remove the file");
}

// Nothing is pinned over what is there. A stale pin is told, since it looks like a living one.
Error could_not_pin(const Call& call, const std::string& path, const Error& why) {
    const auto there = why.os_errno == EEXIST ? call.caller->open_pin(path) : Result<os::Fd>(why);
    const bool is_stale =
        there.ok() && call.objects().pinned_by(*there).state == registry::PinState::stale;
    return is_stale ? answer(EEXIST, stale_pin(path).message) : why;
}

} // namespace

Result<long> obj_pin(const SharedCall& call) {
    const auto attr = call->attr<abi::ObjAttr>();
    if ((attr.file_flags & ~kPathFd) != 0) {
        return answer(EINVAL, "pinning takes no flags");
    }
    TRY(check_path_flags(attr.file_flags, attr.path_fd));
    auto object = call->object(attr.bpf_fd);
    if (!object.ok() || (*object)->kind() == ObjectKind::btf) {
        return answer(EINVAL, "the descriptor is no program, map or link");
    }
    const std::string path = TRY(call->caller->read_text(attr.pathname, kLongestPath));
    Result<os::Fd> file = call->caller->create_pin(path);
    if (!file.ok()) {
        return could_not_pin(*call, path, file.error());
    }
    const Result<void> pinned = call->objects().pin(std::move(file).value(), *object);
    if (!pinned.ok()) {
        call->caller->discard_pin(path);
        return pinned.error();
    }
    return 0L;
}

Result<long> obj_get(const SharedCall& call) {
    const auto attr = call->attr<abi::ObjAttr>();
    if (attr.bpf_fd != 0) {
        return answer(EINVAL, "bpf_fd is not for this command");
    }
    const os::Access access = TRY(access_for(attr.file_flags & ~kPathFd));
    TRY(check_path_flags(attr.file_flags, attr.path_fd));
    const std::string path = TRY(call->caller->read_text(attr.pathname, kLongestPath));
    const os::Fd file = TRY(call->caller->open_pin(path));
    const registry::PinnedObject pinned = call->objects().pinned_by(file);
    if (pinned.state == registry::PinState::stale) {
        return stale_pin(path);
    }
    if (pinned.state == registry::PinState::foreign) {
        return answer(EACCES, path + " is not a pin");
    }
    const bool has_access = pinned.object->kind() == ObjectKind::map;
    if (!has_access && access != os::Access::read_write) {
        return answer(EINVAL, "only maps are opened for reading or writing alone");
    }
    return call->open(*pinned.object, narrowed(*pinned.object, access));
}

Result<long> next_id(const SharedCall& call) {
    const auto attr = call->attr<abi::IdAttr>();
    if (attr.id >= static_cast<std::uint32_t>(INT32_MAX)) {
        return answer(EINVAL, "no id is that large");
    }
    const auto next = call->objects().next_id(kind_of(call->command), attr.id);
    if (!next) {
        return answer(ENOENT, "no id comes after this one");
    }
    if (call->attributes_size < offsetof(abi::IdAttr, next_id) + sizeof *next) {
        return 0L;
    }
    TRY(call->put(offsetof(abi::IdAttr, next_id), *next));
    return 0L;
}

Result<long> descriptor_by_id(const SharedCall& call) {
    const auto attr = call->attr<abi::IdAttr>();
    const ObjectKind kind = kind_of(call->command);
    const os::Access access =
        kind == ObjectKind::map ? TRY(access_for(attr.open_flags)) : os::Access::read_write;
    if (kind == ObjectKind::btf && attr.open_flags != 0) {
        return answer(EINVAL, "flags are not for types");
    }
    auto object = call->objects().find(kind, attr.id);
    if (object == nullptr) {
        return answer(ENOENT, "no object has this id");
    }
    return call->open(*object, narrowed(*object, access));
}

} // namespace skep::syscall
