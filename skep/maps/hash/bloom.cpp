// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Bloom filters: was this value ever pushed? "No" is certain, "yes" may be wrong.
//
// As many bits as give five hashes two errors in a hundred when full (the kernel's numbers). Bits
// are set by atomic or; nothing is locked, nothing is ever removed.
//
// Proved by: queue_test.cpp (no false negatives; the rate of false positives).
#include <bit>
#include <cerrno>

#include "skep/maps/hash/hash_key.hpp"
#include "skep/maps/shared/family.hpp"
#include "skep/maps/shared/words.hpp"
#include "skep/os/sharing/owner_lock.hpp"

namespace skep::maps {
namespace {

struct Head {
    std::atomic<std::uint64_t> seed;
};

std::uint32_t hash_count(const spec::MapSpec& spec) {
    constexpr std::uint32_t kHashesUnlessTold = 5;
    const auto wanted = static_cast<std::uint32_t>(spec.map_extra & 15);
    return wanted == 0 ? kHashesUnlessTold : wanted;
}

std::uint64_t bit_count(const spec::MapSpec& spec) {
    constexpr std::uint64_t kMostBits = std::uint64_t{1} << 32;
    const std::uint64_t wanted = std::uint64_t{spec.max_entries} * hash_count(spec) * 7 / 5;
    return wanted >= kMostBits ? kMostBits : std::bit_ceil(std::max<std::uint64_t>(wanted, 64));
}

class Bloom final : public Map {
  public:
    Bloom(Plan&& plan, Store&& store, std::uint64_t bits)
        : Map(std::move(plan.spec), std::move(store.files), plan.slot_count),
          memory_(std::move(store.memory)), words_(reinterpret_cast<std::atomic<std::uint64_t>*>(
                                                memory_.data() + bits)), // NOLINT: our store
          bits_(bit_count(spec())), hashes_(hash_count(spec())) {
        auto* head = reinterpret_cast<Head*>(memory_.data()); // NOLINT: our store
        if (!store.existing && (spec().flags & spec::kMapZeroSeed) == 0) {
            head->seed.store(os::random_number(), std::memory_order_relaxed);
        }
        seed_ = head->seed.load(std::memory_order_relaxed);
    }

    int push(const std::uint8_t* value, std::uint64_t flags) override {
        if (flags != kAny) {
            return -EINVAL;
        }
        for (std::uint32_t i = 0; i < hashes_; ++i) {
            const std::uint64_t bit = bit_of(value, i);
            words_[bit / 64].fetch_or(std::uint64_t{1} << (bit % 64), std::memory_order_relaxed);
        }
        return 0;
    }

    int peek(std::uint8_t* value) override {
        for (std::uint32_t i = 0; i < hashes_; ++i) {
            const std::uint64_t bit = bit_of(value, i);
            if ((words_[bit / 64].load(std::memory_order_relaxed) >> (bit % 64) & 1) == 0) {
                return -ENOENT;
            }
        }
        return 0;
    }

    std::uint8_t* lookup(const std::uint8_t*, std::uint32_t) override { return nullptr; }
    int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
               std::uint32_t) override {
        return key != nullptr ? -EINVAL : push(value, flags);
    }
    int erase(const std::uint8_t*) override { return -EOPNOTSUPP; }
    int next_key(const std::uint8_t*, std::uint8_t*) override { return -EOPNOTSUPP; }
    int read_user(const std::uint8_t* key, MutableBytes value,
                  std::uint64_t) override { // the value is the question
        return key != nullptr || value.size() < spec().value_size_bytes ? -EINVAL
                                                                        : peek(value.data());
    }

    [[nodiscard]] std::uint64_t memory_bytes() const override { return 312 + bits_ / 8; }

  private:
    [[nodiscard]] std::uint64_t bit_of(const std::uint8_t* value, std::uint32_t number) const {
        return hash_key(value, spec().value_size_bytes, HashSecrets::from(seed_ + number)) &
               (bits_ - 1);
    }

    os::Mapping memory_;
    std::atomic<std::uint64_t>* words_;
    std::uint64_t bits_;
    std::uint32_t hashes_;
    std::uint64_t seed_ = 0;
};

} // namespace

MadeMap make_bloom(Plan plan) {
    Layout layout;
    layout.add(1, sizeof(Head));
    const std::uint64_t bits = layout.add(bit_count(plan.spec) / 64, 8);
    Store store = TRY(make_store(std::move(plan.source), layout, Storage::table));
    return std::unique_ptr<Map>(std::make_unique<Bloom>(std::move(plan), std::move(store), bits));
}

} // namespace skep::maps
