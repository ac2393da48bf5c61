// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/code_memory.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "skep/os/memory.hpp"
#include "skep/run/code/code_table.hpp"

namespace skep::run::code {
namespace {

// hlt on x86-64, which faults outside the kernel; as a word of arm64 it is a permanently undefined
// one.
#if defined(__x86_64__)
constexpr std::uint8_t kFiller = 0xf4;
#else
constexpr std::uint8_t kFiller = 0x00;
#endif

std::size_t rounded_up(std::size_t size, std::size_t to) { return (size + to - 1) / to * to; }

struct Place {
    Region* region = nullptr;
    std::size_t offset = 0;
};

std::optional<std::size_t> take_hole(Region& region, std::size_t size) {
    for (auto hole = region.holes.begin(); hole != region.holes.end(); ++hole) {
        if (hole->size < size) {
            continue;
        }
        const std::size_t offset = hole->offset;
        hole->offset += size;
        hole->size -= size;
        if (hole->size == 0) {
            region.holes.erase(hole);
        }
        return offset;
    }
    return std::nullopt;
}

void give_hole(Region& region, Region::Hole hole) {
    auto next = std::find_if(region.holes.begin(), region.holes.end(),
                             [&](const Region::Hole& other) { return other.offset > hole.offset; });
    if (next != region.holes.end() && hole.offset + hole.size == next->offset) {
        hole.size += next->size;
        next = region.holes.erase(next);
    }
    if (next != region.holes.begin()) {
        Region::Hole& before = *std::prev(next);
        if (before.offset + before.size == hole.offset) {
            before.size += hole.size;
            return;
        }
    }
    region.holes.insert(next, hole);
}

std::optional<std::size_t> free_slot(const CodeTable& table) {
    for (std::size_t i = 0; i < table.ranges.size(); ++i) {
        if (table.ranges[i].end.load(std::memory_order_relaxed) == 0) {
            return i;
        }
    }
    return std::nullopt;
}

Result<Region*> add_region(CodeTable& table, std::size_t size) {
    const std::optional<std::size_t> slot = free_slot(table);
    if (!slot.has_value()) {
        return fail(Code::no_space, "too many regions of machine code in one process");
    }
    Region region;
    region.pages = TRY(
        os::ExecutableReservation::make(std::max(kRegionBytes, rounded_up(size, os::page_size()))));
    region.slot = *slot;
    region.holes.push_back({0, region.pages.size()});
    region.images_on_page.resize(region.pages.size() / os::page_size());
    const auto begin = reinterpret_cast<std::uintptr_t>(region.pages.data()); // NOLINT: an address
    CodeRange& range = table.ranges[*slot];
    // The guard pages belong to the range: code that runs off an end faults there.
    range.begin.store(begin - os::page_size(), std::memory_order_relaxed);
    range.end.store(begin + region.pages.size() + os::page_size(), std::memory_order_release);
    table.ranges_used.store(std::max(table.ranges_used.load(), *slot + 1),
                            std::memory_order_release);
    table.regions.push_back(std::move(region));
    return &table.regions.back();
}

Result<Place> find_place(CodeTable& table, std::size_t size) {
    for (Region& region : table.regions) {
        if (const std::optional<std::size_t> offset = take_hole(region, size)) {
            return Place{&region, *offset};
        }
    }
    Region* region = TRY(add_region(table, size));
    return Place{region, take_hole(*region, size).value_or(0)};
}

// Calls `visit` with each page that [offset, offset + size) touches.
template <class Visit>
void for_each_page(std::size_t offset, std::size_t size, Visit visit) {
    for (std::size_t page = offset / os::page_size(); page * os::page_size() < offset + size;
         ++page) {
        visit(page);
    }
}

Result<void> write_pages(Region& region, std::size_t offset, Bytes code) {
    const std::size_t page_bytes = os::page_size();
    const std::size_t first = offset / page_bytes * page_bytes;
    ByteVector pages(rounded_up(offset + code.size(), page_bytes) - first, kFiller);
    for_each_page(offset, code.size(), [&](std::size_t page) {
        if (region.images_on_page[page] > 0) {
            std::memcpy(pages.data() + page * page_bytes - first,
                        region.pages.data() + page * page_bytes, page_bytes);
        }
    });
    const std::size_t whole = rounded_up(code.size(), kImageAlignment);
    std::fill_n(pages.begin() + static_cast<std::ptrdiff_t>(offset - first), whole, kFiller);
    std::copy(code.begin(), code.end(),
              pages.begin() + static_cast<std::ptrdiff_t>(offset - first));
    TRY(region.pages.place(first, pages));
    for_each_page(offset, code.size(), [&](std::size_t page) { ++region.images_on_page[page]; });
    return {};
}

} // namespace

Result<CodeImage> CodeImage::place(Bytes code) {
    SKEP_ASSERT(!code.empty());
    CodeTable& table = code_table();
    const std::lock_guard lock(table.mutex);
    const std::size_t size = rounded_up(code.size(), kImageAlignment);
    const Place place = TRY(find_place(table, size));
    if (Result<void> written = write_pages(*place.region, place.offset, code); !written.ok()) {
        give_hole(*place.region, {place.offset, size});
        return std::move(written).error();
    }
    CodeImage image;
    image.bytes_ = Bytes(place.region->pages.data() + place.offset, code.size());
    return image;
}

CodeImage::~CodeImage() {
    if (bytes_.empty()) {
        return;
    }
    CodeTable& table = code_table();
    const std::lock_guard lock(table.mutex);
    const auto region =
        std::find_if(table.regions.begin(), table.regions.end(), [&](const Region& one) {
            return bytes_.data() >= one.pages.data() &&
                   bytes_.data() < one.pages.data() + one.pages.size();
        });
    SKEP_ASSERT(region != table.regions.end());
    const auto offset = static_cast<std::size_t>(bytes_.data() - region->pages.data());
    give_hole(*region, {offset, rounded_up(bytes_.size(), kImageAlignment)});
    for_each_page(offset, bytes_.size(), [&](std::size_t page) {
        if (--region->images_on_page[page] == 0) {
            region->pages.clear(page * os::page_size(), os::page_size());
        }
    });
    if (region->holes.size() == 1 && region->holes.front().size == region->pages.size()) {
        table.ranges[region->slot].end.store(0, std::memory_order_release);
        table.regions.erase(region);
    }
}

} // namespace skep::run::code
