// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/code_table.hpp"

namespace skep::run::code {

bool CodeTable::holds(std::uintptr_t address) const {
    const std::size_t used = ranges_used.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < used; ++i) {
        const std::uintptr_t end = ranges[i].end.load(std::memory_order_acquire);
        if (address < end && address >= ranges[i].begin.load(std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

CodeTable& code_table() {
    static CodeTable& table = *new CodeTable(); // NOLINT: outlives everything, on purpose
    return table;
}

} // namespace skep::run::code
