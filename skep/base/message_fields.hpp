// SPDX-License-Identifier: Apache-2.0
//
// Fields of messages whose length goes before them: 32 bits that say how many bytes, or how many
// entries, follow. What is read is never longer than the message, and a list never longer than its
// reader expects.
//
// Proved by: message_fields_test.cpp.
#pragma once

#include <string>
#include <string_view>

#include "skep/base/bytes.hpp"

namespace skep {

void write_content(ByteWriter& writer, Bytes bytes);
void write_text(ByteWriter& writer, std::string_view text);

Result<ByteVector> read_content(ByteReader& reader);
Result<std::string> read_text(ByteReader& reader, std::uint32_t longest);
// How many entries of a list follow.
Result<std::uint32_t> read_count(ByteReader& reader, std::uint32_t most);

} // namespace skep
