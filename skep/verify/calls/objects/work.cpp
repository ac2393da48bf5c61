// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/objects/work.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

Finding refused(std::string kernel_message, std::string because) {
    return refuse(FindingCode::wrong_object, EINVAL, std::move(kernel_message), std::move(because));
}

} // namespace

Ruling<void> check_work(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    const std::string_view type = site.types.type(site.pointee(site.parameter(number).type)).name;
    if (!value.is(ValueKind::map_value) || value.may_be_null()) {
        return refused(fmt::format("arg#{} doesn't point to a map value", number - 1),
                       fmt::format("a {} lies in a map value", type));
    }
    const spec::MapSpec& map = site.subject.map(value.map());
    if (!value.at_fixed_offset()) {
        return refused(fmt::format("R{} doesn't have constant offset. {} has to be at the constant "
                                   "offset",
                                   number, type),
                       "which field it is must be known");
    }
    if (map.btf_value_type_id == 0) {
        return refused(fmt::format("map '{}' has to have BTF in order to use {}", map.name, type),
                       "only the types of the map's values tell where such a field is");
    }
    const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
    const SpecialField* known = nullptr;
    const std::vector<SpecialField>& fields = special_fields(site.subject, value);
    for (const SpecialField& field : fields) {
        known = field.name == type ? &field : known;
    }
    if (known == nullptr) {
        return refused(fmt::format("map '{}' has no valid {}", map.name, type),
                       fmt::format("the values of map '{}' have no struct {}", map.name, type));
    }
    if (offset != std::int64_t{known->offset}) {
        return refused(fmt::format("off {} doesn't point to 'struct {}' that is at {}", offset,
                                   type, known->offset),
                       fmt::format("R{} points at offset {} of the value", number, offset));
    }
    plan.map = value.map();
    plan.object = value;
    return {};
}

Ruling<void> check_map_argument(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (!value.is(ValueKind::map_pointer)) {
        return refused(fmt::format("pointer in R{} isn't map pointer", number),
                       fmt::format("argument {} of {} is a map", number, site.name()));
    }
    const bool has_entry = plan.object.has_value() && plan.object->is(ValueKind::map_value);
    if (has_entry &&
        (plan.object->map() != value.map() || plan.object->instance != value.instance)) {
        const bool is_work = site.row.rule == spec::KfuncRule::work_init;
        return refused(fmt::format("{} pointer in R{} map_uid={} doesn't match map pointer in R{} "
                                   "map_uid={}",
                                   is_work ? "workqueue" : "bpf_task_work", is_work ? 1 : 2,
                                   plan.object->instance, number, value.instance),
                       "the map that is passed is not the one that the entry lies in");
    }
    plan.map = value.map();
    return {};
}

Ruling<void> plan_work(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& function = site.value(number);
    const bool is_known = site.row.rule == spec::KfuncRule::work_set_callback ||
                          site.row.rule == spec::KfuncRule::task_work;
    if (!is_known || !plan.map.has_value()) {
        return refuse(FindingCode::not_known_yet, EINVAL,
                      fmt::format("arg#{} of {} is not supported yet", number - 1, site.name()),
                      "it is a function, and what it is called with is not known");
    }
    if (!function.is(ValueKind::function)) {
        return refused(fmt::format("arg{} expected pointer to func", number - 1),
                       "a function of the program is wanted");
    }
    CallbackRequest request;
    request.subprogram = function.subprogram();
    request.kind = CallbackKind::asynchronous;
    request.may_sleep = true;
    request.function_register = static_cast<Reg>(number);
    request.arguments[1] = Value::pointer(ValueKind::map_pointer, 0, plan.map->number);
    request.arguments[2] = Value::pointer(ValueKind::map_key, 0, plan.map->number);
    request.arguments[3] = Value::pointer(ValueKind::map_value, 0, plan.map->number);
    request.result = {0, 0};
    plan.callback = request;
    return {};
}

} // namespace skep::verify
