// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/map/map_slots.hpp"

#include <cerrno>
#include <cstring>

namespace skep::syscall {
namespace {

using registry::MapObject;
using spec::MapType;

constexpr std::uint32_t kXdpHasFragments = 1U << 5;

// An inner map must be of the outer's template; sizes of hashes may differ, and of arrays that say
// so.
Result<void> check_inner(const spec::MapSpec& shape, const spec::MapSpec& inner) {
    constexpr std::uint32_t kUserAccess = spec::kMapReadOnly | spec::kMapWriteOnly;
    const bool same = shape.type == inner.type && shape.key_size_bytes == inner.key_size_bytes &&
                      shape.value_size_bytes == inner.value_size_bytes &&
                      (shape.flags & ~kUserAccess) == (inner.flags & ~kUserAccess);
    const bool array_kind = inner.type == MapType::array || inner.type == MapType::percpu_array;
    const bool free_size = !array_kind || (inner.flags & spec::kMapInnerMap) != 0;
    if (!same || (!free_size && shape.max_entries != inner.max_entries)) {
        return answer(EINVAL,
                      "the map is not of the shape that was given when the outer map was made");
    }
    return {};
}

} // namespace

bool holds_objects(MapType type) {
    return type == MapType::prog_array || type == MapType::array_of_maps ||
           type == MapType::hash_of_maps;
}

registry::ProgramArrayOwner owner_facts(const ProgramSpec& program) {
    return {program.type, program.expected_attach_type, (program.flags & kXdpHasFragments) != 0};
}

Result<void> join_program_array(MapObject& array, const registry::ProgramArrayOwner& owner) {
    if (array.owner && *array.owner != owner) {
        return answer(EINVAL, "the program array belongs to programs of another kind");
    }
    array.owner = owner;
    return {};
}

Result<void> put_into_slot(const Call& call, MapObject& map, const ByteVector& key,
                           const ByteVector& value, std::uint64_t flags) {
    std::int32_t number = -1;
    SKEP_ASSERT(value.size() == sizeof number);
    std::memcpy(&number, value.data(), sizeof number);
    const spec::MapSpec& spec = map.map->spec();
    std::shared_ptr<registry::Object> held;
    if (spec.type == MapType::prog_array) {
        if (flags != maps::kAny) {
            return answer(EINVAL, "a program array takes no flags");
        }
        auto program = TRY(call.object_as<registry::ProgramObject>(number));
        TRY(join_program_array(map, owner_facts(program->program->spec())));
        held = std::move(program);
    } else {
        auto inner = TRY(call.object_as<MapObject>(number));
        TRY(check_inner(*spec.inner, inner->map->spec()));
        held = std::move(inner);
    }
    TRY(call.engine.host.publish(map, held));
    const std::uint32_t id = held->id();
    ByteVector stored(sizeof id);
    std::memcpy(stored.data(), &id, sizeof id);
    if (const int code = map.map->write_user(key.data(), stored, flags); code < 0) {
        return answer(-code, "the map refused it");
    }
    map.held[key] = std::move(held);
    return {};
}

} // namespace skep::syscall
