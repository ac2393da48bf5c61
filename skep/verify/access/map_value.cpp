// SPDX-License-Identifier: Apache-2.0
//
// Blocks of a known size: map values and keys, sized memory.
#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/bounds.hpp"
#include "skep/verify/access/special_fields.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

constexpr std::uint64_t kMaxVariableOffset = 1ULL << 29;

Finding out_of_block(const Block& block, const RegionRequest& request, std::int64_t begin,
                     std::string last_line) {
    Finding finding;
    finding.code = "E0304";
    finding.os_errno = EACCES;
    finding.kernel_detail = fmt::format("invalid access to {}, {}={} off={} size={}", block.name,
                                        block.size_name, block.bytes, begin, request.size_bytes);
    finding.kernel_message = std::move(last_line);
    finding.what = "an access outside the memory block";
    finding.because = fmt::format("{} bytes at offset {} of a block of {} bytes",
                                  request.size_bytes, begin, block.bytes);
    finding.suggestion =
        "bound the index before using it, for example: if (index >= SIZE) return ...;";
    return finding;
}

Finding unbounded(std::string kernel_message, std::string because) {
    Finding finding;
    finding.code = "E0304";
    finding.os_errno = EACCES;
    finding.kernel_message = std::move(kernel_message);
    finding.what = "an index without a bound";
    finding.because = std::move(because);
    finding.suggestion =
        "make the index unsigned and test it against the size, or mask it: index &= SIZE - 1";
    return finding;
}

bool fits(const Block& block, std::int64_t begin, std::uint32_t size_bytes) {
    return begin >= 0 && begin + size_bytes <= std::int64_t{block.bytes};
}

Ruling<void> check_map_permission(const spec::MapSpec& map, const RegionRequest& request) {
    const bool writes = request.direction == Direction::write;
    const std::uint32_t forbidding =
        writes ? spec::kMapReadOnlyProgram : spec::kMapWriteOnlyProgram;
    if ((map.flags & forbidding) == 0) {
        return {};
    }
    Finding finding;
    finding.code = "E0304";
    finding.os_errno = EACCES;
    finding.kernel_message =
        fmt::format("{} map forbidden, value_size={} off={} size={}",
                    writes ? "write into" : "read from", map.value_size_bytes,
                    std::int64_t{request.value.offset} + request.offset, request.size_bytes);
    finding.what = writes ? "a write into a map that is read-only for programs"
                          : "a read from a map that is write-only for programs";
    finding.because = fmt::format("map {} was made so", map.name);
    return finding;
}

} // namespace

Ruling<void> check_inside(const Block& block, const RegionRequest& request) {
    const std::int64_t fixed = std::int64_t{request.value.offset} + request.offset;
    const Scalar& number = request.value.number;
    if (number.is_constant()) {
        const std::int64_t begin = fixed + static_cast<std::int64_t>(number.value());
        if (!fits(block, begin, request.size_bytes)) {
            return out_of_block(
                block, request, begin,
                fmt::format("R{} min value is outside of the allowed memory range", request.reg));
        }
        return {};
    }
    // 32-bit offsets: what does not fit is as good as unbounded.
    if (number.s.min < 0 && (number.s.min < -static_cast<std::int64_t>(kMaxVariableOffset) ||
                             number.s.min + fixed < 0)) {
        return unbounded(
            fmt::format("R{} min value is negative, either use unsigned index or do a if (index "
                        ">=0) check.",
                        request.reg),
            fmt::format("the variable part of R{} may be as low as {}", request.reg, number.s.min));
    }
    if (!fits(block, number.s.min + fixed, request.size_bytes)) {
        return out_of_block(
            block, request, number.s.min + fixed,
            fmt::format("R{} min value is outside of the allowed memory range", request.reg));
    }
    if (number.u.max >= kMaxVariableOffset) {
        return unbounded(
            fmt::format("R{} unbounded memory access, make sure to bounds check any such access",
                        request.reg),
            fmt::format("nothing on this path bounds the variable part of R{} from above",
                        request.reg));
    }
    if (!fits(block, static_cast<std::int64_t>(number.u.max) + fixed, request.size_bytes)) {
        return out_of_block(
            block, request, static_cast<std::int64_t>(number.u.max) + fixed,
            fmt::format("R{} max value is outside of the allowed memory range", request.reg));
    }
    return {};
}

Ruling<RegionUse> check_map_value(const Subject& subject, const RegionRequest& request) {
    const spec::MapSpec& map = subject.map(request.value.map());
    TRY(check_map_permission(map, request));
    TRY(check_inside({map.value_size_bytes, "map value", "value_size"}, request));
    TRY(check_special_fields(subject, request));
    return RegionUse{.offset_mattered = !request.value.number.is_constant()};
}

Ruling<RegionUse> check_map_key(const Subject& subject, const RegionRequest& request) {
    const spec::MapSpec& map = subject.map(request.value.map());
    if (request.direction == Direction::write) {
        Finding finding;
        finding.code = "E0304";
        finding.os_errno = EACCES;
        finding.kernel_message = fmt::format("write to change key R{} not allowed", request.reg);
        finding.what = "a write into a map's key";
        finding.because = "keys that a callback is given may only be read";
        return finding;
    }
    TRY(check_inside({map.key_size_bytes, "map key", "key_size"}, request));
    return RegionUse{.offset_mattered = !request.value.number.is_constant()};
}

Ruling<RegionUse> check_sized_memory(const Subject&, const RegionRequest& request) {
    if (request.direction == Direction::write && request.value.has(kReadOnly)) {
        Finding finding;
        finding.code = "E0305";
        finding.os_errno = EACCES;
        finding.kernel_message =
            fmt::format("R{} cannot write into {}", request.reg, kind_text(request.value));
        finding.what = "a write into read-only memory";
        finding.because = "what the register points at may only be read";
        return finding;
    }
    // Reads that fail give zero there, so any place may be read.
    if (request.value.has(kUntrusted) && request.accessor != Accessor::helper) {
        return RegionUse{};
    }
    TRY(check_inside({request.value.size_bytes(), "memory", "mem_size"}, request));
    return RegionUse{.offset_mattered = !request.value.number.is_constant()};
}

} // namespace skep::verify
