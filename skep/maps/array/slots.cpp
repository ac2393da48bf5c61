// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Arrays whose slots name other things: programs, maps, devices, CPUs, sockets, events.
//
// A slot is 8 bytes, zero when empty. It holds what its user wrote, with descriptors already turned
// into ids by the system call (design.md section 3: nothing that is shared holds an address): a
// program or map id, {ifindex, program id}, {queue size, program id}. Whoever runs programs
// resolves the id through its own table, which was filled before the slot was published.
//
// How the kinds differ is one row each in kKinds.
//
// Proved by: slots_test.cpp; kernel_comparison_test.cpp (memory, errors).
#include <array>
#include <cerrno>

#include "skep/base/kernel_errno.hpp"
#include "skep/maps/array/index_key.hpp"
#include "skep/maps/shared/family.hpp"
#include "skep/maps/shared/words.hpp"

namespace skep::maps {
namespace {

using spec::MapType;

enum class FlagRule : std::uint8_t {
    none_allowed,  // anything but 0 is EINVAL
    always_exists, // NOEXIST is EEXIST: every index counts as there
    by_contents,   // NOEXIST and EXIST ask whether the slot is empty
};

struct Kind {
    MapType type;
    FlagRule flags;
    int user_lookup_error; // 0: users may read slots
    bool empties_always;   // deleting an empty slot succeeds
    int delete_past_end_error;
    bool zero_empties;        // writing a first word of 0 empties the slot; else 0 is refused
    std::uint32_t base_bytes; // memlock of the table itself
};

constexpr std::array kKinds{
    Kind{MapType::prog_array, FlagRule::none_allowed, 0, false, E2BIG, false, 312},
    Kind{MapType::perf_event_array, FlagRule::none_allowed, kNotSupported, false, E2BIG, false,
         312},
    Kind{MapType::cgroup_array, FlagRule::none_allowed, kNotSupported, false, E2BIG, false, 312},
    Kind{MapType::array_of_maps, FlagRule::none_allowed, 0, false, E2BIG, false, 312},
    Kind{MapType::devmap, FlagRule::always_exists, 0, true, EINVAL, true, 344},
    Kind{MapType::cpumap, FlagRule::always_exists, 0, true, EINVAL, true, 304},
    Kind{MapType::xskmap, FlagRule::by_contents, EOPNOTSUPP, true, EINVAL, false, 304},
};

constexpr const Kind* kind_of(MapType type) {
    for (const Kind& kind : kKinds) {
        if (kind.type == type) {
            return &kind;
        }
    }
    return nullptr;
}

class Slots final : public Map {
  public:
    Slots(Plan&& plan, Store&& store, const Kind& kind)
        : Map(std::move(plan.spec), std::move(store.files), plan.slot_count),
          memory_(std::move(store.memory)), kind_(kind) {
        set_slots(words());
    }

    std::uint8_t* lookup(const std::uint8_t* key, std::uint32_t) override {
        const std::uint32_t index = index_of(key);
        return index < spec().max_entries && !is_empty(index) ? place(index) : nullptr;
    }

    int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
               std::uint32_t) override {
        const std::uint32_t index = index_of(key);
        const int status = check_update(index, flags);
        if (status != 0) {
            return status;
        }
        std::uint64_t slot = 0;
        std::memcpy(&slot, value, spec().value_size_bytes);
        if (static_cast<std::uint32_t>(slot) == 0) {
            if (!kind_.zero_empties) {
                return -EINVAL;
            }
            slot = 0;
        }
        word(index).store(slot, std::memory_order_release);
        return 0;
    }

    int erase(const std::uint8_t* key) override {
        const std::uint32_t index = index_of(key);
        if (index >= spec().max_entries) {
            return -kind_.delete_past_end_error;
        }
        const std::uint64_t old = word(index).exchange(0, std::memory_order_acq_rel);
        return old == 0 && !kind_.empties_always ? -ENOENT : 0;
    }

    int next_key(const std::uint8_t* key, std::uint8_t* next) override {
        return next_index(key, spec().max_entries, next);
    }

    bool element_from(std::uint64_t position, std::uint32_t, Element& element) override {
        for (std::uint64_t at = position; at < spec().max_entries; ++at) {
            if (!is_empty(static_cast<std::uint32_t>(at))) {
                element.position = at;
                element.key =
                    reinterpret_cast<const std::uint8_t*>(&element.position); // NOLINT: the index
                element.value = place(static_cast<std::uint32_t>(at));
                return true;
            }
        }
        return false;
    }

    int read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags) override {
        return kind_.user_lookup_error != 0 ? -kind_.user_lookup_error
                                            : Map::read_user(key, value, flags);
    }

    [[nodiscard]] std::optional<DirectValues> direct_values() const override {
        return DirectValues{memory_.data(), 8,
                            0}; // for tail calls: the slot's first word is the id
    }

    [[nodiscard]] std::uint64_t memory_bytes() const override {
        return kind_.base_bytes + std::uint64_t{spec().max_entries} * 8;
    }

  private:
    [[nodiscard]] std::uint8_t* place(std::uint32_t index) const {
        return memory_.data() + std::uint64_t{index} * 8;
    }
    // The store is laid out by make_slots: max_entries words of eight bytes, aligned to a page.
    [[nodiscard]] std::atomic<std::uint64_t>* words() const {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(memory_.data()); // NOLINT: as told
    }
    [[nodiscard]] std::atomic<std::uint64_t>& word(std::uint32_t index) const {
        return words()[index];
    }
    [[nodiscard]] bool is_empty(std::uint32_t index) const {
        return word(index).load(std::memory_order_acquire) == 0;
    }

    [[nodiscard]] int check_update(std::uint32_t index, std::uint64_t flags) const {
        if (flags > kExist || (flags != 0 && kind_.flags == FlagRule::none_allowed)) {
            return -EINVAL;
        }
        if (index >= spec().max_entries) {
            return -E2BIG;
        }
        if (kind_.flags == FlagRule::always_exists && flags == kNoExist) {
            return -EEXIST;
        }
        if (kind_.flags == FlagRule::by_contents && flags != kAny) {
            const bool empty = is_empty(index);
            return flags == kNoExist && !empty ? -EEXIST : flags == kExist && empty ? -ENOENT : 0;
        }
        return 0;
    }

    os::Mapping memory_;
    const Kind& kind_;
};

} // namespace

MadeMap make_slots(Plan plan) {
    const Kind* kind = kind_of(plan.spec.type);
    SKEP_ASSERT(kind != nullptr);
    Layout layout;
    layout.add(plan.spec.max_entries, 8);
    Store store = TRY(make_store(std::move(plan.source), layout, Storage::table));
    return std::unique_ptr<Map>(std::make_unique<Slots>(std::move(plan), std::move(store), *kind));
}

} // namespace skep::maps
