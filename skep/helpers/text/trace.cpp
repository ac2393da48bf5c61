// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Lines and records for whoever watches: bpf_trace_printk and perf events.
//
// A perf event array holds what user space put there; this engine has no perf rings behind those
// numbers yet, so an event that is there answers as one without a ring (ENOSPC), an empty slot
// ENOENT.
//
// Proved by: format_test.cpp.
#include <array>
#include <cerrno>

#include "skep/helpers/adapter.hpp"
#include "skep/helpers/text/format.hpp"
#include "skep/maps/map.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;

constexpr std::uint32_t kLineBytes = 1024; // longer lines are cut

// A line is what was printed up to its end or a closing newline.
std::int64_t print_line(Invocation& invocation, std::string_view text,
                        std::span<const std::uint64_t> arguments) {
    std::array<char, kLineBytes> line;
    const std::int64_t length = format(invocation, text, arguments, line);
    if (length < 0) {
        return length;
    }
    auto size = static_cast<std::uint32_t>(std::min<std::int64_t>(length, kLineBytes - 1));
    size -= size > 0 && line[size - 1] == '\n' ? 1 : 0;
    line[size] = '\0';
    const Services* services = invocation.services;
    if (services != nullptr && services->trace != nullptr) {
        services->trace(services->owner, invocation, line.data(), size);
    }
    return length;
}

// The format up to its zero, which must be there.
bool text_of(const char* bytes, std::uint32_t size_bytes, std::string_view& text) {
    const std::string_view all(bytes, size_bytes);
    const std::size_t end = all.find('\0');
    text = all.substr(0, end == std::string_view::npos ? 0 : end);
    return end != std::string_view::npos;
}

std::int64_t trace_printk(Invocation& invocation, const char* bytes, std::uint32_t size_bytes,
                          std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    std::string_view text;
    const std::array<std::uint64_t, 3> arguments{first, second, third};
    return text_of(bytes, size_bytes, text) ? print_line(invocation, text, arguments) : -EINVAL;
}

std::int64_t trace_vprintk(Invocation& invocation, const char* bytes, std::uint32_t size_bytes,
                           const std::uint64_t* arguments, std::uint32_t arguments_bytes) {
    std::string_view text;
    const bool good = arguments_bytes % 8 == 0 && arguments_bytes <= kFormatArgumentsMost * 8 &&
                      (arguments_bytes == 0 || arguments != nullptr);
    return good && text_of(bytes, size_bytes, text)
               ? print_line(invocation, text, {arguments, arguments_bytes / 8})
               : -EINVAL;
}

constexpr std::uint64_t kIndexMask = 0xffffffff; // also: the current CPU

// 0 when an event is in the slot that the flags name.
std::int64_t find_event(Invocation& invocation, maps::Map& events, std::uint64_t flags) {
    const std::uint64_t wanted = flags & kIndexMask;
    const std::uint64_t index = wanted == kIndexMask ? invocation.cpu : wanted;
    if (index >= events.spec().max_entries) {
        return -E2BIG;
    }
    const auto key = static_cast<std::uint32_t>(index);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&key); // NOLINT: bytes of a local
    return events.lookup(bytes, invocation.cpu) == nullptr ? -ENOENT : 0;
}

std::int64_t perf_event_output(Invocation& invocation, const void*, maps::Map& events,
                               std::uint64_t flags, const void*, std::uint64_t) {
    constexpr std::uint64_t kContextLengthMask = std::uint64_t{0xfffff} << 32;
    if ((flags & ~(kIndexMask | kContextLengthMask)) != 0) {
        return -EINVAL;
    }
    const std::int64_t found = find_event(invocation, events, flags);
    return found != 0 ? found : -ENOSPC;
}

constexpr Row kRows[] = {
    {Helper::trace_printk, kNative<trace_printk>},
    {Helper::trace_vprintk, kNative<trace_vprintk>},
    {Helper::perf_event_output, kNative<perf_event_output>},
};

} // namespace

std::span<const Row> trace_helpers() { return kRows; }

} // namespace skep::helpers
