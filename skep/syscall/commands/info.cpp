// SPDX-License-Identifier: Apache-2.0
//
// OBJ_GET_INFO_BY_FD, apart from programs (program_info.hpp) and links (links.cpp): maps and types.
//
// The caller's record is read first, because addresses and room stand in it, and written back as
// far as it reaches. A record longer than we know is fine when the rest is zero.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "skep/base/sha256.hpp"
#include "skep/syscall/commands/commands.hpp"
#include "skep/syscall/info_record.hpp"
#include "skep/syscall/program/program_info.hpp"

namespace skep::syscall {
namespace {

using registry::ObjectKind;

void set_name(char (&field)[abi::kNameSize], const std::string& name) {
    std::memset(field, 0, sizeof field);
    std::copy_n(name.begin(), std::min(name.size(), sizeof field - 1), std::begin(field));
}

// The digest of a frozen array: its values, each rounded up to eight bytes.
Result<void> put_digest(Call& call, const registry::MapObject& object, const abi::MapInfo& given) {
    const spec::MapSpec& spec = object.map->spec();
    if (given.hash == 0) {
        return given.hash_size == 0 ? Result<void>()
                                    : answer(EINVAL, "a digest's size without its place");
    }
    if (given.hash_size != 32 || spec.type != spec::MapType::array) {
        return answer(EINVAL, "only arrays have a digest, of 32 bytes");
    }
    if (!object.frozen) {
        return answer(EPERM, "only a frozen map has a digest");
    }
    const std::optional<maps::DirectValues> values = object.map->direct_values();
    SKEP_ASSERT(values.has_value()); // an array's lie side by side
    const Bytes all(values->base, std::uint64_t{values->stride} * spec.max_entries);
    return call.caller->write(given.hash, sha256(all));
}

Result<long> map_info(Call& call, const registry::MapObject& object, InfoRecord record) {
    auto info = TRY(record.read<abi::MapInfo>(call));
    TRY(put_digest(call, object, info));
    const spec::MapSpec& spec = object.map->spec();
    abi::MapInfo out{};
    out.type = static_cast<std::uint32_t>(spec.type);
    out.id = object.id();
    out.key_size = spec.key_size_bytes;
    out.value_size = spec.value_size_bytes;
    out.max_entries = spec.max_entries;
    out.map_flags = object.flags;
    set_name(out.name, spec.name);
    out.btf_id = object.types == nullptr ? 0 : object.types->id();
    out.btf_key_type_id = spec.btf_key_type_id;
    out.btf_value_type_id = spec.btf_value_type_id;
    out.map_extra = spec.map_extra;
    out.hash = info.hash;
    out.hash_size = info.hash_size;
    return record.write(call, out);
}

Result<long> btf_info(Call& call, const registry::BtfObject& object, InfoRecord record) {
    auto info = TRY(record.read<abi::BtfInfo>(call));
    if ((info.name == 0) != (info.name_len == 0)) {
        return answer(EINVAL, "a name's place without its size, or its size without its place");
    }
    const auto size = static_cast<std::uint32_t>(object.bytes.size());
    TRY(put_array(call, {info.btf, info.btf_size}, object.bytes, 1));
    info.btf_size = size;
    info.id = object.id();
    info.kernel_btf = object.from_kernel ? 1 : 0;
    bool was_cut = false;
    if (info.name != 0) {
        const std::size_t kept = std::min<std::size_t>(object.name.size(), info.name_len - 1);
        ByteVector name(object.name.begin(),
                        object.name.begin() + static_cast<std::ptrdiff_t>(kept));
        name.push_back(0);
        TRY(call.caller->write(info.name, name));
        was_cut = kept < object.name.size();
    }
    info.name_len = static_cast<std::uint32_t>(object.name.size());
    TRY(record.write(call, info));
    return was_cut ? answer(ENOSPC, "the name did not fit") : Result<long>(0L);
}

} // namespace

Result<long> info_by_descriptor(const SharedCall& call) {
    const auto attr = call->attr<abi::InfoAttr>();
    auto object = call->object(attr.bpf_fd);
    if (!object.ok()) {
        return object.error().code == Code::bad_handle ? answer(EBADFD, object.error().message)
                                                       : object.error();
    }
    const InfoRecord record{attr.info, attr.info_len};
    switch ((*object)->kind()) {
    case ObjectKind::program:
        return program_info(*call, static_cast<const registry::ProgramObject&>(**object), record);
    case ObjectKind::map:
        return map_info(*call, static_cast<const registry::MapObject&>(**object), record);
    case ObjectKind::btf:
        return btf_info(*call, static_cast<const registry::BtfObject&>(**object), record);
    case ObjectKind::link:
        return link_info(*call, static_cast<const registry::LinkObject&>(**object), record);
    }
    return answer(EINVAL, "no such kind of object");
}

} // namespace skep::syscall
