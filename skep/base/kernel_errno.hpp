// SPDX-License-Identifier: Apache-2.0
//
// ENOTSUPP: the one errno that only the kernel has a name for, and answers with all the same.
#pragma once

namespace skep {

inline constexpr int kNotSupported = 524;

} // namespace skep
