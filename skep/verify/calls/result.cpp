// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/spec/maps/map_contents.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/calls/objects/dynptr.hpp"
#include "skep/verify/calls/objects/exchange.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

using spec::ArgKind;
using spec::ResultKind;

constexpr std::int64_t kLowestError = -4095;

Value maybe_null(Value value, IdSource& ids) {
    value.flags |= kMaybeNull;
    value.id = ids.next();
    return value;
}

// What a map of maps or of sockets holds shows when the result is compared with null
// (transfer/null_check).
Value map_entry(const CallSite& site, const CallPlan& plan, IdSource& ids) {
    Value value = Value::pointer(ValueKind::map_value, 0, plan.map->number);
    value.instance = site.value(1).instance;
    const bool is_lookup = site.helper.id == spec::Helper::map_lookup_elem;
    if (!is_lookup || plan.constant_key < 0) {
        return maybe_null(value, ids);
    }
    value.id = has_lock(site.subject, value) ? ids.next() : 0;
    return value;
}

// A part of a socket lives as long as the socket that it was taken from.
Value borrowed(const CallSite& site, Value value, IdSource& ids) {
    value = maybe_null(value, ids);
    // A listening socket is another one, and stays.
    if (!site.helper.effects.has(spec::Effect::acquires) &&
        site.helper.id != spec::Helper::get_listener_sock) {
        value.reference_id = site.value(1).reference_id;
    }
    return value;
}

Value typed(const CallSite& site, std::uint32_t flags) {
    return Value::pointer(ValueKind::btf_object, flags,
                          kernel_structure(site.subject, site.helper.result.type).value_or(0));
}

Value record(const CallSite& /*site*/, const CallPlan& plan, IdSource& ids) {
    return maybe_null(Value::pointer(ValueKind::memory, kRingbuf, plan.kept), ids);
}

Value number_up_to(std::int64_t least, std::uint64_t greatest) {
    const auto bound = static_cast<std::int64_t>(std::min<std::uint64_t>(greatest, 0x7fffffff));
    Scalar number = Scalar::signed_range(least, bound);
    return Value::scalar(number);
}

} // namespace

Ruling<void> check_result_known(const CallSite& site, const CallPlan& /*plan*/) {
    const spec::ResultRule& rule = site.helper.result;
    const bool is_typed = rule.kind == ResultKind::btf_id ||
                          rule.kind == ResultKind::btf_id_or_null ||
                          rule.kind == ResultKind::trusted_btf_id;
    if (is_typed && !kernel_structure(site.subject, rule.type).has_value()) {
        return refuse(
            FindingCode::not_known_yet, EINVAL,
            fmt::format("unknown return type of func {}#{}", site.name(),
                        static_cast<std::uint32_t>(site.helper.id)),
            fmt::format("{} gives a struct {}, and no kernel types were given that have it",
                        site.name(), rule.type));
    }
    return {};
}

bool acquires(const CallSite& site, const CallPlan& plan) {
    const bool finds_socket = site.helper.result.kind == ResultKind::map_value_or_null &&
                              plan.map.has_value() &&
                              spec::holds_sockets(site.subject.map(*plan.map).type);
    return site.helper.effects.has(spec::Effect::acquires) || finds_socket;
}

Value result_of(const CallSite& site, const CallPlan& plan, IdSource& ids) {
    switch (site.helper.result.kind) {
    case ResultKind::nothing:
        return Value::uninitialised();
    case ResultKind::integer:
        return Value::unknown();
    case ResultKind::count_or_error:
        return number_up_to(kLowestError, plan.size_argument);
    case ResultKind::cpu_number:
        return number_up_to(0, std::max(site.subject.environment.cpu_count, 1U) - 1);
    case ResultKind::map_value:
        return Value::pointer(ValueKind::map_value, 0, plan.map->number);
    case ResultKind::map_value_or_null:
        return map_entry(site, plan, ids);
    case ResultKind::socket_or_null:
        return borrowed(site, Value::pointer(ValueKind::socket), ids);
    case ResultKind::sock_common_or_null:
        return borrowed(site, Value::pointer(ValueKind::socket_common), ids);
    case ResultKind::tcp_sock_or_null:
        return borrowed(site, Value::pointer(ValueKind::tcp_socket), ids);
    case ResultKind::ringbuf_mem_or_null:
        return record(site, plan, ids);
    case ResultKind::btf_id:
        return typed(site, 0);
    case ResultKind::btf_id_or_null:
        return borrowed(site, typed(site, 0), ids);
    case ResultKind::trusted_btf_id:
        return typed(site, kTrusted);
    case ResultKind::dynptr_mem_or_null:
        return dynptr_slice(*plan.dynptr, plan.kept, ids);
    case ResultKind::kptr_or_null:
        return taken_pointer(site, plan, ids);
    case ResultKind::rdonly_mem_or_btf_id:
        return on_one_cpu(site.subject, site.value(1));
    case ResultKind::rdonly_mem_or_btf_id_or_null:
        return maybe_null(on_one_cpu(site.subject, site.value(1)), ids);
    }
    return Value::uninitialised();
}

} // namespace skep::verify
