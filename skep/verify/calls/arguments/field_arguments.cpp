// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/arguments/field_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/verify/calls/objects/graph.hpp"
#include "skep/verify/calls/objects/locks.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

Finding misplaced(std::string kernel_message, std::string because) {
    return refuse(FindingCode::wrong_object, EINVAL, std::move(kernel_message), std::move(because));
}

Ruling<void> check_field(const CallSite& site, unsigned number, std::string_view type) {
    const Value& value = site.value(number);
    const bool in_value = value.is(ValueKind::map_value);
    const std::string name = in_value ? site.subject.map(value.map()).name : "kptr";
    if (!value.at_fixed_offset()) {
        return misplaced(
            fmt::format("R{} doesn't have constant offset. {} has to be at the constant offset",
                        number, type),
            fmt::format("where in '{}' R{} points is not known", name, number));
    }
    const bool has_types = !in_value || (site.subject.map(value.map()).btf_value_type_id != 0 &&
                                         site.subject.environment.program_types != nullptr);
    if (!has_types) {
        return misplaced(fmt::format("map '{}' has to have BTF in order to use {}", name, type),
                         "only the types of the map's values tell where such a field is");
    }
    const std::vector<SpecialField>& fields = special_fields(site.subject, value);
    const auto field = std::ranges::find(fields, type, &SpecialField::name);
    if (field == fields.end()) {
        return misplaced(
            fmt::format("{} '{}' has no valid {}", in_value ? "map" : "local", name, type),
            fmt::format("'{}' has no struct {}", name, type));
    }
    const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
    if (offset != field->offset) {
        return misplaced(fmt::format("off {} doesn't point to 'struct {}' that is at {}", offset,
                                     type, field->offset),
                         fmt::format("R{} points at offset {}", number, offset));
    }
    return {};
}

} // namespace

Ruling<void> check_lock_argument(const CallSite& site, unsigned number, CallPlan& plan) {
    constexpr std::string_view kType = "bpf_spin_lock";
    if (orders_tree(site.subject, site.state)) {
        return refuse(FindingCode::lock_misuse, EINVAL, "can't spin_{lock,unlock} in rbtree cb",
                      "the lock of the tree is held by the function that called this one");
    }
    TRY(check_field(site, number, kType));
    plan.kept = allocation_of(site.value(number));
    const Resource* held = site.state.resources.first(ResourceKind::spin_lock);
    if (site.helper.effects.has(spec::Effect::locks)) {
        return held == nullptr
                   ? Ruling<void>{}
                   : refuse(FindingCode::lock_misuse, EINVAL,
                            "Locking two bpf_spin_locks are not allowed",
                            fmt::format("the lock taken at instruction {} is still held",
                                        held->acquired_at.value));
    }
    if (held == nullptr) {
        return refuse(FindingCode::lock_misuse, EINVAL, "bpf_spin_unlock without taking a lock",
                      "no lock is held");
    }
    if (held->object != plan.kept) {
        return refuse(
            FindingCode::lock_misuse, EINVAL, "bpf_spin_unlock of different lock",
            fmt::format("the lock that is held was taken at instruction {}, in another value",
                        held->acquired_at.value));
    }
    return {};
}

Ruling<void> check_timer_argument(const CallSite& site, unsigned number, CallPlan& plan) {
    constexpr std::string_view kType = "bpf_timer";
    TRY(check_field(site, number, kType));
    plan.map = site.value(number).map(); // whose key and value the callback gets
    return {};
}

Ruling<void> check_timer_map(const CallSite& site, CallPlan& /*plan*/) {
    const Value& timer = site.value(1);
    const Value& map = site.value(2);
    if (timer.map() == map.map() && timer.instance == map.instance) {
        return {};
    }
    return misplaced(
        fmt::format("timer pointer in R1 map_uid={} doesn't match map pointer in R2 map_uid={}",
                    timer.instance, map.instance),
        "the map that is passed is not the one that the timer lies in");
}

void step_lock(const CallSite& site, const CallPlan& plan, State& state, IdSource& ids) {
    if (site.helper.effects.has(spec::Effect::locks)) {
        state.resources.acquire(ResourceKind::spin_lock, ids.next(), site.at, plan.kept);
    }
    if (site.helper.effects.has(spec::Effect::unlocks)) {
        const Resource* held = state.resources.first(ResourceKind::spin_lock);
        SKEP_ASSERT(held != nullptr); // check_lock_argument saw it
        state.resources.release(held->id);
        end_lent_objects(state);
    }
}

} // namespace skep::verify
