// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/shared/owner.hpp"

namespace skep::maps {
namespace {

constexpr std::uint32_t kSpins = 64;               // before the first yield
constexpr std::uint32_t kYieldsBetweenChecks = 64; // before asking whether the holder lives
constexpr std::uint32_t kAttemptsMost = 1U << 18;
// The locked bytes lie beyond every store, so that they never meet a lock on its contents.
constexpr std::uint64_t kFirstByte = std::uint64_t{1} << 60;

constexpr std::uint32_t index_of(std::uint32_t token) { return token & (kOwnersMost - 1); }
constexpr std::uint32_t generation_of(std::uint32_t token) { return token >> kOwnerIndexBits; }

} // namespace

Result<Owner> Owner::join(const MapFiles& files, OwnerRegion* region) {
    os::ForkSentinel sentinel = TRY(os::ForkSentinel::make());
    os::Fd description =
        files.table_is_own ? TRY(files.table.duplicate()) : TRY(os::reopen(files.table));
    Owner owner(std::move(description), region, std::move(sentinel));
    const std::uint32_t token = owner.take_index();
    if (token == 0) {
        return fail(Code::no_space, "a map has no room for another process: 1024 have it open");
    }
    owner.sentinel_.first().store(token, std::memory_order_release);
    return owner;
}

std::uint32_t Owner::take_index() {
    for (std::uint32_t index = 0; index < kOwnersMost; ++index) {
        if (!os::try_lock_byte(description_, kFirstByte + index)) {
            continue;
        }
        std::atomic<std::uint32_t>& generation = region_->generation[index];
        std::uint32_t token = 0;
        while (generation_of(token) == 0) { // the number wraps; zero is never used
            token = ((generation.fetch_add(1) + 1) << kOwnerIndexBits) | index;
        }
        return token;
    }
    return 0;
}

// A forked child arrives here once: it needs a description, and so a byte, of its own.
std::uint32_t Owner::rejoin() {
    std::atomic<std::uint32_t>& mine = sentinel_.first();
    std::uint32_t nobody = 0;
    while (!sentinel_.second().compare_exchange_weak(nobody, 1, std::memory_order_acquire)) {
        nobody = 0;
        os::yield_thread();
    }
    if (mine.load(std::memory_order_relaxed) == 0) {
        Result<os::Fd> fresh = os::reopen(description_);
        if (fresh.ok()) {
            description_ = std::move(fresh).value();
            mine.store(take_index(), std::memory_order_release);
        }
    }
    sentinel_.second().store(0, std::memory_order_release);
    return mine.load(std::memory_order_relaxed);
}

bool Owner::is_gone(std::uint32_t holder, std::uint32_t mine) const {
    const std::uint32_t index = index_of(holder);
    const std::uint32_t generation =
        (region_->generation[index].load(std::memory_order_acquire) << kOwnerIndexBits) >>
        kOwnerIndexBits;
    if (generation != generation_of(holder)) {
        return true;
    }
    return index != index_of(mine) &&
           !os::is_byte_locked_by_another(description_, kFirstByte + index);
}

Locked Owner::try_lock(std::atomic<std::uint32_t>& word) {
    const std::uint32_t mine = token();
    std::uint32_t holder = 0;
    for (std::uint32_t attempt = 0; mine != 0 && attempt < kSpins; ++attempt) {
        holder = word.load(std::memory_order_relaxed);
        if (holder == 0 && word.compare_exchange_strong(holder, mine, std::memory_order_acquire)) {
            return Locked::yes;
        }
    }
    const bool taken_over = mine != 0 && is_gone(holder, mine) &&
                            word.compare_exchange_strong(holder, mine, std::memory_order_acquire);
    return taken_over ? Locked::taken_over : Locked::no;
}

Locked Owner::lock_slowly(std::atomic<std::uint32_t>& word, std::uint32_t mine) {
    for (std::uint32_t attempt = 1; attempt <= kAttemptsMost; ++attempt) {
        std::uint32_t holder = word.load(std::memory_order_relaxed);
        if (holder == 0) {
            if (word.compare_exchange_weak(holder, mine, std::memory_order_acquire)) {
                return Locked::yes;
            }
            continue;
        }
        if (attempt > kSpins && attempt % kYieldsBetweenChecks == 0 && is_gone(holder, mine) &&
            word.compare_exchange_strong(holder, mine, std::memory_order_acquire)) {
            return Locked::taken_over;
        }
        if (attempt > kSpins) {
            os::yield_thread();
        }
    }
    return Locked::no;
}

} // namespace skep::maps
