// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/map/map_slots.hpp"

#include <cerrno>
#include <cstring>

#include "skep/spec/attach_types.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::syscall {
namespace {

using registry::MapObject;
using spec::MapType;

constexpr std::uint32_t kXdpHasFragments = 1U << 5;

Result<void> check_inner(const spec::MapSpec& shape, const spec::MapSpec& inner) {
    if (!maps::fits_template(shape, inner)) {
        return answer(EINVAL,
                      "the map is not of the shape that was given when the outer map was made");
    }
    return {};
}

} // namespace

bool holds_objects(const spec::MapSpec& map) {
    const bool entry_has_program =
        spec::holds_targets(map.type) && map.value_size_bytes == 2 * sizeof(std::uint32_t);
    return entry_has_program || map.type == MapType::prog_array || spec::holds_maps(map.type);
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

namespace {

// What is to be held, and what is stored in the slot for it.
struct Slot {
    std::shared_ptr<registry::Object> held; // null when the value names none
    ByteVector stored;
};

// {ifindex or queue size, program}: the program must have been loaded for such entries.
Result<Slot> redirect_slot(const Call& call, const MapObject& map, const ByteVector& value) {
    Slot slot{nullptr, value};
    std::int32_t number = 0;
    std::memcpy(&number, value.data() + sizeof number, sizeof number);
    std::uint32_t id = 0;
    if (number > 0) {
        auto program = TRY(call.object_as<registry::ProgramObject>(number));
        const auto wanted = map.map->spec().type == MapType::cpumap ? spec::AttachType::xdp_cpumap
                                                                    : spec::AttachType::xdp_devmap;
        const ProgramSpec& spec = program->program->spec();
        std::uint32_t target = 0;
        std::memcpy(&target, value.data(), sizeof target);
        if (spec.type != spec::ProgramType::xdp || target == 0 ||
            spec.expected_attach_type != static_cast<std::uint32_t>(wanted)) {
            return answer(EINVAL, "the program was not loaded for entries of such a map");
        }
        id = program->id();
        slot.held = std::move(program);
    }
    std::memcpy(slot.stored.data() + sizeof id, &id, sizeof id);
    return slot;
}

Result<Slot> object_slot(const Call& call, MapObject& map, const ByteVector& value,
                         std::uint64_t flags) {
    std::int32_t number = -1;
    SKEP_ASSERT(value.size() == sizeof number);
    std::memcpy(&number, value.data(), sizeof number);
    Slot slot;
    if (map.map->spec().type == MapType::prog_array) {
        if (flags != maps::kAny) {
            return answer(EINVAL, "a program array takes no flags");
        }
        auto program = TRY(call.object_as<registry::ProgramObject>(number));
        TRY(join_program_array(map, owner_facts(program->program->spec())));
        slot.held = std::move(program);
    } else {
        auto inner = TRY(call.object_as<MapObject>(number));
        TRY(check_inner(*map.map->spec().inner, inner->map->spec()));
        slot.held = std::move(inner);
    }
    const std::uint32_t id = slot.held->id();
    slot.stored.resize(sizeof id);
    std::memcpy(slot.stored.data(), &id, sizeof id);
    return slot;
}

} // namespace

Result<void> put_into_slot(const Call& call, MapObject& map, const ByteVector& key,
                           const ByteVector& value, std::uint64_t flags) {
    Slot slot = spec::holds_targets(map.map->spec().type)
                    ? TRY(redirect_slot(call, map, value))
                    : TRY(object_slot(call, map, value, flags));
    if (slot.held != nullptr) {
        TRY(call.engine.host.publish(map, slot.held));
    }
    if (const int code = map.map->write_user(key.data(), slot.stored, flags); code < 0) {
        return answer(-code, "the map refused it");
    }
    if (slot.held != nullptr) {
        map.held[key] = std::move(slot.held);
    } else {
        map.held.erase(key);
    }
    return {};
}

} // namespace skep::syscall
