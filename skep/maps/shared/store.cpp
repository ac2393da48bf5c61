// SPDX-License-Identifier: Apache-2.0
#include "skep/maps/shared/store.hpp"

#include "skep/maps/shared/words.hpp"
#include "skep/os/sharing/owner_lock.hpp"

namespace skep::maps {

std::uint64_t Layout::add(std::uint64_t count, std::uint64_t size_bytes, std::uint64_t alignment) {
    const std::uint64_t start = round_up(total_, alignment);
    const std::optional<std::uint64_t> size = checked_multiply(count, size_bytes);
    const std::optional<std::uint64_t> end = size ? checked_add(start, *size) : std::nullopt;
    constexpr std::uint64_t kLargest = std::uint64_t{1} << 46; // what an address space can map
    if (!end || *end > kLargest) {
        fits_ = false;
        return 0;
    }
    total_ = *end;
    return start;
}

Result<Store> make_store(Source source, const Layout& layout, Storage storage) {
    const std::uint64_t size =
        round_up(std::max<std::uint64_t>(layout.total_bytes(), 1), os::page_size());
    if (!layout.fits() || size > os::physical_memory_bytes()) {
        return fail(Code::no_memory, "the map is larger than this machine's memory");
    }
    Store store;
    store.files = std::move(source.files);
    store.existing = source.existing;
    if (!source.existing) {
        store.files.shared = TRY(os::make_memfd("bpf-map", storage == Storage::shared ? size : 0));
        if (storage == Storage::table) {
            store.files.table = TRY(os::make_memfd("skep-table", size));
        }
    }
    const os::Fd& file = storage == Storage::shared ? store.files.shared : store.files.table;
    if (!file.is_open() || TRY(os::size_of(file)) < size) {
        return fail(Code::invalid_input,
                    "the file given as a map's store is too small for the map");
    }
    auto memory = os::Mapping::of(file, size, os::Protection::read_write);
    if (!memory.ok() && source.existing && memory.error().code == Code::not_permitted) {
        // Frozen for good: the file is sealed against writing, and nobody writes to such a map.
        memory = os::Mapping::of(file, size, os::Protection::read_only);
    }
    store.memory = TRY(std::move(memory));
    return store;
}

} // namespace skep::maps
