// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4): program tags and digests of frozen maps are its output.
//
// Proved by: sha256_test.cpp (the standard's own examples).
#pragma once

#include <array>
#include <cstdint>

#include "skep/base/bytes.hpp"

namespace skep {

using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest sha256(Bytes message);

} // namespace skep
