// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/code_memory.hpp"

#include <algorithm>
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

std::size_t pages_for(std::size_t size) {
    return rounded_up(size, os::page_size()) / os::page_size();
}

struct Place {
    Region* region = nullptr;
    std::size_t page = 0;
};

// The first of so many free pages side by side.
std::optional<std::size_t> free_run(const Region& region, std::size_t pages) {
    std::size_t run = 0;
    for (std::size_t page = 0; page < region.taken.size() && region.free_pages >= pages; ++page) {
        run = region.taken[page] == 0 ? run + 1 : 0;
        if (run == pages) {
            return page + 1 - pages;
        }
    }
    return std::nullopt;
}

void take(Region& region, std::size_t page, std::size_t pages) {
    std::fill_n(region.taken.begin() + static_cast<std::ptrdiff_t>(page), pages, std::uint8_t{1});
    region.free_pages -= pages;
}

void give_back(Region& region, std::size_t page, std::size_t pages) {
    std::fill_n(region.taken.begin() + static_cast<std::ptrdiff_t>(page), pages, std::uint8_t{0});
    region.free_pages += pages;
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
    region.free_pages = region.pages.size() / os::page_size();
    region.taken.resize(region.free_pages);
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

Result<Place> find_place(CodeTable& table, std::size_t pages) {
    for (Region& region : table.regions) {
        if (const std::optional<std::size_t> page = free_run(region, pages)) {
            return Place{&region, *page};
        }
    }
    return Place{TRY(add_region(table, pages * os::page_size())), 0};
}

// How far from its page's beginning the next image lies: somewhere else than the one before it.
std::size_t distance_in_page(CodeTable& table, std::size_t size) {
    constexpr std::size_t kStep = 5 * kImageAlignment;
    const std::size_t whole = rounded_up(size, kImageAlignment);
    const std::size_t room = pages_for(size) * os::page_size() - whole + kImageAlignment;
    return table.placed++ * kStep % room / kImageAlignment * kImageAlignment;
}

// A region that holds nothing any more goes, but for one that the next image can have.
void drop_if_empty(CodeTable& table, std::vector<Region>::iterator region) {
    const auto is_empty = [](const Region& one) { return one.free_pages == one.taken.size(); };
    const bool has_other =
        std::any_of(table.regions.begin(), table.regions.end(),
                    [&](const Region& one) { return &one != &*region && one.free_pages > 0; });
    const bool is_large = region->pages.size() > kRegionBytes;
    if (is_empty(*region) && (is_large || has_other)) {
        table.ranges[region->slot].end.store(0, std::memory_order_release);
        table.regions.erase(region);
    }
}

} // namespace

Result<CodeImage> CodeImage::place(Bytes code) {
    SKEP_ASSERT(!code.empty());
    CodeTable& table = code_table();
    const std::lock_guard lock(table.mutex);
    const std::size_t pages = pages_for(code.size());
    const Place place = TRY(find_place(table, pages));
    const std::size_t offset = place.page * os::page_size() + distance_in_page(table, code.size());
    TRY(place.region->pages.place(offset, code, kFiller));
    take(*place.region, place.page, pages);
    CodeImage image;
    image.bytes_ = Bytes(place.region->pages.data() + offset, code.size());
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
    const std::size_t page = offset / os::page_size();
    const std::size_t pages = pages_for(bytes_.size());
    // Pages that the system does not open again are lost: they hold old code, which nobody calls.
    if (region->pages.reopen(page * os::page_size(), pages * os::page_size()).ok()) {
        give_back(*region, page, pages);
        drop_if_empty(table, region);
    }
}

} // namespace skep::run::code
