// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/kfunc/iterator.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/calls/kfunc/kfunc_memory.hpp"

namespace skep::verify {
namespace {

using spec::KfuncRule;

constexpr std::uint64_t kActive = 1;
constexpr std::uint64_t kDrained = 2;

Finding wrong_place(const KfuncSite& site, std::string kernel_message) {
    return refuse(FindingCode::wrong_object, EINVAL, std::move(kernel_message),
                  fmt::format("argument 1 of {} is an iterator on the stack, and R1 is none here",
                              site.name()));
}

std::string_view short_name(std::string_view structure) {
    constexpr std::string_view kPrefix = "bpf_";
    return structure.starts_with(kPrefix) ? structure.substr(kPrefix.size()) : structure;
}

bool is_special(const Slot& slot) {
    for (const SlotByte byte : slot.bytes) {
        if (byte == SlotByte::dynptr || byte == SlotByte::iterator || byte == SlotByte::irq_flag) {
            return true;
        }
    }
    return false;
}

const Slot& slot_at(const State& state, const IteratorUse& use, std::uint32_t index) {
    const int offset = use.offset + static_cast<int>(index * kSlotBytes);
    return state.stack(use.frame).slot(Stack::slot_of(offset));
}
Slot& slot_for_write(State& state, const IteratorUse& use, std::uint32_t index) {
    const int offset = use.offset + static_cast<int>(index * kSlotBytes);
    return state.stack_for_write(use.frame).slot_for_write(Stack::slot_of(offset));
}

bool is_whole(const State& state, const IteratorUse& use, btf::TypeId type) {
    const Value& first = slot_at(state, use, 0).value;
    for (std::uint32_t index = 0; index < use.slots; ++index) {
        const Slot& slot = slot_at(state, use, index);
        if (!slot.all(SlotByte::iterator) || slot.value != first) {
            return false;
        }
    }
    return first.subject == type && first.offset == use.offset;
}

bool is_free(const State& state, const IteratorUse& use) {
    for (std::uint32_t index = 0; index < use.slots; ++index) {
        if (is_special(slot_at(state, use, index))) {
            return false;
        }
    }
    return true;
}

// The same change to what every slot says.
template <class Change>
void change_identity(State& state, const IteratorUse& use, Change change) {
    for (std::uint32_t index = 0; index < use.slots; ++index) {
        change(slot_for_write(state, use, index).value);
    }
}

Value element(const KfuncSite& site, const Value& iterator, IdSource& /*ids*/) {
    const btf::TypeId pointee = site.pointee(site.prototype.target);
    if (site.types.type(pointee).kind == btf::Kind::structure) {
        // Objects that RCU keeps alive; the others are known to be there only while they are looked
        // at, so nothing is promised for them.
        return Value::pointer(ValueKind::btf_object, iterator.has(kRcu) ? kRcu : 0U, pointee);
    }
    const Result<std::uint32_t> size = site.types.size_of(pointee);
    Value value = Value::pointer(ValueKind::memory, kReadOnly, size.ok() ? *size : 0);
    value.reference_id = iterator.reference_id;
    return value;
}

std::string no_iterator(const KfuncSite& site, std::string_view name) {
    return fmt::format("expected {} {} as arg #0",
                       site.row.rule == KfuncRule::iter_new ? "uninitialized" : "an initialized",
                       name);
}

// Whole slots of the stack; what lies beside them is no iterator, and none can be made there.
Ruling<void> check_fits(const KfuncSite& site, std::int64_t offset, btf::TypeId type,
                        std::uint32_t size) {
    const bool is_aligned = offset % static_cast<std::int64_t>(kSlotBytes) == 0;
    if (is_aligned && offset >= -kStackBytes && offset + size <= 0) {
        return {};
    }
    if (is_aligned && offset == 0 && size == kSlotBytes && site.row.rule == KfuncRule::iter_new) {
        return refuse(FindingCode::stack_access, EACCES,
                      fmt::format("invalid write to stack R1 off=0 size={}", kSlotBytes),
                      "the stack lies below R10");
    }
    const std::string_view name = short_name(site.types.type(type).name);
    Finding finding = wrong_place(site, no_iterator(site, name));
    finding.kernel_detail = fmt::format("cannot pass in {} at an offset={}", name, offset);
    return finding;
}

} // namespace

Ruling<void> check_iterator_argument(const KfuncSite& site, CallPlan& plan) {
    const Value& value = site.value(1);
    const btf::TypeId type = site.argument_count() == 0 ? 0 : site.pointee(site.parameter(1).type);
    const Result<std::uint32_t> size = site.types.size_of(type);
    if (type == 0 || !size.ok() || *size == 0 || *size % kSlotBytes != 0 || *size > kStackBytes) {
        return refuse(FindingCode::not_known_yet, EINVAL,
                      fmt::format("arg#0 of {} is not supported yet", site.name()),
                      "the kernel's types do not say what the iterator is");
    }
    TRY(check_kfunc_place(site, 1));
    if (!value.is(ValueKind::stack) || !value.at_fixed_offset()) {
        return wrong_place(site, "arg#0 expected pointer to an iterator on stack");
    }
    const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
    TRY(check_fits(site, offset, type, *size));
    const std::string_view name = short_name(site.types.type(type).name);
    const bool is_new = site.row.rule == KfuncRule::iter_new;
    const IteratorUse use{value.frame, static_cast<std::int32_t>(offset), *size / kSlotBytes};
    if (is_new ? !is_free(site.state, use) : !is_whole(site.state, use, type)) {
        return wrong_place(site, no_iterator(site, name));
    }
    const Value& known = slot_at(site.state, use, 0).value;
    if (is_new && site.row.flags.has(spec::KfuncFlag::in_rcu) && !site.in_rcu_section()) {
        return refuse(FindingCode::call_not_allowed_here, EINVAL,
                      fmt::format("expected an RCU CS when using {}", site.name()),
                      fmt::format("{} needs an open RCU read section", site.name()));
    }
    if (site.row.rule == KfuncRule::iter_next && known.has(kUntrusted)) {
        return refuse(FindingCode::section_misuse, EINVAL,
                      fmt::format("expected an RCU CS when using {}", site.name()),
                      "the RCU section in which the iterator was made has ended");
    }
    if (!is_new && !site.state.resources.holds(known.reference_id)) {
        return wrong_place(site, no_iterator(site, name));
    }
    plan.read_regs = static_cast<std::uint16_t>(plan.read_regs | (1U << 1));
    plan.iterator = use;
    if (site.row.rule == KfuncRule::iter_destroy) {
        plan.released_reference = known.reference_id;
    }
    plan.iterates = site.row.rule == KfuncRule::iter_next && known.number.value() == kActive;
    return {};
}

Ruling<void> check_iterator_element(const KfuncSite& site) {
    const btf::TypeId pointee = site.pointee(site.prototype.target);
    const Result<std::uint32_t> size = site.types.size_of(pointee);
    if (pointee != 0 && size.ok() && *size != 0) {
        return {};
    }
    return refuse(FindingCode::not_known_yet, EINVAL,
                  fmt::format("result of {} is not supported yet", site.name()),
                  "the kernel's types do not say what its elements are");
}

void make_iterator(const KfuncSite& site, const CallPlan& plan, State& state, IdSource& ids) {
    const IteratorUse& use = *plan.iterator;
    Value identity = Value::pointer(
        ValueKind::memory, site.row.flags.has(spec::KfuncFlag::in_rcu) ? std::uint32_t{kRcu} : 0U,
        site.pointee(site.parameter(1).type));
    identity.offset = use.offset;
    identity.reference_id = ids.next();
    identity.number = Scalar::constant(kActive);
    state.stack_for_write(use.frame).set_bytes(use.offset, use.slots * kSlotBytes,
                                               SlotByte::iterator);
    change_identity(state, use, [&identity](Value& value) { value = identity; });
    state.resources.acquire(ResourceKind::reference, identity.reference_id, site.at);
}

void drain_iterator(const CallPlan& plan, State& state) {
    change_identity(state, *plan.iterator,
                    [](Value& value) { value.number = Scalar::constant(kDrained); });
}

void end_iterator(const CallPlan& plan, State& state) {
    const IteratorUse& use = *plan.iterator;
    change_identity(state, use, [](Value& value) { value = {}; });
    state.stack_for_write(use.frame).set_bytes(use.offset, use.slots * kSlotBytes,
                                               SlotByte::invalid);
}

void step_iteration(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                    IdSource& ids) {
    const btf::Btf& types = *subject.environment.kernel_types;
    const btf::Type& function = *subject.called_kfunc(subject.insn(at));
    const State before = state;
    const KfuncSite site{subject, before,
                         at,      *subject.kfunc_row(subject.insn(at)),
                         types,   types.type(types.resolve(function.target))};
    const Value identity = slot_at(before, *plan.iterator, 0).value;
    step_common(plan, state);
    change_identity(state, *plan.iterator, [](Value& value) { ++value.origin; });
    state.set_reg(0, element(site, identity, ids));
}

} // namespace skep::verify
