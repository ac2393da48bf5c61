// SPDX-License-Identifier: Apache-2.0
//
// A verification takes no more memory than its environment allows: what takes much counts itself
// and asks here.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "skep/verify/environment.hpp"
#include "skep/verify/explain/refusal.hpp"

namespace skep::verify {

inline Ruling<void> check_memory(const Environment& environment, std::string_view taker,
                                 std::uint64_t bytes) {
    if (bytes <= environment.memory_limit_bytes) {
        return {};
    }
    return refuse({.code = FindingCode::out_of_memory,
                   .os_errno = ENOMEM,
                   .kernel = "",
                   .because = fmt::format("{} take {} bytes, and {} are allowed", taker, bytes,
                                          environment.memory_limit_bytes)});
}

} // namespace skep::verify
