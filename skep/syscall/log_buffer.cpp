// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/log_buffer.hpp"

#include <algorithm>

#include "skep/spec/limits.hpp"

namespace skep::syscall {
namespace {

constexpr std::uint32_t kKnownLevels = 15;
constexpr std::uint32_t kFixed = 8;
constexpr std::uint32_t kMostBytes = spec::limits::log_bytes;

} // namespace

Result<void> LogBuffer::check() const {
    if (level > kKnownLevels || size_bytes > kMostBytes) {
        return fail(Code::invalid_input, "no such log level, or a log buffer that is too large");
    }
    const bool has_buffer = address != 0;
    if (has_buffer != (size_bytes != 0) || (level == 0 && has_buffer)) {
        return fail(Code::invalid_input,
                    "log level, log buffer and its size do not belong together");
    }
    return {};
}

Result<LogWritten> LogBuffer::write(Caller& caller, std::string_view text) const {
    if (!is_wanted()) {
        return LogWritten{};
    }
    const std::size_t needed = text.size() + 1;
    LogWritten written{static_cast<std::uint32_t>(std::min<std::size_t>(needed, UINT32_MAX)),
                       false};
    if (size_bytes == 0) {
        return written;
    }
    written.was_cut = needed > size_bytes;
    if (written.was_cut) {
        const std::size_t kept = size_bytes - 1;
        text = (level & kFixed) != 0 ? text.substr(0, kept) : text.substr(text.size() - kept);
    }
    ByteVector bytes(text.begin(), text.end());
    bytes.push_back(0);
    TRY(caller.write(address, bytes));
    return written;
}

} // namespace skep::syscall
