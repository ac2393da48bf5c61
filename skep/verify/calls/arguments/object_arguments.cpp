// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/arguments/object_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/calls/arguments/argument_kinds.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

using spec::ArgKind;

Finding moved_context(const CallSite& site, unsigned number) {
    const Value& value = site.value(number);
    std::string message;
    if (!value.at_fixed_offset()) {
        message =
            fmt::format("variable ctx access var_off={} disallowed", bits_text(value.number.bits));
    } else {
        const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
        message = offset < 0
                      ? fmt::format("negative offset ctx ptr R{} off={} disallowed", number, offset)
                      : fmt::format("dereference of modified ctx ptr R{} off={} disallowed", number,
                                    offset);
    }
    return refuse(FindingCode::wrong_argument, EACCES, std::move(message),
                  fmt::format("{} takes the context as the program was given it; R{} was moved",
                              site.name(), number));
}

bool is_moved(const Value& value) { return value.offset != 0 || !value.number.is_zero(); }

Finding wrong_type(const CallSite& site, unsigned number, std::string_view wanted) {
    const Value& value = site.value(number);
    const std::string type = type_name(site.subject, value);
    return refuse(FindingCode::wrong_argument, EACCES,
                  fmt::format("R{} is of type {} but {} is expected", number, type, wanted),
                  fmt::format("argument {} of {} is a struct {}, and R{} points at a struct {}",
                              number, site.name(), wanted, number, type));
}

std::string_view wanted_type(const spec::Arg& argument) {
    const bool is_socket = argument.kind == ArgKind::btf_id_sock_common ||
                           argument.kind == ArgKind::btf_id_sock_common_or_null;
    return is_socket ? "sock_common" : argument.type;
}

} // namespace

Ruling<void> check_context_argument(const CallSite& site, unsigned number, CallPlan& /*plan*/) {
    if (is_absent(site, number) || !is_moved(site.value(number))) {
        return {};
    }
    return moved_context(site, number);
}

namespace {

Ruling<void> check_type(const CallSite& site, unsigned number, std::string_view wanted) {
    const Value& value = site.value(number);
    if (!value.is(ValueKind::btf_object)) {
        return {};
    }
    if (!value.at_fixed_offset()) {
        return refuse(
            FindingCode::wrong_argument, EACCES,
            fmt::format("variable ptr_ access var_off={} disallowed", bits_text(value.number.bits)),
            "the object's address was moved by a number that is not known");
    }
    if (!begins_with_type(site.subject, value, wanted)) {
        return wrong_type(site, number, wanted);
    }
    return {};
}

} // namespace

Ruling<void> check_typed_argument(const CallSite& site, unsigned number, CallPlan& /*plan*/) {
    return is_absent(site, number) ? Ruling<void>{}
                                   : check_type(site, number, wanted_type(site.argument(number)));
}

Ruling<void> check_socket_value(const CallSite& site, unsigned number) {
    return check_type(site, number, "sock_common");
}

Ruling<void> check_record_argument(const CallSite& site, unsigned number, CallPlan& /*plan*/) {
    if (!is_moved(site.value(number))) {
        return {};
    }
    return refuse(
        FindingCode::wrong_release, EINVAL,
        fmt::format("R{} must have zero offset when passed to release func or trusted arg to kfunc",
                    number),
        fmt::format("{} takes the address that the reservation gave; R{} was moved", site.name(),
                    number));
}

Ruling<void> check_constant_size(const CallSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (!value.is_constant()) {
        return refuse(FindingCode::wrong_size, EACCES,
                      fmt::format("R{} is not a known constant'", number),
                      fmt::format("{} needs a size that is the same on every run", site.name()));
    }
    // A reservation beyond 32 bits fails whenever it is made, so its size does not matter.
    plan.kept = static_cast<std::uint32_t>(value.number.value());
    plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
    return {};
}

Ruling<void> check_text_argument(const CallSite& site, unsigned number, CallPlan& /*plan*/) {
    const Value& value = site.value(number);
    const spec::MapSpec& map = site.subject.map(value.map());
    if ((map.flags & spec::kMapReadOnlyProgram) == 0) {
        return refuse(
            FindingCode::wrong_argument, EACCES,
            fmt::format("R{} does not point to a readonly map'", number),
            fmt::format("the text for {} must be constant: programs may write to map '{}'",
                        site.name(), map.name));
    }
    if (!value.at_fixed_offset()) {
        return refuse(FindingCode::wrong_argument, EACCES,
                      fmt::format("R{} is not a constant address'", number),
                      fmt::format("which text {} is given must be known", site.name()));
    }
    if (map.constant_value.empty()) {
        return refuse(
            FindingCode::wrong_argument, EACCES, "no direct value access support for this map type",
            fmt::format("the contents of map '{}' are not known yet; it must be frozen", map.name));
    }
    const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
    const auto size = static_cast<std::int64_t>(map.constant_value.size());
    const bool ends = offset >= 0 && offset < size &&
                      std::find(map.constant_value.begin() + offset, map.constant_value.end(), 0) !=
                          map.constant_value.end();
    if (!ends) {
        return refuse(FindingCode::wrong_argument, EINVAL, "string is not zero-terminated",
                      fmt::format("no zero byte follows offset {} of map '{}'", offset, map.name));
    }
    return {};
}

Ruling<void> check_release(const CallSite& site, unsigned number, CallPlan& plan) {
    const bool is_dynptr =
        site.argument(number).kind == ArgKind::ringbuf_dynptr; // asked with its slots
    if (site.helper.effects.released_argument != number || is_absent(site, number) || is_dynptr) {
        return {};
    }
    const Value& value = site.value(number);
    if (value.reference_id == 0) {
        return refuse(
            FindingCode::wrong_release, EINVAL,
            fmt::format("R{} must be referenced when passed to release function", number),
            fmt::format("{} gives back what an acquiring call gave; R{} does not come from one",
                        site.name(), number));
    }
    plan.released_reference = value.reference_id;
    return {};
}

} // namespace skep::verify
