// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Arrays, and arrays with a value for each CPU.
//
//   array:      value 0 | value 1 | ...           each rounded up to 8, as the kernel lays it out
//   for mmap per-CPU:    all values of CPU 0 | all values of CPU 1 | ...   each part on pages of
//   its own
//
// Every index below max_entries always exists, with zeroes at first. Anybody may read and write at
// any time, in any process; nothing is locked (BPF_F_LOCK uses the lock inside the value).
//
// Proved by: kernel_comparison_test.cpp.
#include <algorithm>
#include <cerrno>

#include "skep/maps/array/index_key.hpp"
#include "skep/maps/shared/family.hpp"
#include "skep/maps/shared/value.hpp"
#include "skep/maps/shared/words.hpp"

namespace skep::maps {
namespace {

// What both kinds share: keys, and the order of the errors.
class IndexedMap : public Map {
  public:
    int erase(const std::uint8_t*) override { return -EINVAL; }

    int next_key(const std::uint8_t* key, std::uint8_t* next) override {
        return next_index(key, spec().max_entries, next);
    }

    std::uint8_t* lookup(const std::uint8_t* key, std::uint32_t cpu) override {
        const std::uint32_t index = index_of(key);
        return index < spec().max_entries && cpu < slot_count() ? place(index, cpu) : nullptr;
    }

    int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
               std::uint32_t cpu) override {
        const std::uint32_t index = index_of(key);
        const int status = check_update(index, flags);
        if (status == 0) {
            shape_.write(place(index, cpu), value, (flags & kLock) != 0);
        }
        return status;
    }

    bool element_from(std::uint64_t position, std::uint32_t cpu, Element& element) override {
        if (position >= spec().max_entries) {
            return false;
        }
        // The index itself is the key; the caller's element is where it stays while it is looked
        // at.
        element.position = position;
        element.key = reinterpret_cast<const std::uint8_t*>(
            &element.position); // NOLINT: little-endian number
        element.value = place(static_cast<std::uint32_t>(position), cpu);
        return true;
    }

    // The values of one CPU, no more: what lies between and behind them is not the map's.
    [[nodiscard]] bool owns(const void* address, std::uint64_t size_bytes) const override {
        const auto begin = reinterpret_cast<std::uintptr_t>(place(0, 0)); // NOLINT: an address
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        const std::uint64_t part_bytes = spec().max_entries * stride_;
        const std::uint64_t apart = std::max(part_stride_, part_bytes);
        if (at < begin || (at - begin) / apart >= (part_stride_ == 0 ? 1 : slot_count())) {
            return false;
        }
        const std::uint64_t offset = (at - begin) % apart;
        return offset <= part_bytes && size_bytes <= part_bytes - offset;
    }

  protected:
    // part_stride: from the values of one CPU to those of the next; 0 when all CPUs share them.
    IndexedMap(Plan&& plan, Store&& store, std::uint64_t part_stride)
        : Map(std::move(plan.spec), std::move(store.files), plan.slot_count), shape_(spec()),
          memory_(std::move(store.memory)), stride_(round_up(spec().value_size_bytes, 8)),
          part_stride_(part_stride) {}

    [[nodiscard]] int check_update(std::uint32_t index, std::uint64_t flags) const {
        if (flags == kAny) [[likely]] {
            return index < spec().max_entries ? 0 : -E2BIG;
        }
        if ((flags & ~std::uint64_t{kLock}) > kExist) {
            return -EINVAL;
        }
        if (index >= spec().max_entries) {
            return -E2BIG;
        }
        if ((flags & kNoExist) != 0) {
            return -EEXIST;
        }
        return shape_.check_update_flags(flags);
    }

    [[nodiscard]] std::uint8_t* place(std::uint32_t index, std::uint32_t cpu) const {
        return memory_.data() + cpu * part_stride_ + index * stride_;
    }

    ValueShape shape_;
    os::Mapping memory_;
    std::uint64_t stride_;
    std::uint64_t part_stride_;
};

class Array final : public IndexedMap {
  public:
    Array(Plan&& plan, Store&& store) : IndexedMap(std::move(plan), std::move(store), 0) {}

    [[nodiscard]] std::optional<DirectValues> direct_values() const override {
        return DirectValues{memory_.data(), static_cast<std::uint32_t>(stride_), 0};
    }

    int read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags) override {
        const std::uint32_t index = index_of(key);
        if (index >= spec().max_entries) {
            return -ENOENT;
        }
        if (value.size() < user_value_bytes() || ((flags & kLock) != 0 && !shape_.has_lock())) {
            return -EINVAL;
        }
        shape_.read(value.data(), place(index, 0), (flags & kLock) != 0);
        return 0;
    }

    [[nodiscard]] std::uint64_t memory_bytes() const override {
        const bool mmapable = (spec().flags & spec::kMapMmapable) !=
                              0; // then head and values have pages of their own
        const std::uint64_t head = mmapable ? os::page_size() : 312;
        const std::uint64_t values = spec().max_entries * stride_;
        return head + (mmapable ? round_up(values, os::page_size()) : values);
    }
};

class PercpuArray final : public IndexedMap {
  public:
    PercpuArray(Plan&& plan, Store&& store, std::uint64_t cpu_stride)
        : IndexedMap(std::move(plan), std::move(store), cpu_stride) {}

    [[nodiscard]] std::optional<DirectValues> direct_values() const override {
        return DirectValues{memory_.data(), static_cast<std::uint32_t>(stride_), part_stride_};
    }

    [[nodiscard]] std::uint32_t user_value_bytes() const override {
        return static_cast<std::uint32_t>(stride_) * slot_count();
    }

    int read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t) override {
        const std::uint32_t index = index_of(key);
        if (index >= spec().max_entries) {
            return -ENOENT;
        }
        if (value.size() < user_value_bytes()) {
            return -EINVAL;
        }
        for (std::uint32_t cpu = 0; cpu < slot_count(); ++cpu) {
            copy_from_shared(value.data() + cpu * stride_, place(index, cpu), stride_);
        }
        return 0;
    }

    int write_user(const std::uint8_t* key, Bytes value, std::uint64_t flags) override {
        const std::uint32_t index = index_of(key);
        if (value.size() < user_value_bytes()) {
            return -EINVAL;
        }
        const int status = check_update(index, flags);
        for (std::uint32_t cpu = 0; status == 0 && cpu < slot_count(); ++cpu) {
            copy_to_shared(place(index, cpu), value.data() + cpu * stride_, stride_);
        }
        return status;
    }

    [[nodiscard]] std::uint64_t memory_bytes() const override {
        return 312 + spec().max_entries * (8 + slot_count() * stride_);
    }
};

} // namespace

MadeMap make_array(Plan plan) {
    Layout layout;
    layout.add(plan.spec.max_entries, round_up(plan.spec.value_size_bytes, 8));
    const bool mmapable = (plan.spec.flags & spec::kMapMmapable) != 0;
    Store store = TRY(
        make_store(std::move(plan.source), layout, mmapable ? Storage::shared : Storage::table));
    return std::unique_ptr<Map>(std::make_unique<Array>(std::move(plan), std::move(store)));
}

MadeMap make_percpu_array(Plan plan) {
    Layout one_cpu;
    one_cpu.add(plan.spec.max_entries, round_up(plan.spec.value_size_bytes, 8));
    const std::uint64_t cpu_stride = round_up(one_cpu.total_bytes(), os::page_size());
    Layout layout;
    layout.add(one_cpu.fits() ? plan.slot_count : ~std::uint64_t{0}, cpu_stride);
    Store store = TRY(make_store(std::move(plan.source), layout, Storage::table));
    return std::unique_ptr<Map>(
        std::make_unique<PercpuArray>(std::move(plan), std::move(store), cpu_stride));
}

} // namespace skep::maps
