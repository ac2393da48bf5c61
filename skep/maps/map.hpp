// SPDX-License-Identifier: Apache-2.0
//
// Map: the store that programs and their users share.
//
// A Map object is one process's view of a store; the store itself lies in memfds (offsets inside,
// never addresses), so several processes may open it and it outlives any of them. Values never
// move.
//
// Two planes. The element functions below are data plane: they neither allocate nor block nor log,
// and answer 0 or a negative errno, as the helpers of linux/bpf.h do. `cpu` is the slot of the run,
// below slot_count. Making and opening are control plane.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/maps/hash/home_lane.hpp"
#include "skep/os/fd.hpp"
#include "skep/os/memory.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep::maps {

// Flags of an update (BPF_ANY, BPF_NOEXIST, BPF_EXIST, BPF_F_LOCK).
enum UpdateFlag : std::uint64_t { kAny = 0, kNoExist = 1, kExist = 2, kLock = 4 };

// The files that a store lives in. `shared` is what clients hold as the map's handle: for mmapable
// arrays and ring buffers it is the storage, laid out as the kernel lays it out for mmap; for other
// maps it is an empty identity. `table` is never given to a client.
struct MapFiles {
    os::Fd shared;
    os::Fd table; // not open for mmapable arrays; for ring buffers it holds the producer's side
    // Whether `table` is an open file description that no other view has. Else one is opened by
    // path, which a confined process cannot do.
    bool table_is_own = false;
};

// Where an array's values lie, so that generated code can index them: value i is at
// base + i * stride, for i below max_entries. Per-CPU arrays add cpu * cpu_stride.
struct DirectValues {
    std::uint8_t* base = nullptr;
    std::uint32_t stride = 0;
    std::uint64_t cpu_stride = 0;
};

class RingBuffer;

// In what pieces a program wrote the key that it looks up at once. A load that is wider than the
// stores before it waits until they have reached the cache, longer than the look-up takes; loads
// that are narrower than they need be cost a little. It changes nothing but the time.
enum class KeyPieces : std::uint8_t {
    halves, // of 16 bits, or not known
    words,  // of 32 bits or more, or long ago
    bytes,
};

// One element met while walking a map.
struct Element {
    std::uint64_t position = 0; // where to go on: the next element is at position + 1 or later
    const std::uint8_t* key = nullptr;
    std::uint8_t* value = nullptr;
};

class Map {
  public:
    virtual ~Map() = default;
    Map(const Map&) = delete;
    Map& operator=(const Map&) = delete;

    [[nodiscard]] const spec::MapSpec& spec() const { return spec_; }
    [[nodiscard]] const MapFiles& files() const { return files_; }
    [[nodiscard]] std::uint32_t slot_count() const { return slot_count_; } // possible CPUs

    // Data plane. Keys and values are key_size_bytes and value_size_bytes long.
    virtual std::uint8_t* lookup(const std::uint8_t* key, std::uint32_t cpu) = 0;
    // A plain function that does what lookup() does for this very map, so that generated code can
    // call it without asking what the map is; null when there is none, or when what it finds is not
    // what a program is given.
    using LookupFunction = std::uint8_t* (*)(Map& map, const std::uint8_t* key, std::uint32_t cpu);
    [[nodiscard]] LookupFunction lookup_function() const {
        return lookup_function_for(KeyPieces::halves);
    }
    [[nodiscard]] virtual LookupFunction lookup_function_for(KeyPieces) const { return nullptr; }
    // How generated code may try to find a key before it calls that function.
    [[nodiscard]] virtual HomeLanes home_lanes() const { return {}; }
    // Of maps whose elements are slots for other things, by index: what lies in a slot is a word
    // whose lower half is the id of what is held, 0 when it holds nothing. Null for other maps.
    [[nodiscard]] const std::atomic<std::uint64_t>* slots() const { return slots_; }
    virtual int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
                       std::uint32_t cpu) = 0;
    virtual int erase(const std::uint8_t* key) = 0;
    virtual int push(const std::uint8_t* value, std::uint64_t flags);
    virtual int pop(std::uint8_t* value);
    virtual int peek(std::uint8_t* value);
    [[nodiscard]] virtual std::optional<DirectValues> direct_values() const { return std::nullopt; }
    // Whether [address, address + size) lies inside the memory of the values, for probe reads.
    [[nodiscard]] virtual bool owns(const void* address, std::uint64_t size_bytes) const;
    // The first element at `position` or later, false at the end: for bpf_for_each_map_elem, and
    // for batches, whose opaque cursor is a position (below 2^32 for hash kinds). The key stays
    // valid until the next call on this thread's Element.
    virtual bool element_from(std::uint64_t position, std::uint32_t cpu, Element& element);
    // The ring that helpers write records to; null for all but ring buffers.
    virtual RingBuffer* ring() { return nullptr; }

    // For users (bpf(2)): the next key after `key` (null: the first), and values as MAP_LOOKUP_ELEM
    // and MAP_UPDATE_ELEM carry them: user_value_bytes() long, all CPUs of a per-CPU map side by
    // side. Types without keys (queue, stack, bloom filter, ring buffer) are given a null key.
    virtual int next_key(const std::uint8_t* key, std::uint8_t* next) = 0;
    [[nodiscard]] virtual std::uint32_t user_value_bytes() const;
    virtual int read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags);
    virtual int write_user(const std::uint8_t* key, Bytes value, std::uint64_t flags);
    // MAP_LOOKUP_AND_DELETE_ELEM.
    virtual int take_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags);

    // What fdinfo calls memlock.
    [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;

  protected:
    Map(spec::MapSpec spec, MapFiles files, std::uint32_t slot_count)
        : spec_(std::move(spec)), files_(std::move(files)), slot_count_(slot_count) {}

    void set_slots(const std::atomic<std::uint64_t>* slots) { slots_ = slots; }

    // For owns().
    static bool lies_inside(const os::Mapping& memory, const void* address,
                            std::uint64_t size_bytes);

  private:
    spec::MapSpec spec_;
    MapFiles files_;
    std::uint32_t slot_count_;
    const std::atomic<std::uint64_t>* slots_ = nullptr;
};

// True for maps that make_map can make. Types without a maker are refused with `unsupported`.
bool has_maker(spec::MapType type);

// Whether this map may stand in a slot of a map whose inner maps are of `shape`: sizes of hashes
// may differ, and of arrays that say so.
bool fits_template(const spec::MapSpec& shape, const spec::MapSpec& inner);

// Checks the spec by its row in map_types.def (the errors are those of MAP_CREATE) and makes an
// empty store. `inner_maps` of maps of maps and programs of program arrays are held as ids in the
// slots.
Result<std::unique_ptr<Map>> make_map(const spec::MapSpec& spec, std::uint32_t slot_count);

// Another view of a store that exists: `files` are those of the maker's Map, duplicated.
Result<std::unique_ptr<Map>> open_map(const spec::MapSpec& spec, std::uint32_t slot_count,
                                      MapFiles files);

} // namespace skep::maps
