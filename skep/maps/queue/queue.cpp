// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Queues and stacks: values without keys.
//
//   | ... | oldest | ... | newest | ...      max_entries places, used as a circle
//
// `start` names the oldest and `length` counts; both are in one 64-bit word, so that a writer's
// death leaves either the old or the new state. A stack pops the newest, a queue the oldest; when
// full, EXIST overwrites the oldest. All operations hold one lock word (as in the kernel).
//
// Proved by: queue_test.cpp.
#include <cerrno>

#include "skep/maps/shared/family.hpp"
#include "skep/maps/shared/owner.hpp"
#include "skep/maps/shared/words.hpp"

namespace skep::maps {
namespace {

struct Head {
    OwnerRegion owners;
    std::atomic<std::uint64_t> state; // start in the low half, length in the high one
    std::atomic<std::uint32_t> lock;
};

struct State {
    std::uint32_t start = 0;
    std::uint32_t length = 0;
};

class Queue final : public Map {
  public:
    Queue(Plan&& plan, Store&& store, std::uint64_t values, Owner owner)
        : Map(std::move(plan.spec), std::move(store.files), plan.slot_count),
          memory_(std::move(store.memory)),
          head_(reinterpret_cast<Head*>(memory_.data())), // NOLINT: our store
          values_(memory_.data() + values), stride_(round_up(spec().value_size_bytes, 8)),
          owner_(std::move(owner)), newest_first_(spec().type == spec::MapType::stack) {}

    int push(const std::uint8_t* value, std::uint64_t flags) override {
        if (flags != kAny && flags != kExist) {
            return -EINVAL;
        }
        if (owner_.lock(head_->lock) == Locked::no) {
            return -EBUSY;
        }
        State state = load();
        const bool full = state.length == spec().max_entries;
        const int status = full && flags != kExist ? -E2BIG : 0;
        if (status == 0) {
            if (full) {
                state.start = at(state, 1);
                --state.length;
            }
            copy_to_shared(place(at(state, state.length)), value, spec().value_size_bytes);
            ++state.length;
            save(state);
        }
        Owner::unlock(head_->lock);
        return status;
    }

    int pop(std::uint8_t* value) override { return take(value, Remove::yes); }
    int peek(std::uint8_t* value) override { return take(value, Remove::no); }

    std::uint8_t* lookup(const std::uint8_t*, std::uint32_t) override { return nullptr; }
    int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
               std::uint32_t) override {
        return key != nullptr ? -EINVAL : push(value, flags);
    }
    int erase(const std::uint8_t*) override { return -EINVAL; }
    int next_key(const std::uint8_t*, std::uint8_t*) override { return -EINVAL; }
    int read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t) override {
        return key != nullptr || value.size() < spec().value_size_bytes ? -EINVAL
                                                                        : peek(value.data());
    }
    int take_user(const std::uint8_t* key, MutableBytes value, std::uint64_t) override {
        return key != nullptr || value.size() < spec().value_size_bytes ? -EINVAL
                                                                        : pop(value.data());
    }

    [[nodiscard]] std::uint64_t memory_bytes() const override {
        return 312 + (std::uint64_t{spec().max_entries} + 1) * spec().value_size_bytes;
    }

  private:
    enum class Remove : std::uint8_t { no, yes };

    int take(std::uint8_t* value, Remove remove) {
        if (owner_.lock(head_->lock) == Locked::no) {
            return -EBUSY;
        }
        State state = load();
        const bool empty = state.length == 0;
        if (!empty) {
            const std::uint32_t from = newest_first_ ? at(state, state.length - 1) : state.start;
            copy_from_shared(value, place(from), spec().value_size_bytes);
        }
        if (!empty && remove == Remove::yes) {
            state.start = newest_first_ ? state.start : at(state, 1);
            --state.length;
            save(state);
        }
        Owner::unlock(head_->lock);
        if (empty) {
            std::memset(value, 0,
                        spec().value_size_bytes); // the helper's argument counts as written
        }
        return empty ? -ENOENT : 0;
    }

    [[nodiscard]] State load() const {
        const std::uint64_t word = head_->state.load(std::memory_order_relaxed);
        return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
    }
    void save(State state) {
        head_->state.store(state.start | (std::uint64_t{state.length} << 32),
                           std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t at(State state, std::uint32_t offset) const {
        return static_cast<std::uint32_t>((std::uint64_t{state.start} + offset) %
                                          spec().max_entries);
    }
    [[nodiscard]] std::uint8_t* place(std::uint32_t index) const {
        return values_ + index * stride_;
    }

    os::Mapping memory_;
    Head* head_;
    std::uint8_t* values_;
    std::uint64_t stride_;
    Owner owner_;
    bool newest_first_;
};

} // namespace

MadeMap make_queue(Plan plan) {
    Layout layout;
    layout.add(1, sizeof(Head));
    const std::uint64_t values =
        layout.add(plan.spec.max_entries, round_up(plan.spec.value_size_bytes, 8));
    Store store = TRY(make_store(std::move(plan.source), layout, Storage::table));
    auto* region =
        reinterpret_cast<OwnerRegion*>(store.memory.data()); // NOLINT: the head begins with it
    Owner owner = TRY(Owner::join(store.files, region));
    return std::unique_ptr<Map>(
        std::make_unique<Queue>(std::move(plan), std::move(store), values, std::move(owner)));
}

} // namespace skep::maps
