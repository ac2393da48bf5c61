// SPDX-License-Identifier: Apache-2.0
//
// The element commands. Which of two faults is told first follows the measured order: what the
// attributes say (flags of look-ups), the descriptor, what it may do, the key, the value, and at
// last the rules of the map's type, which are the map's own.
#include <algorithm>
#include <cerrno>

#include "skep/syscall/commands/commands.hpp"
#include "skep/syscall/map/map_access.hpp"
#include "skep/syscall/map/map_slots.hpp"

namespace skep::syscall {
namespace {

Result<long> of(int answer_code) {
    return answer_code < 0 ? Result<long>(answer(-answer_code, "the map refused it"))
                           : Result<long>(0L);
}

// Look-ups know one flag, and say so before they look at the descriptor.
Result<void> check_lookup_flags(std::uint64_t flags) {
    if ((flags & ~std::uint64_t{maps::kLock}) != 0) {
        return answer(EINVAL, "a look-up takes no other flag than BPF_F_LOCK");
    }
    return {};
}

Result<void> check_lock(const maps::Map& map, std::uint64_t flags) {
    const auto& fields = map.spec().value_fields;
    const bool has_lock =
        std::any_of(fields.begin(), fields.end(), [](const spec::ValueField& field) {
            return field.kind == spec::FieldKind::spin_lock;
        });
    if ((flags & maps::kLock) != 0 && !has_lock) {
        return answer(EINVAL, "the map's value has no lock");
    }
    return {};
}

// The key's bytes; none, and a null pointer, for types without keys.
struct Key {
    ByteVector bytes;
    [[nodiscard]] const std::uint8_t* data() const {
        return bytes.empty() ? nullptr : bytes.data();
    }
};

Result<Key> read_key(const Call& call, const maps::Map& map, std::uint64_t address) {
    if (map.spec().key_size_bytes != 0) {
        return Key{TRY(call.read_bytes(address, map.spec().key_size_bytes))};
    }
    if (address != 0) {
        return answer(EINVAL, "maps of this type have no keys");
    }
    return Key{};
}

} // namespace

Result<long> map_lookup(const SharedCall& call) {
    const auto attr = call->attr<abi::MapElementAttr>();
    TRY(check_lookup_flags(attr.flags));
    auto object = TRY(map_for(*call, attr.map_fd, Need::read));
    maps::Map& map = *object->map;
    TRY(check_lock(map, attr.flags));
    const Key key = TRY(read_key(*call, map, attr.key));
    ByteVector value = TRY(call->room_for(attr.value, map.user_value_bytes()));
    if (map.spec().type == spec::MapType::bloom_filter) {
        TRY(call->caller->read(attr.value, value)); // what is asked for is the value
    }
    TRY(of(map.read_user(key.data(), value, attr.flags)));
    if (map.spec().type != spec::MapType::bloom_filter) {
        TRY(call->caller->write(attr.value, value));
    }
    return 0L;
}

Result<long> map_update(const SharedCall& call) {
    const auto attr = call->attr<abi::MapElementAttr>();
    auto object = TRY(map_for(*call, attr.map_fd, Need::write));
    maps::Map& map = *object->map;
    TRY(check_lock(map, attr.flags));
    const Key key = TRY(read_key(*call, map, attr.key));
    ByteVector value = TRY(call->read_bytes(attr.value, map.user_value_bytes()));
    if (holds_objects(map.spec())) {
        TRY(put_into_slot(*call, *object, key.bytes, value, attr.flags));
        return 0L;
    }
    return of(map.write_user(key.data(), value, attr.flags));
}

Result<long> map_delete(const SharedCall& call) {
    const auto attr = call->attr<abi::MapElementAttr>();
    auto object = TRY(map_for(*call, attr.map_fd, Need::write));
    const Key key = TRY(read_key(*call, *object->map, attr.key));
    TRY(of(object->map->erase(key.data())));
    object->held.erase(key.bytes);
    return 0L;
}

Result<long> map_next_key(const SharedCall& call) {
    const auto attr = call->attr<abi::MapElementAttr>();
    auto object = TRY(map_for(*call, attr.map_fd, Need::read));
    maps::Map& map = *object->map;
    Key key;
    if (attr.key != 0) {
        key = TRY(read_key(*call, map, attr.key));
    }
    // One byte at least, so that types without keys have something to leave alone.
    ByteVector next(std::max<std::size_t>(map.spec().key_size_bytes, 1));
    TRY(of(map.next_key(key.data(), next.data())));
    TRY(call->caller->write(attr.value, Bytes(next).first(map.spec().key_size_bytes)));
    return 0L;
}

Result<long> map_lookup_and_delete(const SharedCall& call) {
    const auto attr = call->attr<abi::MapElementAttr>();
    TRY(check_lookup_flags(attr.flags));
    auto object = TRY(map_for(*call, attr.map_fd, Need::read_and_write));
    maps::Map& map = *object->map;
    TRY(check_lock(map, attr.flags));
    const Key key = TRY(read_key(*call, map, attr.key));
    ByteVector value = TRY(call->room_for(attr.value, map.user_value_bytes()));
    TRY(of(map.take_user(key.data(), value, attr.flags)));
    TRY(call->caller->write(attr.value, value));
    return 0L;
}

} // namespace skep::syscall
