// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/range_text.hpp"

#include <fmt/format.h>

#include <limits>

#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {

std::string returned_out_of_range(std::string_view where, const Value& result,
                                  const ReturnRange& range) {
    if (!result.is_scalar()) {
        return fmt::format("{} the register R0 is not a known value ({})", where,
                           kind_text(result));
    }
    const auto& s = result.number.s;
    std::string text = fmt::format("{} the register R0 has", where);
    const bool from = s.min > std::numeric_limits<std::int64_t>::min();
    const bool to = s.max < std::numeric_limits<std::int64_t>::max();
    text += from ? fmt::format(" smin={}", s.min) : "";
    text += to ? fmt::format(" smax={}", s.max) : "";
    text += !from && !to ? " unknown scalar value" : "";
    return text + fmt::format(" should have been in [{}, {}]", range.min, range.max);
}

} // namespace skep::verify
