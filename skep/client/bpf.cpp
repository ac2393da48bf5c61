// SPDX-License-Identifier: Apache-2.0
//
// Requests about objects, types, maps and attachments; those about programs are in bpf_program.cpp.
#include "skep/client/bpf.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "skep/client/bpf_call.hpp"
#include "skep/os/files.hpp"
#include "skep/os/kernel/bpf_syscall.hpp"
#include "skep/os/machine.hpp"

namespace skep::client {

using spec::Command;

namespace {

constexpr std::uint32_t kMaxObjects = 1U << 20; // ids of one kind, in a list
constexpr std::uint32_t kMaxBtfBytes = 64U << 20;

Command next_command(ObjectKind kind) {
    switch (kind) {
    case ObjectKind::program:
        return Command::prog_get_next_id;
    case ObjectKind::map:
        return Command::map_get_next_id;
    case ObjectKind::btf:
        return Command::btf_get_next_id;
    case ObjectKind::link:
        break;
    }
    return Command::link_get_next_id;
}

std::string_view word_for(ObjectKind kind) {
    switch (kind) {
    case ObjectKind::program:
        return "program";
    case ObjectKind::map:
        return "map";
    case ObjectKind::btf:
        return "BTF object";
    case ObjectKind::link:
        break;
    }
    return "link";
}

Command open_command(ObjectKind kind) {
    switch (kind) {
    case ObjectKind::program:
        return Command::prog_get_fd_by_id;
    case ObjectKind::map:
        return Command::map_get_fd_by_id;
    case ObjectKind::btf:
        return Command::btf_get_fd_by_id;
    case ObjectKind::link:
        break;
    }
    return Command::link_get_fd_by_id;
}

// What a process without it may lack; the kernel takes CAP_SYS_ADMIN for any of them.
std::vector<os::Capability> wanted_by(Command command) {
    const spec::CommandRow* row = spec::find_command(static_cast<std::uint32_t>(command));
    switch (row == nullptr ? spec::CommandCapability::none : row->capability) {
    case spec::CommandCapability::sys_admin:
        return {os::Capability::sys_admin};
    case spec::CommandCapability::net_admin:
        return {os::Capability::net_admin};
    case spec::CommandCapability::bpf:
        return {os::Capability::bpf};
    case spec::CommandCapability::by_type:
        return {os::Capability::bpf, os::Capability::net_admin, os::Capability::perfmon};
    case spec::CommandCapability::none:
        break;
    }
    return {os::Capability::bpf};
}

std::string advice(Transport& engine, Command command, int os_errno) {
    if (engine.engine() != EngineKind::kernel || os_errno != EPERM) {
        return {};
    }
    std::string missing;
    for (const os::Capability capability : wanted_by(command)) {
        if (!os::has_capability(capability)) {
            missing += (missing.empty() ? "" : ", ") + std::string(os::name_of(capability));
        }
    }
    if (missing.empty() || os::has_capability(os::Capability::sys_admin)) {
        return "\nthis process has the privileges that the kernel asks for: a frozen object, or a "
               "filter around "
               "this process (a container's) may be the cause";
    }
    return fmt::format("\nthe kernel engine needs {} here; --engine user needs no privilege",
                       missing);
}

} // namespace

Error refused(Transport& engine, Command command, long answer, std::string_view what) {
    const int os_errno = static_cast<int>(-answer);
    Error error = error_from_errno(os_errno, what);
    if (what.empty() && error.message.starts_with(": ")) {
        error.message.erase(0, 2);
    }
    error.message += advice(engine, command, os_errno);
    // The user engine says more than a number.
    if (const std::string why = engine.last_message();
        error.message.find(why) == std::string::npos) {
        error.message += "\n" + why;
    }
    return error;
}

Result<std::optional<std::uint32_t>> next_id(Transport& engine, ObjectKind kind,
                                             std::uint32_t after) {
    abi::IdAttr attr = {};
    attr.id = after;
    const Command command = next_command(kind);
    const long answer = call(engine, command, attr);
    if (answer == -ENOENT) {
        return std::optional<std::uint32_t>();
    }
    if (answer < 0) {
        return refused(engine, command, answer, fmt::format("can't get next {}", word_for(kind)));
    }
    return std::optional(attr.next_id);
}

Result<std::vector<std::uint32_t>> all_ids(Transport& engine, ObjectKind kind) {
    std::vector<std::uint32_t> ids;
    for (std::uint32_t id = 0; ids.size() < kMaxObjects;) {
        const std::optional<std::uint32_t> next = TRY(next_id(engine, kind, id));
        if (!next.has_value() || *next <= id) {
            break;
        }
        id = *next;
        ids.push_back(id);
    }
    return ids;
}

Result<os::Fd> open_id(Transport& engine, ObjectKind kind, std::uint32_t id) {
    abi::IdAttr attr = {};
    attr.id = id;
    const Command command = open_command(kind);
    const long answer = call(engine, command, attr);
    if (answer < 0) {
        return refused(engine, command, answer, fmt::format("get by id ({})", id));
    }
    return os::Fd(static_cast<int>(answer));
}

Result<void> pin(Transport& engine, int fd, const std::string& path) {
    abi::ObjAttr attr = {};
    attr.pathname = address_of(path.c_str());
    attr.bpf_fd = static_cast<std::uint32_t>(fd);
    const long answer = call(engine, Command::obj_pin, attr);
    if (answer < 0) {
        return refused(engine, Command::obj_pin, answer,
                       fmt::format("can't pin the object ({})", path));
    }
    return {};
}

Result<os::Fd> open_pin(Transport& engine, const std::string& path) {
    abi::ObjAttr attr = {};
    attr.pathname = address_of(path.c_str());
    const long answer = call(engine, Command::obj_get, attr);
    if (answer < 0) {
        return refused(engine, Command::obj_get, answer, fmt::format("bpf obj get ({})", path));
    }
    return os::Fd(static_cast<int>(answer));
}

Result<std::optional<ObjectKind>> kind_of(int fd) {
    const std::string name = TRY(os::link_target(fmt::format("/proc/self/fd/{}", fd)));
    const auto has = [&](std::string_view part) { return name.find(part) != std::string::npos; };
    if (has("bpf-map")) {
        return std::optional(ObjectKind::map);
    }
    if (has("bpf-prog")) {
        return std::optional(ObjectKind::program);
    }
    if (has("bpf-link") || has("bpf_link")) {
        return std::optional(ObjectKind::link);
    }
    return has("btf") ? std::optional(ObjectKind::btf) : std::optional<ObjectKind>();
}

namespace {

// Why an engine refuses types: the last line of its log, which tells them all on the way there.
std::string reason_of_refused_btf(Transport& engine, abi::BtfLoadAttr attr) {
    constexpr std::uint32_t kLogBytes = 1U << 20;
    std::string log(kLogBytes, '\0');
    attr.btf_log_level = 1;
    attr.btf_log_buf = address_of(log.data());
    attr.btf_log_size = kLogBytes;
    if (const long answer = call(engine, Command::btf_load, attr); answer >= 0) {
        const os::Fd not_expected(static_cast<int>(answer));
        return {};
    }
    log.resize(std::string_view(log.c_str()).size());
    const std::size_t last = log.find_last_not_of(" \n\t");
    log.resize(last == std::string::npos ? 0 : last + 1);
    const std::size_t before = log.find_last_of('\n');
    const std::size_t first =
        log.find_first_not_of(" \t", before == std::string::npos ? 0 : before + 1);
    return first == std::string::npos ? std::string() : log.substr(first);
}

} // namespace

Result<os::Fd> load_btf(Transport& engine, Bytes btf) {
    abi::BtfLoadAttr attr = {};
    attr.btf = address_of(btf.data());
    attr.btf_size = static_cast<std::uint32_t>(btf.size());
    const long answer = call(engine, Command::btf_load, attr);
    if (answer < 0) {
        Error error = refused(engine, Command::btf_load, answer, "loading the types");
        const std::string reason = reason_of_refused_btf(engine, attr);
        if (!reason.empty() && error.message.find(reason) == std::string::npos) {
            error.message += ": " + reason;
        }
        return error;
    }
    return os::Fd(static_cast<int>(answer));
}

Result<BtfRecord> info_of_btf(Transport& engine, int fd, BtfBytes bytes) {
    std::array<char, 256> name{};
    BtfRecord record;
    abi::BtfInfo info = {};
    info.name = address_of(name.data());
    info.name_len = static_cast<std::uint32_t>(name.size());
    TRY(fill_info(engine, fd, info, "can't get object info"));
    if (bytes == BtfBytes::fetch) {
        if (info.btf_size > kMaxBtfBytes) {
            return fail(Code::too_big, fmt::format("the types take {} bytes", info.btf_size));
        }
        record.bytes.resize(info.btf_size);
        info = {};
        info.btf = address_of(record.bytes.data());
        info.btf_size = static_cast<std::uint32_t>(record.bytes.size());
        info.name = address_of(name.data());
        info.name_len = static_cast<std::uint32_t>(name.size());
        TRY(fill_info(engine, fd, info, "can't get object info"));
    }
    record.id = info.id;
    record.is_kernel = info.kernel_btf != 0;
    record.name.assign(name.data(), strnlen(name.data(), name.size()));
    record.size_bytes = info.btf_size;
    return record;
}

Result<os::Fd> create_map(Transport& engine, const MapRequest& request) {
    const spec::MapSpec& spec = *request.spec;
    abi::MapCreateAttr attr = {};
    attr.map_type = static_cast<std::uint32_t>(spec.type);
    attr.key_size = spec.key_size_bytes;
    attr.value_size = spec.value_size_bytes;
    attr.max_entries = spec.max_entries;
    attr.map_flags = spec.flags;
    attr.numa_node = spec.numa_node;
    attr.map_extra = spec.map_extra;
    attr.map_ifindex = request.ifindex;
    attr.btf_vmlinux_value_type_id = spec.btf_vmlinux_value_type_id;
    put_name(attr.map_name, spec.name);
    if (request.inner_fd >= 0) {
        attr.inner_map_fd = static_cast<std::uint32_t>(request.inner_fd);
    }
    if (request.btf_fd >= 0) {
        attr.btf_fd = static_cast<std::uint32_t>(request.btf_fd);
        attr.btf_key_type_id = spec.btf_key_type_id;
        attr.btf_value_type_id = spec.btf_value_type_id;
    }
    const long answer = call(engine, Command::map_create, attr);
    if (answer < 0) {
        return refused(engine, Command::map_create, answer, "map create failed");
    }
    return os::Fd(static_cast<int>(answer));
}

Result<abi::MapInfo> info_of_map(Transport& engine, int fd) {
    abi::MapInfo info = {};
    TRY(fill_info(engine, fd, info, "can't get map info"));
    return info;
}

bool is_per_cpu(spec::MapType type) {
    return type == spec::MapType::percpu_hash || type == spec::MapType::percpu_array ||
           type == spec::MapType::lru_percpu_hash || type == spec::MapType::percpu_cgroup_storage;
}

std::uint32_t user_value_bytes(const abi::MapInfo& info) {
    return is_per_cpu(static_cast<spec::MapType>(info.type))
               ? (info.value_size + 7) / 8 * 8 * os::possible_cpus()
               : info.value_size;
}

namespace {

Result<ByteVector> read_element(Transport& engine, Command command, int fd,
                                const abi::MapInfo& info, Bytes key) {
    ByteVector value(user_value_bytes(info));
    abi::MapElementAttr attr = {};
    attr.map_fd = static_cast<std::uint32_t>(fd);
    attr.key = key.empty() ? 0 : address_of(key.data());
    attr.value = address_of(value.data());
    const long answer = call(engine, command, attr);
    if (answer < 0) {
        return refused(engine, command, answer, "");
    }
    return value;
}

} // namespace

Result<ByteVector> lookup(Transport& engine, int fd, const abi::MapInfo& info, Bytes key) {
    return read_element(engine, Command::map_lookup_elem, fd, info, key);
}

Result<ByteVector> lookup_and_delete(Transport& engine, int fd, const abi::MapInfo& info,
                                     Bytes key) {
    return read_element(engine, Command::map_lookup_and_delete_elem, fd, info, key);
}

Result<void> update(Transport& engine, int fd, Bytes key, Bytes value, std::uint64_t flags) {
    abi::MapElementAttr attr = {};
    attr.map_fd = static_cast<std::uint32_t>(fd);
    attr.key = key.empty() ? 0 : address_of(key.data());
    attr.value = address_of(value.data());
    attr.flags = flags;
    const long answer = call(engine, Command::map_update_elem, attr);
    if (answer < 0) {
        return refused(engine, Command::map_update_elem, answer, "");
    }
    return {};
}

Result<void> erase(Transport& engine, int fd, Bytes key) {
    abi::MapElementAttr attr = {};
    attr.map_fd = static_cast<std::uint32_t>(fd);
    attr.key = address_of(key.data());
    const long answer = call(engine, Command::map_delete_elem, attr);
    if (answer < 0) {
        return refused(engine, Command::map_delete_elem, answer, "");
    }
    return {};
}

Result<ByteVector> next_key(Transport& engine, int fd, const abi::MapInfo& info,
                            std::optional<Bytes> key) {
    ByteVector next(info.key_size);
    abi::MapElementAttr attr = {};
    attr.map_fd = static_cast<std::uint32_t>(fd);
    attr.key = key.has_value() ? address_of(key->data()) : 0;
    attr.value = address_of(next.data());
    const long answer = call(engine, Command::map_get_next_key, attr);
    if (answer < 0) {
        return refused(engine, Command::map_get_next_key, answer, "");
    }
    return next;
}

Result<void> freeze(Transport& engine, int fd) {
    abi::MapElementAttr attr = {};
    attr.map_fd = static_cast<std::uint32_t>(fd);
    const long answer = call(engine, Command::map_freeze, attr);
    if (answer < 0) {
        return refused(engine, Command::map_freeze, answer, "");
    }
    return {};
}

Result<LinkRecord> info_of_link(Transport& engine, int fd) {
    LinkRecord record;
    TRY(fill_info(engine, fd, record.info, "can't get link info"));
    // A raw tracepoint's name and an iterator's target are texts whose address leads their record.
    constexpr std::uint32_t kRawTracepoint = 1;
    constexpr std::uint32_t kIterator = 4;
    if (record.info.type == kRawTracepoint || record.info.type == kIterator) {
        std::array<char, 256> text{};
        abi::LinkInfo info = {};
        const std::uint64_t address = address_of(text.data());
        const auto size = static_cast<std::uint32_t>(text.size());
        std::memcpy(&info.kind[0], &address, sizeof(address));
        std::memcpy(&info.kind[2], &size, sizeof(size));
        TRY(fill_info(engine, fd, info, "can't get link info"));
        record.info = info;
        record.text.assign(text.data(), strnlen(text.data(), text.size()));
    }
    return record;
}

Result<void> update_link(Transport& engine, int fd, int program_fd) {
    abi::LinkUpdateAttr attr = {};
    attr.link_fd = static_cast<std::uint32_t>(fd);
    attr.new_prog_fd = static_cast<std::uint32_t>(program_fd);
    const long answer = call(engine, Command::link_update, attr);
    if (answer < 0) {
        return refused(engine, Command::link_update, answer, "failed link update");
    }
    return {};
}

Result<void> detach_link(Transport& engine, int fd) {
    abi::FdAttr attr = {};
    attr.fd = static_cast<std::uint32_t>(fd);
    const long answer = call(engine, Command::link_detach, attr);
    if (answer < 0) {
        return refused(engine, Command::link_detach, answer, "failed link detach");
    }
    return {};
}

Result<std::vector<std::uint32_t>> query(Transport& engine, int target_fd, spec::AttachType type) {
    std::vector<std::uint32_t> ids(64);
    abi::ProgQueryAttr attr = {};
    attr.target_fd = static_cast<std::uint32_t>(target_fd);
    attr.attach_type = static_cast<std::uint32_t>(type);
    attr.prog_ids = address_of(ids.data());
    attr.count = static_cast<std::uint32_t>(ids.size());
    const long answer = call(engine, Command::prog_query, attr);
    if (answer < 0) {
        return refused(engine, Command::prog_query, answer, "asking for attached programs");
    }
    ids.resize(std::min<std::size_t>(attr.count, ids.size()));
    return ids;
}

} // namespace skep::client
