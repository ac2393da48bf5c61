// SPDX-License-Identifier: Apache-2.0
#include "skep/base/bytes.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace skep {

Result<Bytes> slice(Bytes bytes, std::uint64_t offset, std::uint64_t size) {
    if (offset > bytes.size() || size > bytes.size() - offset) {
        return fail(Code::invalid_input,
                    fmt::format("{} bytes wanted at offset {}, {} bytes in all", size, offset,
                                bytes.size()));
    }
    return bytes.subspan(offset, size);
}

Result<std::string_view> text_at(Bytes bytes, std::uint64_t offset) {
    const Bytes rest =
        TRY(slice(bytes, offset, bytes.size() - std::min<std::uint64_t>(offset, bytes.size())));
    const auto end = std::find(rest.begin(), rest.end(), std::uint8_t{0});
    if (end == rest.end()) {
        return fail(Code::invalid_input, fmt::format("text at offset {} has no end", offset));
    }
    return std::string_view(
        reinterpret_cast<const char*>(rest.data()), // NOLINT: char may view bytes
        static_cast<std::size_t>(end - rest.begin()));
}

Result<Bytes> ByteReader::read_bytes(std::uint64_t size) {
    const Bytes bytes = TRY(slice(bytes_, position_, size));
    position_ += size;
    return bytes;
}

Result<void> ByteReader::skip(std::uint64_t size) {
    TRY(read_bytes(size));
    return {};
}

} // namespace skep
