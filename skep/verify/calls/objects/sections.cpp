// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/objects/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/verify/calls/objects/locks.hpp"
#include "skep/verify/state/special_fields.hpp"

namespace skep::verify {
namespace {

using spec::KfuncRule;

constexpr std::string_view kLock = "bpf_res_spin_lock";

Finding misused(std::string kernel_message, std::string because) {
    return refuse(FindingCode::lock_misuse, EINVAL, std::move(kernel_message), std::move(because));
}

bool takes_flag(const KfuncSite& site) {
    return site.row.rule == KfuncRule::irq_save || site.row.rule == KfuncRule::lock;
}

// Locks that keep interrupts make and take flags of their own kind.
std::uint32_t flag_kind(const KfuncSite& site) {
    const bool by_lock = site.row.rule == KfuncRule::lock || site.row.rule == KfuncRule::unlock;
    return by_lock ? 2U : 1U;
}

bool keeps_interrupts(const KfuncSite& site) { return site.argument_count() == 2; }

const Resource* last_lock(const State& state) {
    const std::vector<Resource>& held = state.resources.held;
    const auto found = std::find_if(held.rbegin(), held.rend(), [](const Resource& one) {
        return one.kind == ResourceKind::resilient_lock || one.kind == ResourceKind::spin_lock;
    });
    return found == held.rend() ? nullptr : &*found;
}

Ruling<void> check_unlock(const KfuncSite& site, std::uint32_t allocation) {
    const Resource* last = last_lock(site.state);
    if (last == nullptr) {
        return misused("bpf_res_spin_unlock without taking a lock", "no lock is held");
    }
    const auto& held = site.state.resources.held;
    const bool is_held = std::any_of(held.begin(), held.end(), [&](const Resource& one) {
        return one.kind == ResourceKind::resilient_lock && one.object == allocation &&
               one.keeps_interrupts == keeps_interrupts(site);
    });
    if (!is_held) {
        return misused("bpf_res_spin_unlock of different lock", "another lock is held");
    }
    if (last->object != allocation) {
        return misused("bpf_res_spin_unlock cannot be out of order",
                       "a lock that was taken later is still held");
    }
    return {};
}

std::int64_t place_of(const Value& value) {
    return value.offset + static_cast<std::int64_t>(value.number.value());
}

const Slot& slot_at(const State& state, const IteratorUse& use) {
    return state.stack(use.frame).slot(Stack::slot_of(use.offset));
}

Finding wrong_flag(unsigned number, std::string kernel_message, std::string because) {
    return refuse(FindingCode::wrong_object, EINVAL, std::move(kernel_message),
                  fmt::format("argument {}: {}", number, because));
}

const Resource* last_flag(const State& state) {
    const std::vector<Resource>& held = state.resources.held;
    const auto found = std::find_if(held.rbegin(), held.rend(), [](const Resource& one) {
        return one.kind == ResourceKind::irq_flag;
    });
    return found == held.rend() ? nullptr : &*found;
}

Ruling<void> check_restored_flag(const KfuncSite& site, unsigned number, const Slot& slot) {
    if (!slot.all(SlotByte::irq_flag)) {
        return wrong_flag(number,
                          fmt::format("expected an initialized irq flag as arg#{}", number - 1),
                          "no function saved interrupts there");
    }
    if (slot.value.subject != flag_kind(site)) {
        return wrong_flag(
            number,
            fmt::format("irq flag acquired by {} kfuncs cannot be restored with {} kfuncs",
                        slot.value.subject == 1 ? "native" : "lock",
                        flag_kind(site) == 1 ? "native" : "lock"),
            "it was saved by a function of another kind");
    }
    const Resource* last = last_flag(site.state);
    if (last == nullptr || last->id != slot.value.reference_id) {
        Finding finding =
            refuse(FindingCode::section_misuse, EACCES,
                   fmt::format("cannot restore irq state out of order, expected id={} acquired at "
                               "insn_idx={}",
                               last == nullptr ? 0 : last->id,
                               last == nullptr ? 0 : last->acquired_at.value),
                   "interrupts are given back in reverse order");
        return finding;
    }
    return {};
}

} // namespace

Ruling<void> check_resilient_lock(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    const bool in_object = value.is(ValueKind::btf_object) && value.has(kAllocated);
    if ((!value.is(ValueKind::map_value) && !in_object) || value.may_be_null()) {
        return misused(
            fmt::format("arg#{} doesn't point to map value or allocated object", number - 1),
            "a lock lies in a map value or in an object of the program");
    }
    if (!value.at_fixed_offset()) {
        return misused(fmt::format("R{} doesn't have constant offset. {} has to be at the constant "
                                   "offset",
                                   number, kLock),
                       "which lock it is must be known");
    }
    if (value.is(ValueKind::map_value) && site.subject.map(value.map()).btf_value_type_id == 0) {
        return misused(fmt::format("map '{}' has to have BTF in order to use {}",
                                   site.subject.map(value.map()).name, kLock),
                       "only the types of the map's values tell where a lock is");
    }
    const std::vector<SpecialField>& fields = special_fields(site.subject, value);
    const auto field = std::ranges::find(fields, kLock, &SpecialField::name);
    if (field == fields.end()) {
        const bool in_value = value.is(ValueKind::map_value);
        return misused(fmt::format("{} '{}' has no valid {}", in_value ? "map" : "local",
                                   in_value ? site.subject.map(value.map()).name : "kptr", kLock),
                       "there is no such lock there");
    }
    if (place_of(value) != std::int64_t{field->offset}) {
        return misused(fmt::format("off {} doesn't point to 'struct {}' that is at {}",
                                   place_of(value), kLock, field->offset),
                       "there is no such lock there");
    }
    plan.lock = allocation_of(value);
    if (site.row.rule == KfuncRule::unlock) {
        return check_unlock(site, plan.lock);
    }
    const auto& held = site.state.resources.held;
    const bool is_held = std::any_of(held.begin(), held.end(), [&](const Resource& one) {
        return one.kind == ResourceKind::resilient_lock && one.object == plan.lock;
    });
    return is_held ? Ruling<void>(misused("Acquiring the same lock again, AA deadlock detected",
                                          "this very lock is held already"))
                   : Ruling<void>{};
}

Ruling<void> check_irq_flag(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (!value.is(ValueKind::stack)) {
        return wrong_flag(number,
                          fmt::format("arg#{} doesn't point to an irq flag on stack", number - 1),
                          "the flag lies on the stack");
    }
    const bool fits = value.at_fixed_offset() &&
                      place_of(value) % static_cast<std::int64_t>(kSlotBytes) == 0 &&
                      place_of(value) >= -kStackBytes && place_of(value) < 0;
    const std::string_view wanted = takes_flag(site) ? "an uninitialized" : "an initialized";
    const std::string unfit = fmt::format("expected {} irq flag as arg#{}", wanted, number - 1);
    if (!fits) {
        return wrong_flag(number, unfit, "it is no slot of the stack");
    }
    plan.irq_flag = IteratorUse{value.frame, static_cast<std::int32_t>(place_of(value)), 1};
    const Slot& slot = slot_at(site.state, *plan.irq_flag);
    if (!takes_flag(site)) {
        return check_restored_flag(site, number, slot);
    }
    const bool is_free = std::none_of(slot.bytes.begin(), slot.bytes.end(), [](SlotByte byte) {
        return byte == SlotByte::irq_flag || byte == SlotByte::iterator || byte == SlotByte::dynptr;
    });
    return is_free ? Ruling<void>{} : Ruling<void>(wrong_flag(number, unfit, "the slot is in use"));
}

void step_irq_flag(const KfuncSite& site, const CallPlan& plan, State& state, IdSource& ids) {
    if (!plan.irq_flag.has_value()) {
        return;
    }
    const IteratorUse& use = *plan.irq_flag;
    Slot& slot = state.stack_for_write(use.frame).slot_for_write(Stack::slot_of(use.offset));
    if (!takes_flag(site)) {
        state.resources.release(slot.value.reference_id);
        slot = Slot{};
        return;
    }
    slot.bytes.fill(SlotByte::irq_flag);
    slot.value = Value::pointer(ValueKind::memory, 0, flag_kind(site));
    slot.value.reference_id = ids.next();
    state.resources.acquire(ResourceKind::irq_flag, slot.value.reference_id, site.at);
}

Value step_resilient_lock(const KfuncSite& site, const CallPlan& plan, bool held, State& state,
                          IdSource& ids) {
    if (site.row.rule == KfuncRule::unlock) {
        step_irq_flag(site, plan, state, ids);
        const Resource* last = last_lock(state);
        if (last != nullptr) {
            state.resources.release(last->id);
        }
        end_lent_objects(state);
        return Value::uninitialised();
    }
    if (!held) {
        constexpr std::int64_t kLeastError = -4095;
        return Value::scalar(Scalar::signed_range(kLeastError, -1));
    }
    step_irq_flag(site, plan, state, ids);
    state.resources.acquire(ResourceKind::resilient_lock, ids.next(), site.at, plan.lock);
    state.resources.held.back().keeps_interrupts = keeps_interrupts(site);
    return Value::constant(0);
}

std::string_view open_section(const State& state) {
    const Resources& resources = state.resources;
    if (resources.holds_lock()) {
        return "bpf_spin_lock-ed region";
    }
    if (resources.first(ResourceKind::irq_flag) != nullptr) {
        return "bpf_local_irq_save-ed region";
    }
    if (resources.rcu_depth != 0) {
        return "bpf_rcu_read_lock-ed region";
    }
    return resources.preempt_off_depth != 0 ? "bpf_preempt_disable-ed region" : std::string_view{};
}

} // namespace skep::verify
