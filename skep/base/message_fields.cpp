// SPDX-License-Identifier: Apache-2.0
#include "skep/base/message_fields.hpp"

namespace skep {

void write_content(ByteWriter& writer, Bytes bytes) {
    writer.write(static_cast<std::uint32_t>(bytes.size()));
    writer.write_bytes(bytes);
}

void write_text(ByteWriter& writer, std::string_view text) {
    write_content(writer, ByteVector(text.begin(), text.end()));
}

Result<ByteVector> read_content(ByteReader& reader) {
    const auto size = TRY(reader.read<std::uint32_t>());
    const Bytes bytes = TRY(reader.read_bytes(size));
    return ByteVector(bytes.begin(), bytes.end());
}

Result<std::string> read_text(ByteReader& reader, std::uint32_t longest) {
    const ByteVector bytes = TRY(read_content(reader));
    if (bytes.size() > longest) {
        return fail(Code::too_big, "a text in a message is too long");
    }
    return std::string(bytes.begin(), bytes.end());
}

Result<std::uint32_t> read_count(ByteReader& reader, std::uint32_t most) {
    const auto count = TRY(reader.read<std::uint32_t>());
    if (count > most) {
        return fail(Code::too_big, "a list in a message is too long");
    }
    return count;
}

} // namespace skep
