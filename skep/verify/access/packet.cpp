// SPDX-License-Identifier: Apache-2.0
//
// Packet memory: as far as a comparison with the end has proved, counted from the register's base.
#include <fmt/format.h>

#include <cerrno>

#include "skep/spec/program_types.hpp"
#include "skep/verify/access/bounds.hpp"

namespace skep::verify {
namespace {

Finding past_the_end(const RegionRequest& request, std::int64_t begin) {
    const Value& value = request.value;
    Finding finding;
    finding.code = "E0302";
    finding.os_errno = EACCES;
    finding.kernel_detail =
        fmt::format("invalid access to packet, off={} size={}, R{}(id={},off={},r={})", begin,
                    request.size_bytes, request.reg, value.id, begin, value.range);
    finding.kernel_message = fmt::format("R{} offset is outside of the packet", request.reg);
    finding.what = "packet access past the proved end";
    const std::int64_t needed = begin + request.size_bytes;
    if (value.range > 0) {
        finding.because = fmt::format(
            "bytes {} to {} from R{}'s base are used, and only {} were proved to be there", begin,
            needed - 1, request.reg, value.range);
    } else {
        finding.because = fmt::format(
            "bytes {} to {} from R{}'s base are used, and no comparison with data_end proved any",
            begin, needed - 1, request.reg);
    }
    finding.suggestion = fmt::format(
        "before it, compare with the end: if (pointer + {} > data_end) return ...;", needed);
    return finding;
}

Finding may_be_negative(const RegionRequest& request) {
    Finding finding;
    finding.code = "E0302";
    finding.os_errno = EACCES;
    finding.kernel_message = fmt::format(
        "R{} min value is negative, either use unsigned index or do a if (index >=0) check.",
        request.reg);
    finding.what = "an offset that may be negative";
    finding.because = fmt::format("the variable part of R{} may be as low as {}", request.reg,
                                  request.value.number.s.min);
    finding.suggestion = "make the index unsigned, or test that it is not negative";
    return finding;
}

} // namespace

Ruling<RegionUse> check_packet(const Subject& subject, const RegionRequest& request) {
    const spec::ProgramTypeRow* row = spec::find(subject.program.type);
    const auto allowed = row == nullptr ? spec::PacketAccess::none : row->packet;
    if (request.direction == Direction::write && allowed != spec::PacketAccess::write) {
        Finding finding;
        finding.code = "E0302";
        finding.os_errno = EACCES;
        finding.kernel_message = "cannot write into packet";
        finding.what = "this type of program may not write into packets";
        finding.because = fmt::format("the packet of a program of type {} is read-only",
                                      row == nullptr ? "?" : row->name);
        return finding;
    }
    if (request.value.number.s.min < 0) {
        return may_be_negative(request);
    }
    const std::int64_t begin = std::int64_t{request.value.offset} + request.offset;
    const std::int64_t end = begin + request.size_bytes;
    if (request.value.range < 0 || begin < 0 || end > request.value.range) {
        return past_the_end(request, begin);
    }
    return RegionUse{.offset_mattered = false};
}

} // namespace skep::verify
