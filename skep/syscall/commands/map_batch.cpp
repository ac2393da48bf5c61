// SPDX-License-Identifier: Apache-2.0
//
// The batch commands: many elements in one call.
//
// Where a batch stopped is told by an opaque number: the position after the last element
// (maps/map.hpp, element_from). A batch that reached the end says ENOENT and how many it gave.
// Updates and deletions stop at the first element that fails; the count says how many were done.
#include <cerrno>
#include <cstring>

#include "skep/base/kernel_errno.hpp"
#include "skep/syscall/commands/commands.hpp"
#include "skep/syscall/map/map_access.hpp"
#include "skep/syscall/map/map_slots.hpp"

namespace skep::syscall {
namespace {

using registry::MapObject;
using spec::MapType;

bool is_hash(MapType type) {
    return type == MapType::hash || type == MapType::percpu_hash || type == MapType::lru_hash ||
           type == MapType::lru_percpu_hash || type == MapType::hash_of_maps;
}
bool is_array(MapType type) {
    return type == MapType::array || type == MapType::percpu_array ||
           type == MapType::array_of_maps;
}
bool has_batches(MapType type) {
    return is_hash(type) || is_array(type) || type == MapType::lpm_trie;
}

Result<long> not_supported() {
    return answer(kNotSupported, "maps of this type have no such batches");
}

Result<void> put_count(Call& call, std::uint32_t count) {
    return call.put(offsetof(abi::MapBatchAttr, count), count);
}

// One element of a batch that gives elements out.
struct Batch {
    const abi::MapBatchAttr& attr;
    ByteVector key;
    ByteVector value;
    std::uint32_t done = 0;
    std::uint64_t position = 0;
};

enum class Take : std::uint8_t { no, yes };
enum class Change : std::uint8_t { write, erase };

// False at the end of the map.
Result<bool> give_next(Call& call, MapObject& object, Batch& batch, Take take) {
    maps::Element element;
    while (object.map->element_from(batch.position, 0, element)) {
        std::memcpy(batch.key.data(), element.key, batch.key.size());
        batch.position = element.position + 1;
        const int code =
            take == Take::yes
                ? object.map->take_user(batch.key.data(), batch.value, batch.attr.elem_flags)
                : object.map->read_user(batch.key.data(), batch.value, batch.attr.elem_flags);
        if (code < 0) {
            continue; // gone since it was seen, or a slot that holds nothing
        }
        object.held.erase(take == Take::yes ? batch.key : ByteVector());
        TRY(call.caller->write(batch.attr.keys + std::uint64_t{batch.done} * batch.key.size(),
                               batch.key));
        TRY(call.caller->write(batch.attr.values + std::uint64_t{batch.done} * batch.value.size(),
                               batch.value));
        ++batch.done;
        return true;
    }
    return false;
}

Result<long> give_out(Call& call, MapObject& object, Take take) {
    const auto attr = call.attr<abi::MapBatchAttr>();
    const MapType type = object.map->spec().type;
    if ((attr.elem_flags & ~std::uint64_t{maps::kLock}) != 0 ||
        (attr.flags != 0 && is_hash(type))) {
        return answer(EINVAL, "unknown flags");
    }
    if (attr.elem_flags != 0 && object.map->spec().value_fields.empty()) {
        return answer(EINVAL, "the map's value has no lock");
    }
    TRY(put_count(call, 0));
    if (attr.count == 0) {
        return 0L;
    }
    ByteVector value = TRY(call.room_for(attr.values, object.map->user_value_bytes()));
    Batch batch{attr, ByteVector(object.map->spec().key_size_bytes), std::move(value)};
    if (attr.in_batch != 0) {
        std::uint32_t position = 0;
        const ByteVector bytes = TRY(call.read_bytes(attr.in_batch, sizeof position));
        std::memcpy(&position, bytes.data(), sizeof position);
        batch.position = position;
    }
    bool more = true;
    while (more && batch.done < attr.count) {
        more = TRY(give_next(call, object, batch, take));
    }
    const auto next = static_cast<std::uint32_t>(batch.position);
    ByteVector cursor(sizeof next);
    std::memcpy(cursor.data(), &next, sizeof next);
    TRY(call.caller->write(attr.out_batch, cursor));
    TRY(put_count(call, batch.done));
    return more ? Result<long>(0L) : answer(ENOENT, "the end of the map");
}

// Keys (and values) of a batch that takes elements in.
Result<void> change_one(Call& call, MapObject& object, std::uint32_t index, Change change) {
    const auto attr = call.attr<abi::MapBatchAttr>();
    maps::Map& map = *object.map;
    const std::uint32_t key_size = map.spec().key_size_bytes;
    const ByteVector key =
        TRY(call.read_bytes(attr.keys + std::uint64_t{index} * key_size, key_size));
    int code = 0;
    if (change == Change::erase) {
        code = map.erase(key.data());
        object.held.erase(key);
    } else {
        const std::uint32_t value_size = map.user_value_bytes();
        const ByteVector value =
            TRY(call.read_bytes(attr.values + std::uint64_t{index} * value_size, value_size));
        if (holds_objects(map.spec())) {
            return put_into_slot(call, object, key, value, attr.elem_flags);
        }
        code = map.write_user(key.data(), value, attr.elem_flags);
    }
    if (code < 0) {
        return answer(-code, "the map refused an element");
    }
    return {};
}

Result<long> take_in(Call& call, MapObject& object, Change change) {
    const auto attr = call.attr<abi::MapBatchAttr>();
    const bool wants_lock = (attr.elem_flags & maps::kLock) != 0;
    if ((attr.elem_flags & ~std::uint64_t{maps::kLock}) != 0 ||
        (wants_lock && object.map->spec().value_fields.empty())) {
        return answer(EINVAL, "flags that no element of a batch takes");
    }
    for (std::uint32_t done = 0; done < attr.count; ++done) {
        const Result<void> one = change_one(call, object, done, change);
        if (!one.ok()) {
            TRY(put_count(call, done));
            return one.error();
        }
    }
    return 0L;
}

} // namespace

Result<long> map_lookup_batch(const SharedCall& call) {
    auto object = TRY(map_for(*call, call->attr<abi::MapBatchAttr>().map_fd, Need::read));
    return has_batches(object->map->spec().type) ? give_out(*call, *object, Take::no)
                                                 : not_supported();
}

Result<long> map_lookup_and_delete_batch(const SharedCall& call) {
    auto object = TRY(map_for(*call, call->attr<abi::MapBatchAttr>().map_fd, Need::read_and_write));
    return is_hash(object->map->spec().type) ? give_out(*call, *object, Take::yes)
                                             : not_supported();
}

Result<long> map_update_batch(const SharedCall& call) {
    auto object = TRY(map_for(*call, call->attr<abi::MapBatchAttr>().map_fd, Need::write));
    return has_batches(object->map->spec().type) ? take_in(*call, *object, Change::write)
                                                 : not_supported();
}

Result<long> map_delete_batch(const SharedCall& call) {
    auto object = TRY(map_for(*call, call->attr<abi::MapBatchAttr>().map_fd, Need::write));
    return has_batches(object->map->spec().type) ? take_in(*call, *object, Change::erase)
                                                 : not_supported();
}

} // namespace skep::syscall
