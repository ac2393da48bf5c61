// SPDX-License-Identifier: Apache-2.0
//
// Files: reading whole ones within a bound, opening, absolute names.
#pragma once

#include <cstdint>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

inline constexpr std::uint64_t kMaxFileBytes = 256ULL << 20; // no object, BTF or script is larger

Result<std::string> absolute_path(const std::string& path); // need not exist
Result<Fd> open_to_read(const std::string& path);
Result<Fd> create_to_write(const std::string& path); // truncates
Result<Fd> create_new(const std::string& path);      // must not be there

// The whole file ("-" is standard input); too_big above `limit_bytes`.
Result<ByteVector> read_file(const std::string& path, std::uint64_t limit_bytes = kMaxFileBytes);
// Writes a whole file ("-" is standard output).
Result<void> write_file(const std::string& path, Bytes bytes);

} // namespace skep::os
