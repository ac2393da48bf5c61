// SPDX-License-Identifier: Apache-2.0
//
// The benchmark programs as native code. CMake compiles each source at two levels and writes the
// list of them (natives.cpp in the build folder).
#pragma once

#include <span>

#include "bench/program.hpp"

namespace skep::bench {

std::span<const NativeForm> natives();

} // namespace skep::bench
