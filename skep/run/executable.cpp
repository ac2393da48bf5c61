// SPDX-License-Identifier: Apache-2.0
#include "skep/run/executable.hpp"

#include <algorithm>
#include <utility>

namespace skep::run {

// Of instructions that begin at one place the first has the code, as in insn_at().
std::vector<CodeListing::Mark> CodeListing::marks_of(std::span<const std::uint32_t> insn_offsets) {
    std::vector<Mark> marks;
    if (insn_offsets.empty() || std::is_sorted(insn_offsets.begin(), insn_offsets.end())) {
        return marks;
    }
    for (std::uint32_t insn = 0; insn + 1 < insn_offsets.size(); ++insn) {
        marks.push_back({insn_offsets[insn], insn});
    }
    const auto offset_less = [](const Mark& one, const Mark& other) {
        return one.offset < other.offset;
    };
    const auto same_offset = [](const Mark& one, const Mark& other) {
        return one.offset == other.offset;
    };
    std::stable_sort(marks.begin(), marks.end(), offset_less);
    marks.erase(std::unique(marks.begin(), marks.end(), same_offset), marks.end());
    return marks;
}

std::optional<std::uint32_t> CodeListing::insn_at(std::uint64_t offset) const {
    if (offset >= bytes.size()) {
        return std::nullopt;
    }
    if (!marks.empty()) {
        const auto after =
            std::upper_bound(marks.begin(), marks.end(), offset,
                             [](std::uint64_t at, const Mark& mark) { return at < mark.offset; });
        return after == marks.begin() ? marks.front().insn : std::prev(after)->insn;
    }
    if (insn_offsets.size() < 2) {
        return std::nullopt;
    }
    // Of those that begin at one place the first: the others became one with it. What lies before
    // the first instruction is its function's beginning, what lies after the last its end.
    const auto after = std::upper_bound(insn_offsets.begin(), insn_offsets.end() - 1, offset);
    const auto begin = after == insn_offsets.begin()
                           ? insn_offsets.begin()
                           : std::lower_bound(insn_offsets.begin(), after, *std::prev(after));
    return static_cast<std::uint32_t>(begin - insn_offsets.begin());
}

// One after another, not one inside another: as many as tail calls allow would be more than
// processors remember returns of.
std::uint64_t Executable::run_rest(helpers::Invocation& invocation) {
    std::uint64_t result = 0;
    while (void* const next = std::exchange(invocation.next_program, nullptr)) {
        result = static_cast<Executable*>(next)->run_alone(invocation.context, invocation);
    }
    return result;
}

} // namespace skep::run
