// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/queue/ring_buffer.hpp"

#include <cerrno>
#include <cstring>

#include "skep/base/kernel_errno.hpp"
#include "skep/maps/shared/words.hpp"
#include "skep/os/sharing/futex.hpp"

namespace skep::maps {
namespace {

constexpr std::uint32_t kBusy = 1U << 31;
constexpr std::uint32_t kDiscard = 1U << 30;
constexpr std::uint64_t kHeaderBytes = 8;
constexpr std::uint64_t kLargestRecord =
    0xffffffffU / 4;                        // what the two flag bits leave of a length
constexpr std::uint64_t kFirstDataPage = 3; // as the kernel numbers pages in headers
constexpr std::uint32_t kConsumerPage = 0;
constexpr std::uint32_t kProducerPage = 1;

constexpr std::uint64_t make_header(std::uint32_t length, std::uint64_t page) {
    return length | (page << 32);
}

} // namespace

MadeMap make_ring(Plan plan) { return RingBuffer::make(std::move(plan)); }

MadeMap RingBuffer::make(Plan plan) {
    const std::uint64_t shared_bytes =
        2 * os::page_size() + 2 * std::uint64_t{plan.spec.max_entries};
    MapFiles files = std::move(plan.source.files);
    if (!plan.source.existing) {
        files.shared = TRY(os::make_memfd("bpf-map", shared_bytes));
        files.table =
            TRY(os::make_memfd("skep-table", round_up(sizeof(TableHead), os::page_size())));
    }
    if (!files.shared.is_open() || !files.table.is_open() ||
        TRY(os::size_of(files.shared)) < shared_bytes ||
        TRY(os::size_of(files.table)) < sizeof(TableHead)) {
        return fail(Code::invalid_input, "the files given as a ring buffer's store are too small");
    }
    os::Mapping shared =
        TRY(os::Mapping::of(files.shared, shared_bytes, os::Protection::read_write));
    os::Mapping table =
        TRY(os::Mapping::of(files.table, sizeof(TableHead), os::Protection::read_write));
    auto* region = reinterpret_cast<OwnerRegion*>(table.data()); // NOLINT: the table begins with it
    Owner owner = TRY(Owner::join(files, region));
    return std::unique_ptr<Map>(new RingBuffer(std::move(plan), std::move(files), std::move(shared),
                                               std::move(table), std::move(owner)));
}

RingBuffer::RingBuffer(Plan&& plan, MapFiles files, os::Mapping shared, os::Mapping table,
                       Owner owner)
    : Map(std::move(plan.spec), std::move(files), plan.slot_count), shared_(std::move(shared)),
      table_(std::move(table)),
      head_(reinterpret_cast<TableHead*>(table_.data())), // NOLINT: our own file
      owner_(std::move(owner)) {}

std::atomic<std::uint64_t>& RingBuffer::position_page(std::uint32_t page) const {
    return *reinterpret_cast<std::atomic<std::uint64_t>*>(shared_.data() + page * os::page_size());
}

std::atomic<std::uint64_t>& RingBuffer::header_at(std::uint64_t position) const {
    const std::uint64_t offset = 2 * os::page_size() + (position & (size() - 1));
    return *reinterpret_cast<std::atomic<std::uint64_t>*>(shared_.data() +
                                                          offset); // NOLINT: 8-aligned
}

std::uint8_t* RingBuffer::reserve(std::uint64_t size_bytes) {
    if (size_bytes > kLargestRecord) {
        return nullptr;
    }
    const std::uint64_t length = round_up(size_bytes + kHeaderBytes, 8);
    if (length > size()) {
        return nullptr;
    }
    if (owner_.lock(head_->lock) == Locked::no) {
        return nullptr;
    }
    // Taken over from the dead: its last position may not have reached the readers' copy; ours
    // will.
    const std::uint64_t producer = head_->producer.load(std::memory_order_relaxed);
    const std::uint64_t used =
        producer - position_page(kConsumerPage).load(std::memory_order_acquire);
    if (used > size() || used + length > size() - 1) { // the first: a position that makes no sense
        Owner::unlock(head_->lock);
        return nullptr;
    }
    const std::uint64_t page = kFirstDataPage + (producer & (size() - 1)) / os::page_size();
    std::atomic<std::uint64_t>& header = header_at(producer);
    header.store(make_header(static_cast<std::uint32_t>(size_bytes) | kBusy, page),
                 std::memory_order_relaxed);
    head_->producer.store(producer + length, std::memory_order_release);
    position_page(kProducerPage).store(producer + length, std::memory_order_release);
    Owner::unlock(head_->lock);
    return reinterpret_cast<std::uint8_t*>(&header) +
           kHeaderBytes; // NOLINT: the record follows its header
}

void RingBuffer::commit(std::uint8_t* record, std::uint64_t flags, Commit how) {
    auto& header = *reinterpret_cast<std::atomic<std::uint64_t>*>(
        record - kHeaderBytes); // NOLINT: see reserve
    std::uint64_t done = header.load(std::memory_order_relaxed) & ~std::uint64_t{kBusy};
    done |= how == Commit::discard ? kDiscard : 0;
    header.store(done, std::memory_order_seq_cst);

    const auto offset =
        static_cast<std::uint64_t>(record - kHeaderBytes - shared_.data()) - 2 * os::page_size();
    const std::uint64_t consumer = position_page(kConsumerPage).load(std::memory_order_seq_cst);
    const bool caught_up = (consumer & (size() - 1)) == offset;
    if ((flags & kForceWakeup) != 0 || (caught_up && (flags & kNoWakeup) == 0)) {
        head_->notifications.fetch_add(1, std::memory_order_seq_cst);
        if (head_->waiters.load(std::memory_order_seq_cst) != 0) {
            os::wake_all(head_->notifications);
        }
    }
}

int RingBuffer::output(const std::uint8_t* data, std::uint64_t size_bytes, std::uint64_t flags) {
    if ((flags & ~std::uint64_t{kNoWakeup | kForceWakeup}) != 0) {
        return -EINVAL;
    }
    std::uint8_t* record = reserve(size_bytes);
    if (record == nullptr) {
        return -EAGAIN;
    }
    if (size_bytes > 0) { // an empty record has no address
        std::memcpy(record, data, size_bytes);
    }
    commit(record, flags, Commit::submit);
    return 0;
}

std::uint32_t RingBuffer::consume(Reader reader, void* owner) {
    const std::uint64_t end = head_->producer.load(std::memory_order_acquire);
    std::atomic<std::uint64_t>& position = position_page(kConsumerPage);
    std::uint64_t at = position.load(std::memory_order_acquire);
    std::uint32_t count = 0;
    bool goes_on = true;
    while (goes_on && at != end && end - at <= size()) { // else a position that makes no sense
        const std::atomic<std::uint64_t>& header = header_at(at);
        const auto first = static_cast<std::uint32_t>(header.load(std::memory_order_seq_cst));
        const std::uint32_t size_bytes = first & ~(kBusy | kDiscard);
        const std::uint64_t length = round_up(size_bytes + kHeaderBytes, 8);
        if ((first & kBusy) != 0 || length > end - at) {
            break;
        }
        if ((first & kDiscard) == 0) {
            const auto* record = reinterpret_cast<const std::uint8_t*>(&header); // NOLINT
            goes_on = reader(owner, record + kHeaderBytes, size_bytes);
            ++count;
        }
        at += length;
        position.store(at, std::memory_order_seq_cst);
    }
    return count;
}

std::uint64_t RingBuffer::query(std::uint64_t what) const {
    enum : std::uint64_t { kAvailable, kRingSize, kConsumerPosition, kProducerPosition };
    const std::uint64_t consumer = position_page(kConsumerPage).load(std::memory_order_acquire);
    const std::uint64_t producer = head_->producer.load(std::memory_order_acquire);
    if (what == kAvailable) {
        return producer - consumer;
    }
    return what == kRingSize           ? size()
           : what == kConsumerPosition ? consumer
           : what == kProducerPosition ? producer
                                       : 0;
}

// Element commands do not exist here: with a null key the kernel answers 524, else EINVAL.
std::uint8_t* RingBuffer::lookup(const std::uint8_t*, std::uint32_t) { return nullptr; }
int RingBuffer::update(const std::uint8_t* key, const std::uint8_t*, std::uint64_t, std::uint32_t) {
    return key == nullptr ? -kNotSupported : -EINVAL;
}
int RingBuffer::erase(const std::uint8_t* key) { return key == nullptr ? -kNotSupported : -EINVAL; }
int RingBuffer::next_key(const std::uint8_t* key, std::uint8_t*) {
    return key == nullptr ? -kNotSupported : -EINVAL;
}
int RingBuffer::read_user(const std::uint8_t* key, MutableBytes, std::uint64_t) {
    return key == nullptr ? -kNotSupported : -EINVAL;
}
int RingBuffer::take_user(const std::uint8_t* key, MutableBytes, std::uint64_t) {
    return key == nullptr ? -kNotSupported : -EINVAL;
}

std::uint64_t RingBuffer::memory_bytes() const {
    const std::uint64_t pages = size() / os::page_size();
    return 328 + 16 * pages + 3 * os::page_size() + size();
}

} // namespace skep::maps
