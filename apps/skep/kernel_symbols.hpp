// SPDX-License-Identifier: Apache-2.0
//
// The names of the running kernel's addresses, from /proc/kallsyms. A process without privilege
// reads zeros there: then nothing has a name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skep::app {

class KernelSymbols {
  public:
    static KernelSymbols read();

    // The symbol at exactly this address, or empty.
    [[nodiscard]] std::string_view at(std::uint64_t address) const;
    // Where a symbol is; 0 for a process that is not shown addresses.
    [[nodiscard]] std::optional<std::uint64_t> address_of(std::string_view name) const;
    // What the immediate of a helper call counts from; 0 when unknown.
    [[nodiscard]] std::uint64_t call_base() const { return call_base_; }

  private:
    struct Symbol {
        std::uint64_t address = 0;
        std::string_view name;
    };
    std::string text_;
    std::vector<Symbol> symbols_; // rising by address
    std::uint64_t call_base_ = 0;
};

} // namespace skep::app
