// SPDX-License-Identifier: Apache-2.0
//
// Maps in C.
//
// Slots that hold programs or maps are written by skep_map_put_program and skep_map_put_map alone:
// they check that it fits, and compiled code relies on that.
//
// Proved by: tests/ahead/run_compile.
#include <algorithm>
#include <cerrno>
#include <memory>

#include "apps/runtime/c_names.hpp"
#include "apps/runtime/tables.hpp"
#include "skep/load/machine_sizes.hpp"
#include "skep/maps/queue/ring_buffer.hpp"
#include "skep/os/memory.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::runtime {
namespace {

using spec::MapType;

spec::MapSpec spec_of(const skep_map_shape& shape) {
    spec::MapSpec spec;
    spec.name = shape.name == nullptr ? "" : shape.name;
    spec.type = static_cast<MapType>(shape.type);
    spec.key_size_bytes = shape.key_size;
    spec.value_size_bytes = shape.value_size;
    spec.max_entries = shape.max_entries;
    spec.flags = shape.flags;
    spec.map_extra = shape.extra;
    for (std::size_t i = 0; i < shape.field_count; ++i) {
        const skep_map_field& field = shape.fields[i];
        spec.value_fields.push_back(
            {static_cast<spec::FieldKind>(field.kind), field.offset, field.size});
    }
    return spec;
}

// As long as the map has a value for it, whatever the caller gave.
int write_first(maps::Map& map, const void* initial, std::size_t size_bytes) {
    ByteVector whole(std::max<std::size_t>(map.user_value_bytes(), size_bytes));
    std::copy_n(bytes_of(initial), size_bytes, whole.begin());
    const std::uint32_t first = 0;
    return map.write_user(bytes_of(&first), whole, maps::kAny);
}

int put_number(maps::Map& map, const void* key, std::optional<std::uint32_t> number) {
    if (!number.has_value()) {
        return -ENOSPC;
    }
    return map.update(bytes_of(key), bytes_of(&*number), maps::kAny, 0);
}

struct RingOwner {
    int (*each)(void* owner, const void* record, size_t size);
    void* owner;
};

} // namespace
} // namespace skep::runtime

namespace runtime = skep::runtime; // what follows has C's names, outside ours

int skep_map_make(const skep_map_shape* shape, const void* initial, size_t initial_size,
                  skep_map** map) {
    using namespace skep;
    spec::MapSpec spec = runtime::spec_of(*shape);
    if (shape->inner != nullptr) {
        spec.inner = std::make_shared<spec::MapSpec>(runtime::spec_of(*shape->inner));
    }
    if (skep::spec::holds_maps(spec.type) != (spec.inner != nullptr)) {
        return -EINVAL;
    }
    const std::uint32_t cpus = std::max(shape->cpus, 1U);
    auto made = maps::make_map(
        load::fit_to_machine(spec, cpus, static_cast<std::uint32_t>(os::page_size())), cpus);
    if (!made.ok()) {
        return -std::max(errno_of(made.error()), 1);
    }
    const int wrote = initial == nullptr ? 0 : runtime::write_first(**made, initial, initial_size);
    if (wrote == 0) {
        *map = runtime::name_of(made->release()); // the caller's now, until skep_map_free
    }
    return wrote;
}

void skep_map_free(skep_map* map) {
    if (map != nullptr) {
        const std::unique_ptr<skep::maps::Map> last(&runtime::map_of(map));
        runtime::tables().forget(*last);
    }
}

void* skep_map_values(skep_map* map) {
    const auto values = runtime::map_of(map).direct_values();
    return values.has_value() ? values->base : nullptr;
}

int skep_map_lookup(skep_map* map, const void* key, void* value, size_t value_size) {
    return runtime::map_of(map).read_user(
        runtime::bytes_of(key), skep::MutableBytes(runtime::bytes_of(value), value_size), 0);
}

int skep_map_update(skep_map* map, const void* key, const void* value, size_t value_size,
                    uint64_t flags) {
    const skep::spec::MapSpec& spec = runtime::map_of(map).spec();
    if (skep::spec::holds_maps(spec.type) || spec.type == skep::spec::MapType::prog_array) {
        return -EINVAL;
    }
    return runtime::map_of(map).write_user(
        runtime::bytes_of(key), skep::Bytes(runtime::bytes_of(value), value_size), flags);
}

int skep_map_erase(skep_map* map, const void* key) {
    return runtime::map_of(map).erase(runtime::bytes_of(key));
}

int skep_map_take(skep_map* map, const void* key, void* value, size_t value_size) {
    return runtime::map_of(map).take_user(
        runtime::bytes_of(key), skep::MutableBytes(runtime::bytes_of(value), value_size), 0);
}

int skep_map_next_key(skep_map* map, const void* key, void* next) {
    return runtime::map_of(map).next_key(runtime::bytes_of(key), runtime::bytes_of(next));
}

int skep_ring_read(skep_map* map, int (*each)(void* owner, const void* record, size_t size),
                   void* owner) {
    skep::maps::RingBuffer* const ring = runtime::map_of(map).ring();
    if (ring == nullptr) {
        return -EINVAL;
    }
    runtime::RingOwner reader{each, owner};
    const auto hand_on = [](void* to, const std::uint8_t* record, std::uint32_t size_bytes) {
        const auto& one = *static_cast<runtime::RingOwner*>(to);
        return one.each(one.owner, record, size_bytes) == 0;
    };
    return static_cast<int>(ring->consume(hand_on, &reader));
}

int skep_map_put_program(skep_map* map, uint32_t index, const skep_program* program) {
    skep::maps::Map& array = runtime::map_of(map);
    if (array.spec().type != skep::spec::MapType::prog_array ||
        program->map_count > SKEP_PROGRAM_MAPS) {
        return -EINVAL;
    }
    if (index >= array.spec().max_entries) {
        return -E2BIG;
    }
    return runtime::put_number(array, &index, runtime::tables().number_of(*program));
}

int skep_map_put_map(skep_map* map, const void* key, skep_map* inner) {
    skep::maps::Map& outer = runtime::map_of(map);
    if (outer.spec().inner == nullptr ||
        !skep::maps::fits_template(*outer.spec().inner, runtime::map_of(inner).spec())) {
        return -EINVAL;
    }
    return runtime::put_number(outer, key, runtime::tables().number_of(runtime::map_of(inner)));
}
