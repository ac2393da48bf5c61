// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/objects/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/calls/kfunc/kfunc_arguments.hpp"
#include "skep/verify/calls/objects/locks.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

using spec::KfuncRule;

constexpr std::uint32_t kMaxPerCpuBytes = 512;

Finding refused(std::string kernel_message, std::string because) {
    return refuse(FindingCode::wrong_object, EINVAL, std::move(kernel_message), std::move(because));
}

std::int64_t place_of(const Value& value) {
    return value.offset + static_cast<std::int64_t>(value.number.value());
}

// Allocated, and neither lent nor looked at under RCU.
bool is_allocated(const Value& value) {
    constexpr std::uint32_t kOther =
        kMaybeNull | kNonOwning | kRcu | kPercpu | kUntrusted | kUser | kReadOnly;
    return value.is(ValueKind::btf_object) && value.has(kAllocated) && !value.has(kOther);
}

Ruling<void> check_owned(const KfuncSite& site, unsigned number) {
    const Value& value = site.value(number);
    if (!is_allocated(value)) {
        return refused(fmt::format("arg#{} expected pointer to allocated object", number - 1),
                       fmt::format("{} takes an object that the program owns", site.name()));
    }
    if (value.reference_id == 0) {
        return refused("allocated object must be referenced",
                       "the object is not the program's any more");
    }
    return {};
}

bool has_field(const Subject& subject, const Value& value, std::string_view name) {
    const std::vector<SpecialField>& fields = special_fields(subject, value);
    return std::ranges::find(fields, name, &SpecialField::name) != fields.end();
}

// Where the lock lies in what the value points into; none: there is no lock.
std::int64_t lock_offset(const Subject& subject, const Value& value) {
    for (const SpecialField& field : special_fields(subject, value)) {
        if (field.name == "bpf_spin_lock" || field.name == "bpf_res_spin_lock") {
            return field.offset;
        }
    }
    return -EINVAL;
}

Finding moved(unsigned number, std::string_view type) {
    return refused(fmt::format("R{} doesn't have constant offset. {} has to be at the constant "
                               "offset",
                               number, type),
                   "which field it is must be known");
}

bool is_tree(const KfuncSite& site) {
    const KfuncRule rule = site.row.rule;
    return rule == KfuncRule::tree_add || rule == KfuncRule::tree_remove ||
           rule == KfuncRule::tree_look;
}

std::string struct_name(const KfuncSite& site, std::uint32_t type) {
    const btf::Btf* types = site.subject.environment.program_types;
    return types != nullptr && types->has(type) ? std::string(types->type(type).name)
                                                : std::string{};
}

// The object that a field of a list or tree holds, at its node.
Value node_of(const SpecialField& root, std::uint32_t flags) {
    Value value = Value::pointer(ValueKind::btf_object, kAllocated | flags, root.type);
    value.instance = 1;
    value.offset = static_cast<std::int32_t>(root.node_offset);
    return value;
}

std::uint32_t lent_flags(const Subject& subject, const Value& object) {
    return kNonOwning | (has_field(subject, object, "bpf_refcount") ? std::uint32_t{kRcu} : 0U);
}

// The reference goes into the list or tree; what points at the object is lent from now on.
void lend(const Subject& subject, State& state, std::uint32_t reference) {
    state.update_values([reference](const Value& value) { return value.reference_id == reference; },
                        [&subject](Value& value) {
                            value.flags |= lent_flags(subject, value);
                            value.reference_id = 0;
                        });
    state.resources.release(reference);
}

} // namespace

bool orders_tree(const Subject& subject, const State& state) {
    const Frame& frame = state.current();
    if (frame.callback != CallbackKind::synchronous) {
        return false;
    }
    const spec::KfuncRow* row = subject.kfunc_row(subject.insn(frame.call_site));
    return row != nullptr && row->rule == KfuncRule::tree_add;
}

Ruling<void> check_dropped_object(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    const bool drops_per_cpu = site.row.rule == KfuncRule::per_cpu_drop;
    constexpr std::uint32_t kKind = kMaybeNull | kUser | kReadOnly | kTrusted;
    if (value.is(ValueKind::btf_object) && value.has(kNonOwning | kRcu | kUntrusted)) {
        return refused(fmt::format("R{} must be referenced or trusted", number),
                       "the object is not the program's any more");
    }
    if (!value.is(ValueKind::btf_object) || !value.has(kAllocated) || value.has(kKind)) {
        return refused(fmt::format("arg#{} expected pointer to allocated object", number - 1),
                       fmt::format("{} takes an object that the program owns", site.name()));
    }
    if (value.has(kPercpu) != drops_per_cpu) {
        return refused(fmt::format("arg#{} expected for bpf_{}obj_drop_impl()", number - 1,
                                   drops_per_cpu ? "" : "percpu_"),
                       "objects for every CPU are dropped by another function");
    }
    if (value.reference_id == 0) {
        return refused("allocated object must be referenced",
                       "the object is not the program's any more");
    }
    if (value.offset != 0 || !value.number.is_zero()) {
        return refuse(FindingCode::wrong_release, EINVAL,
                      fmt::format("R{} must have zero offset when passed to release func or "
                                  "trusted arg to kfunc",
                                  number),
                      "the object's own address is wanted");
    }
    plan.released_reference = value.reference_id;
    return {};
}

Ruling<void> check_counted_object(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (!value.is(ValueKind::btf_object) || !value.has(kAllocated) || value.may_be_null()) {
        return refused(fmt::format("arg#{} is neither owning or non-owning ref", number - 1),
                       "an object of the program is wanted");
    }
    if (!has_field(site.subject, value, "bpf_refcount")) {
        return refused(
            fmt::format("arg#{} doesn't point to a type with bpf_refcount field", number - 1),
            "objects without a count have one owner");
    }
    plan.object = value;
    return {};
}

Ruling<void> check_root(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    const std::string_view type = is_tree(site) ? "bpf_rb_root" : "bpf_list_head";
    const bool in_value = value.is(ValueKind::map_value) && !value.may_be_null();
    if (!in_value && !is_allocated(value)) {
        return refused(
            fmt::format("arg#{} expected pointer to map value or allocated object", number - 1),
            fmt::format("a {} lies in a map value or in an object of the program", type));
    }
    if (!in_value && value.reference_id == 0) {
        return refused("allocated object must be referenced",
                       "the object is not the program's any more");
    }
    if (!value.at_fixed_offset()) {
        return moved(number, type);
    }
    const std::optional<SpecialField> field = field_at(site.subject, value, place_of(value));
    if (!field.has_value() || field->name != type || field->type == 0) {
        return refused(fmt::format("{} not found at offset={}", type,
                                   static_cast<std::uint32_t>(place_of(value))),
                       fmt::format("there is no {} there", type));
    }
    if (!is_locked(site.state, value)) {
        Finding finding = refuse(FindingCode::lock_misuse, EINVAL,
                                 fmt::format("bpf_spin_lock at off={} must be held for {}",
                                             lock_offset(site.subject, value), type),
                                 "the lock beside it is not held");
        finding.kernel_detail = site.state.resources.holds_lock()
                                    ? "held lock and object are not in the same allocation"
                                    : "";
        return finding;
    }
    plan.field = *field;
    return {};
}

Ruling<void> check_node(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    const std::string_view type = is_tree(site) ? "bpf_rb_node" : "bpf_list_node";
    const bool puts_in =
        site.row.rule == KfuncRule::list_push || site.row.rule == KfuncRule::tree_add;
    if (puts_in) {
        TRY(check_owned(site, number));
    } else {
        const bool is_lent =
            value.is(ValueKind::btf_object) && value.has(kAllocated) && value.has(kNonOwning);
        if (value.may_be_null()) {
            const bool is_at_start = place_of(value) == 0;
            return refuse(FindingCode::null_check_missing, EACCES,
                          is_at_start ? fmt::format("Possibly NULL pointer passed to trusted arg{}",
                                                    number - 1)
                                      : fmt::format("dereference of modified ptr_or_null_ ptr R{} "
                                                    "off={} disallowed",
                                                    number, place_of(value)),
                          "the node may be null");
        }
        if (!is_lent && (value.reference_id == 0 || !is_allocated(value))) {
            return refused(
                fmt::format("{} can only take non-owning or refcounted bpf_rb_node pointer",
                            site.name()),
                "a node that is in a tree is wanted");
        }
        if (orders_tree(site.subject, site.state)) {
            return refused(fmt::format("{} not allowed in rbtree cb", site.name()),
                           "the tree is in use by the function that called this one");
        }
    }
    if (!value.at_fixed_offset()) {
        return moved(number, type);
    }
    const std::optional<SpecialField> field = field_at(site.subject, value, place_of(value));
    if (!field.has_value() || field->name != type) {
        return refused(fmt::format("{} not found at offset={}", type,
                                   static_cast<std::uint32_t>(place_of(value))),
                       fmt::format("there is no {} there", type));
    }
    const SpecialField& root = *plan.field;
    if (value.type_id() != root.type) {
        return refused(
            fmt::format("operation on {} expects arg#1 {} at offset={} in struct {}, but arg is at "
                        "offset={} in struct {}",
                        root.name, type, root.node_offset, struct_name(site, root.type),
                        place_of(value), struct_name(site, value.type_id())),
            "another type of object is held there");
    }
    if (place_of(value) != std::int64_t{root.node_offset}) {
        return refused(fmt::format("arg#1 offset={}, but expected {} at offset={} in struct {}",
                                   place_of(value), type, root.node_offset,
                                   struct_name(site, root.type)),
                       "the object is held by another of its nodes");
    }
    plan.lent_reference = puts_in ? value.reference_id : 0;
    return {};
}

Ruling<void> check_allocation(const KfuncSite& site, CallPlan& plan) {
    const std::uint64_t id = site.value(1).number.value();
    const btf::Btf* types = site.subject.environment.program_types;
    const bool per_cpu = site.row.rule == KfuncRule::per_cpu_new;
    if (id > 0xffffffffULL) {
        return refused("local type ID argument must be in range [0, U32_MAX]",
                       "there is no such type");
    }
    if (types == nullptr) {
        return refused("bpf_obj_new/bpf_percpu_obj_new requires prog BTF",
                       "the program came without types");
    }
    const bool is_structure =
        id < types->type_count() &&
        types->type(static_cast<btf::TypeId>(id)).kind == btf::Kind::structure;
    if (!is_structure) {
        return refused("bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct",
                       fmt::format("type {} of the program is no structure", id));
    }
    Value object =
        Value::pointer(ValueKind::btf_object, kAllocated, static_cast<std::uint32_t>(id));
    object.instance = 1;
    if (per_cpu) {
        const std::uint32_t bytes = types->type(static_cast<btf::TypeId>(id)).size_bytes;
        if (bytes > kMaxPerCpuBytes) {
            return refused(fmt::format("bpf_percpu_obj_new type size ({}) is greater than {}",
                                       bytes, kMaxPerCpuBytes),
                           "objects for every CPU are small");
        }
        if (!holds_numbers_only(*types, static_cast<btf::TypeId>(id))) {
            return refused("bpf_percpu_obj_new type ID argument must be of a struct of scalars",
                           "objects for every CPU hold numbers only");
        }
        if (!special_fields(site.subject, object).empty()) {
            return refused("bpf_percpu_obj_new type ID argument must not contain special fields",
                           "objects for every CPU hold numbers only");
        }
        object.flags |= kPercpu;
    }
    plan.object = object;
    return {};
}

Ruling<void> plan_order(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& function = site.value(number);
    if (!function.is(ValueKind::function)) {
        return refused(fmt::format("arg{} expected pointer to func", number - 1),
                       "a function of the program is wanted");
    }
    CallbackRequest request;
    request.subprogram = function.subprogram();
    request.kind = CallbackKind::synchronous;
    request.function_register = static_cast<Reg>(number);
    Value node = node_of(*plan.field, 0);
    node.flags |= lent_flags(site.subject, node);
    request.arguments[1] = node;
    request.arguments[2] = node;
    request.result = {0, 1};
    plan.callback = request;
    return {};
}

Value step_object_call(const KfuncSite& site, const CallPlan& plan, State& state, IdSource& ids) {
    if (plan.lent_reference != 0) {
        lend(site.subject, state, plan.lent_reference);
    }
    const bool acquires = site.row.flags.has(spec::KfuncFlag::acquires);
    const KfuncRule rule = site.row.rule;
    Value value = Value::unknown();
    if (rule == KfuncRule::object_new || rule == KfuncRule::per_cpu_new) {
        value = *plan.object;
    } else if (rule == KfuncRule::object_count) {
        value = Value::pointer(ValueKind::btf_object, kAllocated, plan.object->type_id());
        value.instance = 1;
    } else if (rule == KfuncRule::list_push || rule == KfuncRule::tree_add) {
        return value;
    } else if (rule == KfuncRule::object_drop || rule == KfuncRule::per_cpu_drop) {
        return Value::uninitialised();
    } else {
        value = node_of(*plan.field, 0);
        value.flags |= acquires ? 0U : lent_flags(site.subject, value);
    }
    const bool surely = site.row.rule == KfuncRule::object_count && !plan.object->has(kNonOwning);
    value.flags |= surely ? 0U : std::uint32_t{kMaybeNull};
    value.id = ids.next();
    if (acquires) {
        value.reference_id = value.id;
        state.resources.acquire(ResourceKind::reference, value.reference_id, site.at);
    }
    return value;
}

} // namespace skep::verify
