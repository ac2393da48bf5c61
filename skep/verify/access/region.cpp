// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/region.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/bounds.hpp"
#include "skep/verify/access/stack.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

// Atomics must be aligned wherever they go.
Ruling<void> check_atomic_alignment(const RegionRequest& request) {
    const Tnum64 place = request.value.number.bits.plus(Tnum64::constant(
        static_cast<std::uint64_t>(std::int64_t{request.value.offset} + request.offset)));
    if (request.accessor != Accessor::atomic ||
        (place.greatest() & (request.size_bytes - 1)) == 0) {
        return {};
    }
    Finding finding;
    finding.code = "E0309";
    finding.os_errno = EACCES;
    const std::string variable =
        request.value.number.is_zero() ? "0" : bits_text(request.value.number.bits);
    finding.kernel_message =
        fmt::format("misaligned {}access off {}+{}+{} size {}",
                    request.value.is(ValueKind::map_value) ? "value " : "", variable,
                    request.value.offset, request.offset, request.size_bytes);
    finding.what = "a misaligned atomic access";
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
        TRY(check_atomic_alignment(request));
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
