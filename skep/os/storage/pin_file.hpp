// SPDX-License-Identifier: Apache-2.0
//
// Pin files: small ordinary files whose inode stands for an object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

// A new file, which must not exist; mode 0600.
Result<Fd> create_pin_file(const std::string& path);
// What is at the path, whatever it is; the errors of opening it for reading.
Result<Fd> open_pin_file(const std::string& path);

enum class FileKind : std::uint8_t { regular, directory, other };
struct FileFacts {
    FileKind kind = FileKind::other;
    std::uint64_t names = 0; // hard links
    std::uint64_t size_bytes = 0;
};
Result<FileFacts> facts_of(const Fd& file);

// Makes the file hold this text and nothing else; the first `limit` bytes of it.
Result<void> set_text(const Fd& file, std::string_view text);
Result<std::string> text_of(const Fd& file, std::size_t limit);

Result<void> resize(const Fd& file, std::uint64_t size_bytes);
void remove_file(const std::string& path);

} // namespace skep::os
