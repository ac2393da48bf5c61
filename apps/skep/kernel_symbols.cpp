// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/kernel_symbols.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace skep::app {

KernelSymbols KernelSymbols::read() {
    KernelSymbols result;
    std::ostringstream file;
    file << std::ifstream("/proc/kallsyms").rdbuf();
    result.text_ = std::move(file).str();
    std::string_view text = result.text_;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        // address, space, kind, space, name, and for modules a tab and more
        std::uint64_t address = 0;
        const auto [end, error] =
            std::from_chars(line.data(), line.data() + line.size(), address, 16);
        const auto used = static_cast<std::size_t>(end - line.data());
        if (error != std::errc() || address == 0 || line.size() < used + 4) {
            continue;
        }
        std::string_view name = line.substr(used + 3);
        name = name.substr(0, name.find('\t'));
        if (name == "__bpf_call_base") {
            result.call_base_ = address;
        }
        result.symbols_.push_back({address, name});
    }
    std::stable_sort(
        result.symbols_.begin(), result.symbols_.end(),
        [](const Symbol& left, const Symbol& right) { return left.address < right.address; });
    return result;
}

std::string_view KernelSymbols::at(std::uint64_t address) const {
    const auto found = std::lower_bound(
        symbols_.begin(), symbols_.end(), address,
        [](const Symbol& symbol, std::uint64_t wanted) { return symbol.address < wanted; });
    return found != symbols_.end() && found->address == address ? found->name : std::string_view();
}

std::optional<std::uint64_t> KernelSymbols::address_of(std::string_view name) const {
    const std::string_view text = text_;
    for (std::size_t at = text.find(name); at != std::string_view::npos;
         at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        const bool is_whole = at > 0 && text[at - 1] == ' ' &&
                              (end == text.size() || text[end] == '\n' || text[end] == '\t');
        if (is_whole) {
            const std::size_t line = text.rfind('\n', at) + 1; // 0 at the beginning
            std::uint64_t address = 0;
            std::from_chars(text.data() + line, text.data() + at, address, 16);
            return address;
        }
    }
    return std::nullopt;
}

} // namespace skep::app
