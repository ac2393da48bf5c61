// SPDX-License-Identifier: Apache-2.0
//
// Data plane. All hash kinds: plain, per-CPU, LRU, and those whose values name maps and devices.
//
// The table (table.hpp) knows keys and lanes; this file knows where a lane's value lies and what an
// update may do. A plain value lies in its element. Per-CPU values lie apart, all of one CPU
// together, so that CPUs do not share cache lines. An existing key is updated in place: a pointer
// that a program holds goes on meaning the same key.
//
// How the kinds differ is one row each in kKinds.
//
// Proved by: hash_map_test.cpp, hash_concurrency_test.cpp,
// kernel_comparison_test.cpp.
#include <array>
#include <bit>
#include <cerrno>

#include "skep/base/kernel_errno.hpp"
#include "skep/maps/hash/lru.hpp"
#include "skep/maps/hash/table.hpp"
#include "skep/maps/shared/family.hpp"
#include "skep/maps/shared/value.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

struct Kind {
    MapType type;
    bool per_cpu;
    bool lru;
    bool can_take;         // MAP_LOOKUP_AND_DELETE_ELEM
    bool names_device;     // EXIST is not asked after; a first word of 0 is EINVAL
    bool value_is_pointer; // in the kernel, for its memory alone
    bool spare_per_cpu;    // the kernel keeps an element for each CPU
};

constexpr std::array kKinds{
    Kind{MapType::hash, false, false, true, false, false, true},
    Kind{MapType::percpu_hash, true, false, true, false, true, false},
    Kind{MapType::lru_hash, false, true, true, false, false, false},
    Kind{MapType::lru_percpu_hash, true, true, true, false, true, false},
    Kind{MapType::hash_of_maps, false, false, false, false, true, false},
    Kind{MapType::devmap_hash, false, false, false, true, false, false},
};

constexpr const Kind* kind_of(MapType type) {
    for (const Kind& kind : kKinds) {
        if (kind.type == type) {
            return &kind;
        }
    }
    return nullptr;
}

HashShape shape_of(const spec::MapSpec& spec, const Kind& kind) {
    return HashShape{spec.max_entries, spec.key_size_bytes,
                     kind.per_cpu ? 0 : std::uint64_t{spec.value_size_bytes}, kind.lru};
}

struct Parts {
    HashTable::Parts table;
    LruLists::Parts lru;
    std::uint64_t cpu_values = 0;
    std::uint64_t cpu_stride = 0;
};

class HashMap final : public Map {
  public:
    HashMap(Plan&& plan, Store&& store, const Kind& kind, const Parts& parts, Owner owner)
        : Map(std::move(plan.spec), std::move(store.files), plan.slot_count), kind_(kind),
          shape_(Map::spec()), memory_(std::move(store.memory)),
          table_(shape_of(Map::spec(), kind), parts.table, memory_.data(), std::move(owner)),
          cpu_values_(memory_.data() + parts.cpu_values), cpu_stride_(parts.cpu_stride),
          cpu_value_bytes_(round_up(Map::spec().value_size_bytes, 8)),
          lookup_(lookup_for(kind, KeyPieces::halves, Map::spec().key_size_bytes)),
          writers_(writers_for(Map::spec().key_size_bytes)) {
        if (kind.lru) {
            lru_.emplace(lru_shape(Map::spec(), slot_count(), table_.lane_count()), parts.lru,
                         memory_.data(), table_);
        }
        if (!store.existing) {
            table_.set_seed((Map::spec().flags & kZeroSeed) != 0 ? 0 : os::random_number());
            if (lru_) {
                lru_->begin_empty();
            }
        }
    }

    static LruLists::Shape lru_shape(const spec::MapSpec& spec, std::uint32_t cpus,
                                     std::uint32_t lanes) {
        return {spec.max_entries, cpus, lanes, (spec.flags & spec::kMapNoCommonLru) != 0};
    }

    std::uint8_t* lookup(const std::uint8_t* key, std::uint32_t cpu) override {
        return lookup_(*this, key, cpu);
    }

    // An element of a hash of maps is not what a program sees.
    [[nodiscard]] LookupFunction lookup_function_for(KeyPieces pieces) const override {
        return kind_.type == MapType::hash_of_maps
                   ? nullptr
                   : lookup_for(kind_, pieces, spec().key_size_bytes);
    }

    [[nodiscard]] HomeLanes home_lanes() const override {
        HomeLanes home = table_.home_lanes();
        if (kind_.type == MapType::hash_of_maps || home.shape.lanes == 0) {
            return {};
        }
        home.shape.marks = kind_.lru;
        if (kind_.per_cpu) {
            home.shape.per_cpu = true;
            home.shape.value_at = 0;
            home.shape.cpu_value_bytes = cpu_value_bytes_;
            home.shape.cpu_stride_bytes = cpu_stride_;
            home.cpu_values = cpu_values_;
        }
        return home;
    }

    int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
               std::uint32_t cpu) override {
        return writers_.update(*this, key, value, {flags, cpu});
    }

    int write_user(const std::uint8_t* key, Bytes value, std::uint64_t flags) override {
        if (value.size() < user_value_bytes()) {
            return -EINVAL;
        }
        if (!kind_.per_cpu) {
            return update(key, value.data(), flags, 0);
        }
        const auto fill = [&](std::uint32_t lane, bool) {
            for (std::uint32_t cpu = 0; cpu < slot_count(); ++cpu) {
                copy_to_shared(value_at(lane, cpu), value.data() + cpu * cpu_value_bytes_,
                               cpu_value_bytes_);
            }
        };
        return table_.with_key<0, KeyPieces::halves>(key, [&](const auto& wanted) {
            return change(wanted, value.data(), {flags, 0}, fill);
        });
    }

    int erase(const std::uint8_t* key) override { return writers_.erase(*this, key); }

    int take_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags) override {
        if (!kind_.can_take) {
            return -kNotSupported;
        }
        return table_.with_key<0, KeyPieces::halves>(key, [&](const auto& wanted) {
            return remove_after(wanted,
                                [&](std::uint32_t lane) { return read_lane(lane, value, flags); });
        });
    }

    int read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags) override {
        const std::uint32_t lane = table_.find(key);
        return lane == kNoLane ? -ENOENT : read_lane(lane, value, flags);
    }

    int next_key(const std::uint8_t* key, std::uint8_t* next) override {
        const std::uint32_t present = key == nullptr ? kNoLane : table_.find(key);
        std::uint64_t from = present == kNoLane ? 0 : present + 1ULL;
        for (std::uint32_t lane = table_.next_lane(from); lane != kNoLane;
             lane = table_.next_lane(from)) {
            if (table_.read_key(lane, next)) {
                return 0;
            }
            from = lane + 1ULL; // emptied while it was read
        }
        return -ENOENT;
    }

    bool element_from(std::uint64_t position, std::uint32_t cpu, Element& element) override {
        const std::uint32_t lane = table_.next_lane(position);
        if (lane == kNoLane) {
            return false;
        }
        element = Element{lane, table_.key_of(lane), value_at(lane, cpu)};
        return true;
    }

    [[nodiscard]] bool owns(const void* address, std::uint64_t size_bytes) const override {
        return lies_inside(memory_, address, size_bytes);
    }

    [[nodiscard]] std::uint32_t user_value_bytes() const override {
        return kind_.per_cpu ? static_cast<std::uint32_t>(cpu_value_bytes_) * slot_count()
                             : spec().value_size_bytes;
    }

    // The sizes of the kernel's structures, measured.
    [[nodiscard]] std::uint64_t memory_bytes() const override {
        const std::uint64_t entries = spec().max_entries;
        const std::uint64_t buckets = std::bit_ceil(entries);
        if (kind_.names_device) {
            return 344 + 8 * buckets;
        }
        const bool preallocated = (spec().flags & spec::kMapNoPrealloc) == 0;
        const std::uint64_t element =
            48 + (preallocated ? 0 : 8) + round_up(spec().key_size_bytes, 8) +
            (kind_.value_is_pointer ? 8 : round_up(spec().value_size_bytes, 8));
        const std::uint64_t spares = preallocated && !kind_.per_cpu && !kind_.lru
                                         ? slot_count() * (8 + (kind_.spare_per_cpu ? element : 0))
                                         : 0;
        const std::uint64_t each = element + (kind_.per_cpu ? slot_count() * cpu_value_bytes_ : 0);
        return 896 + 16 * buckets + spares + (preallocated ? entries : table_.entry_count()) * each;
    }

  private:
    static constexpr std::uint32_t kZeroSeed = spec::kMapZeroSeed;
    static constexpr int kRefillsMost = 64;
    static constexpr int kNeedsRoom = 1; // no errno: room must be made or recalled first

    // Nothing that is the same for every look-up in a map is asked in one: neither what kind it is
    // nor, for the sizes that keys usually have, how long its keys are.
    template <std::uint32_t key_bytes, KeyPieces pieces, bool per_cpu, bool lru>
    static std::uint8_t* lookup_as(Map& map, const std::uint8_t* key, std::uint32_t cpu) {
        auto& self = static_cast<HashMap&>(map);
        const std::uint32_t lane = self.table_.find_by_size<key_bytes, pieces>(key);
        if (lane == kNoLane || (per_cpu && cpu >= self.slot_count())) {
            return nullptr;
        }
        if (lru) {
            self.mark(lane);
        }
        return per_cpu ? self.cpu_value_at(lane, cpu) : self.table_.value_of(lane);
    }

    template <std::uint32_t key_bytes, KeyPieces pieces>
    static LookupFunction lookup_for(const Kind& kind) {
        if (kind.per_cpu) {
            return kind.lru ? lookup_as<key_bytes, pieces, true, true>
                            : lookup_as<key_bytes, pieces, true, false>;
        }
        return kind.lru ? lookup_as<key_bytes, pieces, false, true>
                        : lookup_as<key_bytes, pieces, false, false>;
    }

    template <std::uint32_t key_bytes>
    static LookupFunction lookup_for(const Kind& kind, KeyPieces pieces) {
        switch (pieces) {
        case KeyPieces::words:
            return lookup_for<key_bytes, KeyPieces::words>(kind);
        case KeyPieces::bytes:
            return lookup_for<key_bytes, KeyPieces::bytes>(kind);
        case KeyPieces::halves:
            break;
        }
        return lookup_for<key_bytes, KeyPieces::halves>(kind);
    }

    static LookupFunction lookup_for(const Kind& kind, KeyPieces pieces, std::uint32_t key_bytes) {
        switch (key_bytes) {
        case 4:
            return lookup_for<4>(kind, pieces);
        case 6:
            return lookup_for<6>(kind, pieces);
        case 8:
            return lookup_for<8>(kind, pieces);
        case 12:
            return lookup_for<12>(kind, pieces);
        case 16:
            return lookup_for<16>(kind, pieces);
        default:
            return lookup_for<0>(kind, pieces);
        }
    }

    // The writers, by the size of the keys.
    struct How {
        std::uint64_t flags;
        std::uint32_t cpu;
    };
    struct Writers {
        int (*update)(HashMap& self, const std::uint8_t* key, const std::uint8_t* value, How how);
        int (*erase)(HashMap& self, const std::uint8_t* key);
    };

    template <std::uint32_t key_bytes>
    static int update_as(HashMap& self, const std::uint8_t* key, const std::uint8_t* value,
                         How how) {
        const auto fill = [&self, value, how](std::uint32_t lane, bool is_new) {
            self.write_value(lane, is_new, value, how);
        };
        return self.table_.with_key<key_bytes, KeyPieces::halves>(
            key, [&](const auto& wanted) { return self.change(wanted, value, how, fill); });
    }

    template <std::uint32_t key_bytes>
    static int erase_as(HashMap& self, const std::uint8_t* key) {
        return self.table_.with_key<key_bytes, KeyPieces::halves>(key, [&](const auto& wanted) {
            return self.remove_after(wanted, [](std::uint32_t) { return 0; });
        });
    }

    static Writers writers_for(std::uint32_t key_bytes) {
        switch (key_bytes) {
        case 4:
            return {update_as<4>, erase_as<4>};
        case 8:
            return {update_as<8>, erase_as<8>};
        case 16:
            return {update_as<16>, erase_as<16>};
        default:
            return {update_as<0>, erase_as<0>};
        }
    }

    void write_value(std::uint32_t lane, bool is_new, const std::uint8_t* value, How how) {
        if (is_new) {
            if (kind_.per_cpu) {
                clear_other_cpus(lane, how.cpu);
            }
            shape_.write_new(value_at(lane, how.cpu), value);
        } else {
            shape_.write(value_at(lane, how.cpu), value, (how.flags & kLock) != 0);
        }
    }

    [[nodiscard]] std::uint8_t* cpu_value_at(std::uint32_t lane, std::uint32_t cpu) const {
        return cpu_values_ + cpu * cpu_stride_ + lane * cpu_value_bytes_;
    }

    [[nodiscard]] std::uint8_t* value_at(std::uint32_t lane, std::uint32_t cpu) const {
        return kind_.per_cpu ? cpu_value_at(lane, cpu) : table_.value_of(lane);
    }

    void mark(std::uint32_t lane) {
        std::atomic<std::uint32_t>& used = table_.element(lane).mark;
        if (used.load(std::memory_order_relaxed) == 0) { // do not dirty the line each time
            used.store(1, std::memory_order_relaxed);
        }
    }

    void clear_other_cpus(std::uint32_t lane, std::uint32_t own_cpu) {
        for (std::uint32_t cpu = 0; cpu < slot_count(); ++cpu) {
            if (cpu != own_cpu) {
                clear_shared(value_at(lane, cpu), cpu_value_bytes_);
            }
        }
    }

    int read_lane(std::uint32_t lane, MutableBytes value, std::uint64_t flags) const {
        if (value.size() < user_value_bytes() || ((flags & kLock) != 0 && !shape_.has_lock())) {
            return -EINVAL;
        }
        if (!kind_.per_cpu) {
            shape_.read(value.data(), value_at(lane, 0), (flags & kLock) != 0);
            return 0;
        }
        for (std::uint32_t cpu = 0; cpu < slot_count(); ++cpu) {
            copy_from_shared(value.data() + cpu * cpu_value_bytes_, value_at(lane, cpu),
                             cpu_value_bytes_);
        }
        return 0;
    }

    // Removes the key while its bucket is held, unless what is done before answers an error.
    template <class Wanted, class Before>
    [[gnu::always_inline]] int remove_after(const Wanted& wanted, Before before) {
        const HashTable::Writing writing(table_, wanted.hash);
        if (!writing.held()) {
            return -EBUSY;
        }
        const std::uint32_t lane = table_.find(wanted);
        if (lane == kNoLane) {
            return -ENOENT;
        }
        const int status = before(lane);
        if (status == 0) {
            remove(writing, lane, wanted.hash);
        }
        return status;
    }
    // The list comes after the table: a death in between leaves a listed lane without a key, which
    // leaves the list in its turn; the other way round it would leave a key without an entry.
    void remove(const HashTable::Writing& writing, std::uint32_t lane, std::uint64_t hash) {
        const std::uint32_t sequence =
            table_.element(lane).sequence.load(std::memory_order_relaxed);
        table_.erase(writing, lane, hash);
        if (lru_) {
            lru_->remove(lane, sequence);
        }
    }

    [[nodiscard]] [[gnu::always_inline]] int check(std::uint64_t flags,
                                                   const std::uint8_t* value) const {
        if (kind_.names_device) [[unlikely]] {
            std::uint32_t first_word = 0;
            std::memcpy(&first_word, value, std::min<std::uint32_t>(4, spec().value_size_bytes));
            if (first_word == 0) {
                return -EINVAL;
            }
        }
        return shape_.check_update_flags(flags);
    }

    // One update: `fill(lane, is_new)` writes the value. Room is made at other buckets, so that
    // this one is let go of for it and the update begins again.
    template <class Wanted, class Fill>
    [[gnu::always_inline]] int change(const Wanted& wanted, const std::uint8_t* value, How how,
                                      Fill fill) {
        int status = check(how.flags, value);
        if (status != 0 || how.cpu >= slot_count()) {
            return status != 0 ? status : -EINVAL;
        }
        for (int refill = 0; refill < kRefillsMost; ++refill) {
            {
                const HashTable::Writing writing(table_, wanted.hash);
                status = writing.held() ? change_held(writing, wanted, how, fill) : -EBUSY;
            }
            if (status != kNeedsRoom) [[likely]] {
                return status;
            }
            if (lru_) {
                make_room(how.cpu);
            } else if (!table_.recall()) {
                return -E2BIG;
            }
        }
        return lru_ ? -ENOMEM : -E2BIG;
    }

    template <class Wanted, class Fill>
    [[gnu::always_inline]] int change_held(const HashTable::Writing& writing, const Wanted& wanted,
                                           How how, Fill fill) {
        const std::uint32_t present = table_.find(wanted);
        if (present != kNoLane) {
            if ((how.flags & kNoExist) != 0) {
                return -EEXIST;
            }
            fill(present, false);
            if (kind_.lru) {
                mark(present);
            }
            return 0;
        }
        if ((how.flags & kExist) != 0 && !kind_.names_device) {
            return -ENOENT;
        }
        const std::uint32_t lane = table_.claim(writing, wanted.hash);
        if (lane >= kNoEntry) [[unlikely]] {
            return refusal(lane);
        }
        table_.write_key(lane, wanted);
        if (lru_) {
            const int refused = enter_list(writing, lane, wanted.hash, how.cpu);
            if (refused != 0) {
                return refused;
            }
        }
        fill(lane, true);
        table_.publish(writing, lane, wanted.hash);
        return 0;
    }

    [[nodiscard]] int refusal(std::uint32_t no_lane) const {
        switch (no_lane) {
        case kNoEntry:
            return kNeedsRoom;
        case kBusyLane:
            return -EBUSY;
        default:
            return kind_.lru ? -ENOMEM : -E2BIG;
        }
    }

    int enter_list(const HashTable::Writing& writing, std::uint32_t lane, std::uint64_t hash,
                   std::uint32_t cpu) {
        const LruLists::Entered entered = lru_->enter(lane, hash, cpu);
        if (entered == LruLists::Entered::yes) {
            return 0;
        }
        table_.abandon(writing, lane, hash);
        return entered == LruLists::Entered::no_room ? kNeedsRoom : -EBUSY;
    }

    void make_room(std::uint32_t cpu) {
        Victims victims;
        lru_->refill(cpu, victims);
        for (std::uint32_t i = 0; i < victims.count; ++i) {
            evict(victims.list[i]);
        }
        if (victims.count != 0) {
            lru_->left(cpu, victims);
        }
    }

    // Unless it was erased since it was chosen, or never came in; then its entry is free all the
    // same.
    void evict(const Victim& victim) {
        const HashTable::Writing writing(table_, victim.hash);
        const bool same =
            table_.element(victim.lane).sequence.load(std::memory_order_acquire) == victim.sequence;
        if (writing.held() && same && table_.is_occupied(victim.lane)) {
            table_.erase(writing, victim.lane, victim.hash);
        }
    }

    const Kind kind_;
    ValueShape shape_;
    os::Mapping memory_;
    HashTable table_;
    std::optional<LruLists> lru_;
    std::uint8_t* cpu_values_;
    std::uint64_t cpu_stride_;
    std::uint64_t cpu_value_bytes_;
    LookupFunction lookup_;
    Writers writers_;
};

} // namespace

MadeMap make_hash(Plan plan) {
    const Kind* kind = kind_of(plan.spec.type);
    SKEP_ASSERT(kind != nullptr);
    if ((plan.spec.flags & spec::kMapNoCommonLru) != 0) {
        plan.spec.max_entries +=
            (plan.slot_count - plan.spec.max_entries % plan.slot_count) % plan.slot_count;
    }
    const HashShape shape = shape_of(plan.spec, *kind);
    const std::uint32_t lanes = shape.bucket_count() * kLanesPerBucket;
    Layout layout;
    Parts parts;
    parts.table = HashTable::plan(layout, shape);
    if (kind->lru) {
        parts.lru = LruLists::plan(layout, HashMap::lru_shape(plan.spec, plan.slot_count, lanes));
    }
    if (kind->per_cpu) {
        const std::uint64_t one_cpu = lanes * round_up(plan.spec.value_size_bytes, 8);
        parts.cpu_stride = round_up(one_cpu, os::page_size());
        parts.cpu_values = layout.add(plan.slot_count, parts.cpu_stride, os::page_size());
    }
    Store store = TRY(make_store(std::move(plan.source), layout, Storage::table));
    auto* region = reinterpret_cast<OwnerRegion*>(store.memory.data() +
                                                  parts.table.head); // NOLINT: head begins with it
    Owner owner = TRY(Owner::join(store.files, region));
    return std::unique_ptr<Map>(std::make_unique<HashMap>(std::move(plan), std::move(store), *kind,
                                                          parts, std::move(owner)));
}

} // namespace skep::maps
