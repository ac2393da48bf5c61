// SPDX-License-Identifier: Apache-2.0
//
// Data plane. RingBuffer: records from programs to one consumer, read by stock libraries through
// mmap.
//
//   shared file:  | consumer position | producer position | data ............ | data, continued ...
//   |
//                 0                 1 page             2 pages            + size              + 2 x
//                 size
//
// The kernel maps the data twice in a row; here the second half is memory of its own, and a record
// that crosses the end of the first half goes on into it, which is where every reader follows it.
//
//   record:  { u32 length | busy << 31 | discard << 30, u32 page } then the data, padded to 8
//
// Whoever holds the handle can write all of the shared file. So the producer's position, and the
// lock of producers, live in the table file that clients never get; what lies in the shared file is
// only a copy for readers. The consumer's position is checked each time it is read: one that makes
// no sense counts as a full ring. A program can be made to lose records so, never to write outside
// the ring.
//
// Any number of producers in any processes; between reserve and commit nothing is locked. A
// producer that is killed in between leaves its record busy for ever, and readers wait there: a
// known limit.
//
// Proved by: ring_buffer_test.cpp (among others against libbpf's reader rules and the kernel's
// counts).
#pragma once

#include <atomic>
#include <cstdint>

#include "skep/maps/shared/family.hpp"
#include "skep/maps/shared/owner.hpp"

namespace skep::maps {

enum class Commit : std::uint8_t { submit, discard };

enum WakeFlag : std::uint64_t { kNoWakeup = 1, kForceWakeup = 2 };

class RingBuffer final : public Map {
  public:
    static MadeMap make(Plan plan);

    // Room for a record of this size, or null when there is none now (or the size can never fit).
    std::uint8_t* reserve(std::uint64_t size_bytes);
    // Ends what reserve began. Precondition: `record` came from reserve of this ring and is still
    // open.
    void commit(std::uint8_t* record, std::uint64_t flags, Commit how);
    // Reserve, copy, submit: 0 or -EAGAIN.
    int output(const std::uint8_t* data, std::uint64_t size_bytes, std::uint64_t flags);
    // For a reader in this process: hands on each finished record, oldest first, up to the first
    // that is not finished, or until the reader answers false; how many. One reader at a time.
    using Reader = bool (*)(void* owner, const std::uint8_t* record, std::uint32_t size_bytes);
    std::uint32_t consume(Reader reader, void* owner);
    // BPF_RB_AVAIL_DATA 0, RING_SIZE 1, CONS_POS 2, PROD_POS 3; anything else answers 0.
    [[nodiscard]] std::uint64_t query(std::uint64_t what) const;

    // Counts the notifications sent; os::wait_while_equal waits for the next one. Whoever waits
    // raises `waiters` first and lowers it afterwards.
    [[nodiscard]] std::atomic<std::uint32_t>& notifications() const { return head_->notifications; }
    [[nodiscard]] std::atomic<std::uint32_t>& waiters() const { return head_->waiters; }

    std::uint8_t* lookup(const std::uint8_t* key, std::uint32_t cpu) override;
    int update(const std::uint8_t* key, const std::uint8_t* value, std::uint64_t flags,
               std::uint32_t cpu) override;
    int erase(const std::uint8_t* key) override;
    int next_key(const std::uint8_t* key, std::uint8_t* next) override;
    int read_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags) override;
    int take_user(const std::uint8_t* key, MutableBytes value, std::uint64_t flags) override;
    RingBuffer* ring() override { return this; }
    [[nodiscard]] bool owns(const void* address, std::uint64_t size_bytes) const override {
        return lies_inside(shared_, address, size_bytes);
    }
    [[nodiscard]] std::uint64_t memory_bytes() const override;

  private:
    struct TableHead {
        OwnerRegion owners;
        std::atomic<std::uint64_t> producer;
        std::atomic<std::uint32_t> lock;
        std::atomic<std::uint32_t> notifications;
        std::atomic<std::uint32_t> waiters;
    };

    RingBuffer(Plan&& plan, MapFiles files, os::Mapping shared, os::Mapping table, Owner owner);

    [[nodiscard]] std::atomic<std::uint64_t>& position_page(std::uint32_t page) const;
    [[nodiscard]] std::atomic<std::uint64_t>& header_at(std::uint64_t position) const;
    [[nodiscard]] std::uint64_t size() const { return spec().max_entries; }

    os::Mapping shared_;
    os::Mapping table_;
    TableHead* head_;
    Owner owner_;
};

} // namespace skep::maps
