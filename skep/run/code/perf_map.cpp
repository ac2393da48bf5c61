// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/perf_map.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "skep/os/machine.hpp"
#include "skep/os/storage/append_file.hpp"

namespace skep::run::code {
namespace {

// A name ends at the end of its line, whatever a stranger called the function.
std::string on_one_line(std::string name) {
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return name;
}

} // namespace

std::string perf_map_lines(const CodeListing& listing, std::span<const std::string> names) {
    std::string lines;
    for (std::size_t i = 0; i < listing.subprogram_offsets.size(); ++i) {
        const std::uint64_t begin = listing.subprogram_offsets[i];
        const std::uint64_t end = i + 1 < listing.subprogram_offsets.size()
                                      ? listing.subprogram_offsets[i + 1]
                                      : listing.bytes.size();
        const std::string name =
            i < names.size() ? on_one_line(names[i]) : fmt::format("bpf_subprogram_{}", i);
        lines += fmt::format("{:x} {:x} {}\n", listing.address + begin, end - begin, name);
    }
    return lines;
}

Result<void> add_to_perf_map(const CodeListing& listing, std::span<const std::string> names,
                             const std::string& folder) {
    return os::append_to_own_file(fmt::format("{}/perf-{}.map", folder, os::process_id()),
                                  perf_map_lines(listing, names));
}

} // namespace skep::run::code
