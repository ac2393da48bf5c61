// SPDX-License-Identifier: Apache-2.0
//
// The packets that benchmark programs are handed, by the name of the program: one that takes the
// longest way through it. A program that is not named gets a TCP segment.
#pragma once

#include <string_view>

#include "skep/base/bytes.hpp"

namespace skep::bench {

ByteVector packet_for(std::string_view program);

} // namespace skep::bench
