// SPDX-License-Identifier: Apache-2.0
//
// MAP_CREATE and MAP_FREEZE. What a type demands of sizes and flags is checked by maps::make_map;
// here are the rules that concern descriptors, names and types (BTF).
#include <algorithm>
#include <cerrno>

#include "skep/base/kernel_errno.hpp"
#include "skep/maps/map.hpp"
#include "skep/spec/maps/map_contents.hpp"
#include "skep/syscall/commands/commands.hpp"
#include "skep/syscall/map/value_fields.hpp"

namespace skep::syscall {
namespace {

using registry::BtfObject;
using registry::MapObject;
using spec::MapType;

Result<void> check_flags(const abi::MapCreateAttr& attr) {
    const auto has_both = [&](std::uint32_t pair) { return (attr.map_flags & pair) == pair; };
    if (has_both(spec::kMapReadOnly | spec::kMapWriteOnly) ||
        has_both(spec::kMapReadOnlyProgram | spec::kMapWriteOnlyProgram)) {
        return answer(EINVAL, "a map cannot be read-only and write-only");
    }
    if ((attr.map_flags & spec::kMapTokenFd) != 0) {
        return answer(EBADF, "skep's engine has no tokens");
    }
    if ((attr.map_flags & spec::kMapNumaNode) != 0 && attr.numa_node != 0 &&
        attr.numa_node != UINT32_MAX) {
        return answer(EINVAL, "no such NUMA node");
    }
    return {};
}

Result<void> check_attributes(const Call& call, const abi::MapCreateAttr& attr) {
    TRY(check_flags(attr));
    if (attr.map_ifindex != 0) {
        return answer(EINVAL, "maps cannot be offloaded to a device");
    }
    if (attr.btf_vmlinux_value_type_id != 0 &&
        attr.map_type != static_cast<std::uint32_t>(MapType::struct_ops)) {
        return answer(EINVAL, "only struct_ops maps take a kernel type");
    }
    const bool has_hash = attr.excl_prog_hash != 0;
    if (has_hash ? attr.excl_prog_hash_size != 32 : attr.excl_prog_hash_size != 0) {
        return answer(EINVAL, "the digest of the only program must be 32 bytes");
    }
    if (has_hash) {
        TRY(call.read_bytes(attr.excl_prog_hash, attr.excl_prog_hash_size));
        return answer(EOPNOTSUPP, "maps for one program alone are not supported");
    }
    return {};
}

// Global data: an array of one element whose value is a data section. Its key has no type.
bool holds_global_data(const btf::Btf& types, const spec::MapSpec& map) {
    return map.type == MapType::array && map.max_entries == 1 && types.has(map.btf_value_type_id) &&
           types.type(map.btf_value_type_id).kind == btf::Kind::data_section;
}

// A value's type must be as large as the value, the key's as large as the key.
Result<void> check_types(const BtfObject& types, const spec::MapSpec& map) {
    const auto has_size = [&](std::uint32_t id, std::uint32_t size_bytes) {
        if (!types.types->has(id)) {
            return false;
        }
        const auto size = types.types->size_of(id);
        return size.ok() && *size == size_bytes;
    };
    const bool key_fits = map.btf_key_type_id == 0
                              ? map.key_size_bytes == 0 || map.type == MapType::bloom_filter ||
                                    holds_global_data(*types.types, map)
                              : has_size(map.btf_key_type_id, map.key_size_bytes);
    if (!key_fits || !has_size(map.btf_value_type_id, map.value_size_bytes)) {
        return answer(EINVAL, "the sizes of key and value do not agree with their types");
    }
    return {};
}

Result<std::shared_ptr<BtfObject>> types_of(const Call& call, const abi::MapCreateAttr& attr,
                                            spec::MapSpec& map) {
    const bool has_ids = attr.btf_key_type_id != 0 || attr.btf_value_type_id != 0;
    if (!has_ids && attr.btf_fd == 0) {
        return std::shared_ptr<BtfObject>();
    }
    if (has_ids && attr.btf_value_type_id == 0) {
        return answer(EINVAL, "a key type is given without a value type");
    }
    auto types = TRY(call.object_as<BtfObject>(attr.btf_fd));
    if (types->from_kernel) {
        return answer(EACCES, "a map cannot use the kernel's own types");
    }
    if (has_ids) {
        TRY(check_types(*types, map));
        map.value_fields = TRY(value_fields_of(*types->types, map.btf_value_type_id));
    }
    return types;
}

Result<void> take_inner(const Call& call, const abi::MapCreateAttr& attr, spec::MapSpec& map) {
    if (!spec::holds_maps(map.type)) {
        return {};
    }
    auto inner = TRY(call.object_as<MapObject>(attr.inner_map_fd));
    const spec::MapSpec& shape = inner->map->spec();
    if (spec::holds_maps(shape.type)) {
        return answer(EINVAL, "a map of maps cannot hold maps of maps");
    }
    if (shape.type == MapType::prog_array || shape.type == MapType::struct_ops) {
        return answer(kNotSupported, "a map of this type cannot be held by a map");
    }
    map.inner = std::make_shared<spec::MapSpec>(shape);
    return {};
}

} // namespace

Result<long> map_create(const SharedCall& call) {
    const auto attr = call->attr<abi::MapCreateAttr>();
    TRY(check_attributes(*call, attr));
    spec::MapSpec map;
    map.name = TRY(object_name(attr.map_name));
    map.type = static_cast<MapType>(attr.map_type);
    map.key_size_bytes = attr.key_size;
    map.value_size_bytes = attr.value_size;
    map.max_entries = attr.max_entries;
    map.flags = attr.map_flags;
    map.numa_node = attr.numa_node;
    map.map_extra = attr.map_extra;
    map.btf_key_type_id = attr.btf_key_type_id;
    map.btf_value_type_id = attr.btf_value_type_id;
    TRY(take_inner(*call, attr, map));
    auto object = std::make_shared<MapObject>();
    object->types = TRY(types_of(*call, attr, map));
    object->flags = attr.map_flags;
    object->map = TRY(maps::make_map(map, call->engine.cpu_count));
    TRY(call->objects().add(object));
    const os::Access access = (attr.map_flags & spec::kMapReadOnly) != 0 ? os::Access::read_only
                              : (attr.map_flags & spec::kMapWriteOnly) != 0
                                  ? os::Access::write_only
                                  : os::Access::read_write;
    return call->open(*object, access);
}

Result<long> map_freeze(const SharedCall& call) {
    const auto attr = call->attr<abi::FdAttr>();
    auto map = TRY(call->object_as<MapObject>(attr.fd));
    const int fd = TRY(call->caller->descriptor(attr.fd));
    const os::Access access = TRY(os::access_of(fd));
    const auto& fields = map->map->spec().value_fields;
    const bool has_live_fields =
        std::any_of(fields.begin(), fields.end(), [](const spec::ValueField& field) {
            return field.kind == spec::FieldKind::timer || field.kind == spec::FieldKind::spin_lock;
        });
    if (has_live_fields || map->map->spec().type == MapType::struct_ops) {
        return answer(kNotSupported, "a map with timers or locks cannot be frozen");
    }
    if (access == os::Access::read_only || map->frozen) {
        return answer(EPERM,
                      map->frozen ? "the map is frozen already" : "the descriptor is read-only");
    }
    TRY(call->engine.host.seal(*map));
    map->frozen = true;
    return 0L;
}

} // namespace skep::syscall
