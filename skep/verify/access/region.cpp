// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/region.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/bounds.hpp"
#include "skep/verify/access/stack.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

constexpr std::uint32_t kStrictAlignment = 1U << 0; // BPF_F_STRICT_ALIGNMENT
constexpr std::uint32_t kAnyAlignment = 1U << 1;    // BPF_F_ANY_ALIGNMENT

bool is_packet(const Value& value) {
    return value.is(ValueKind::packet) || value.is(ValueKind::packet_meta);
}

// Atomics must be aligned wherever they go; everything, where the program asks for it. Packets then
// begin two bytes after an aligned address, as Ethernet frames do.
Ruling<void> check_alignment(const Subject& subject, const RegionRequest& request) {
    const std::uint32_t flags = subject.program.flags;
    const bool is_strict = (flags & kStrictAlignment) != 0 && (flags & kAnyAlignment) == 0 &&
                           request.accessor == Accessor::load_store;
    const std::int64_t lead = is_strict && is_packet(request.value) ? 2 : 0;
    const Tnum64 place = request.value.number.bits.plus(
        Tnum64::constant(static_cast<std::uint64_t>(lead + request.value.offset + request.offset)));
    if ((request.accessor != Accessor::atomic && !is_strict) ||
        (place.greatest() & (request.size_bytes - 1)) == 0) {
        return {};
    }
    Finding finding;
    finding.code = "E0309";
    finding.os_errno = EACCES;
    const std::string variable =
        request.value.number.is_zero() ? "0" : bits_text(request.value.number.bits);
    const std::string_view kind = is_packet(request.value)                 ? "packet "
                                  : request.value.is(ValueKind::map_value) ? "value "
                                  : request.value.is(ValueKind::map_key)   ? "key "
                                                                           : "";
    finding.kernel_message =
        fmt::format("misaligned {}access off {}{}+{}+{} size {}", kind, lead != 0 ? "2+" : "",
                    variable, request.value.offset, request.offset, request.size_bytes);
    finding.what = "a misaligned access";
    finding.because = fmt::format("{} bytes at an address that is not a multiple of {}",
                                  request.size_bytes, request.size_bytes);
    return finding;
}

} // namespace

bool is_region(const Value& value) {
    return value.is(ValueKind::stack) || value.is(ValueKind::packet) ||
           value.is(ValueKind::packet_meta) || value.is(ValueKind::map_value) ||
           value.is(ValueKind::map_key) || value.is(ValueKind::memory);
}

Ruling<RegionUse> check_region(const Subject& subject, const State& state,
                               const RegionRequest& request) {
    if (!request.value.is(ValueKind::stack)) {
        TRY(check_alignment(subject, request));
    }
    if (request.value.is(ValueKind::stack)) {
        return check_stack(subject, state, request);
    }
    if (request.value.is(ValueKind::map_value)) {
        return check_map_value(subject, request);
    }
    if (request.value.is(ValueKind::map_key)) {
        return check_map_key(subject, request);
    }
    if (request.value.is(ValueKind::memory)) {
        return check_sized_memory(subject, request);
    }
    return check_packet(subject, request);
}

} // namespace skep::verify
