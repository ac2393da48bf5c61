// SPDX-License-Identifier: Apache-2.0
//
// One row per kind of argument: the question that is asked after the kind of the value fits.
#include "skep/verify/calls/arguments/arguments.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "skep/verify/calls/arguments/argument_kinds.hpp"
#include "skep/verify/calls/arguments/field_arguments.hpp"
#include "skep/verify/calls/arguments/memory_arguments.hpp"
#include "skep/verify/calls/arguments/object_arguments.hpp"
#include "skep/verify/calls/objects/dynptr.hpp"
#include "skep/verify/calls/objects/exchange.hpp"

namespace skep::verify {
namespace {

using spec::ArgKind;
using Check = Ruling<void> (*)(const CallSite&, unsigned, CallPlan&);

Ruling<void> nothing_more(const CallSite& /*site*/, unsigned /*number*/, CallPlan& /*plan*/) {
    return {};
}

// Memory is judged with its size, which is the next argument.
constexpr Check kWithItsSize = nothing_more;

// Programs that may not see kernel addresses may not hand them on either.
Ruling<void> check_leak(const CallSite& site, unsigned number, CallPlan& /*plan*/) {
    if (site.subject.environment.capabilities.perfmon || !site.value(number).is_pointer()) {
        return {};
    }
    return refuse(
        FindingCode::pointer_leak, EACCES,
        fmt::format("R{} leaks addr into helper function", number),
        fmt::format("R{} is a pointer, and {} takes any number there", number, site.name()));
}

Ruling<void> take_map(const CallSite& site, unsigned number, CallPlan& plan) {
    const MapRef map = site.value(number).map();
    const auto& maps = site.subject.environment.maps;
    if (map.index() >= maps.size() || (map.is_inner() && maps[map.index()].inner == nullptr)) {
        return refuse(FindingCode::not_known_yet, EACCES,
                      fmt::format("R{} type=map_ptr expected=map_ptr", number),
                      "the shape of the inner maps is not known");
    }
    plan.map = map;
    return {};
}

DynptrArgument as_dynptr(const CallSite& site, unsigned number) {
    return {site.state, number, site.name()};
}

Ruling<void> take_dynptr(const CallSite& site, unsigned number, CallPlan& plan) {
    plan.dynptr = TRY(check_dynptr(as_dynptr(site, number)));
    return {};
}

Ruling<void> take_reserved_dynptr(const CallSite& site, unsigned number, CallPlan& plan) {
    TRY(check_dynptr_release(as_dynptr(site, number)));
    plan.dynptr = TRY(check_dynptr(as_dynptr(site, number), DynptrKind::ringbuf));
    plan.released_reference = plan.dynptr->reference_id;
    return {};
}

Ruling<void> take_dynptr_space(const CallSite& site, unsigned number, CallPlan& plan) {
    plan.new_dynptr = TRY(check_dynptr_space(as_dynptr(site, number)));
    const bool reserves = site.argument(number).kind == ArgKind::new_ringbuf_dynptr;
    plan.new_dynptr->identity.subject =
        static_cast<std::uint32_t>(reserves ? DynptrKind::ringbuf : DynptrKind::local);
    plan.new_dynptr->acquires = reserves;
    return {};
}

struct CheckRow {
    ArgKind kind;
    Check check;
};

// In the order of spec::ArgKind.
constexpr std::array kChecks{
    CheckRow{ArgKind::none, nothing_more},
    CheckRow{ArgKind::anything, check_leak},
    CheckRow{ArgKind::const_map_ptr, take_map},
    CheckRow{ArgKind::map_key, check_key},
    CheckRow{ArgKind::map_value, check_map_value_argument},
    CheckRow{ArgKind::map_value_or_null, check_map_value_argument},
    CheckRow{ArgKind::uninit_map_value, check_map_value_argument},
    CheckRow{ArgKind::mem, kWithItsSize},
    CheckRow{ArgKind::mem_or_null, kWithItsSize},
    CheckRow{ArgKind::uninit_mem, kWithItsSize},
    CheckRow{ArgKind::fixed_mem, check_fixed_memory},
    CheckRow{ArgKind::uninit_fixed_mem, check_fixed_memory},
    CheckRow{ArgKind::const_size, check_sized_memory_argument},
    CheckRow{ArgKind::const_size_or_zero, check_sized_memory_argument},
    CheckRow{ArgKind::const_alloc_size_or_zero, check_constant_size},
    CheckRow{ArgKind::const_str, check_text_argument},
    CheckRow{ArgKind::ctx, check_context_argument},
    CheckRow{ArgKind::ctx_or_null, check_context_argument},
    CheckRow{ArgKind::sock_common, nothing_more},
    CheckRow{ArgKind::socket_or_null, nothing_more},
    CheckRow{ArgKind::btf_id_sock_common, check_typed_argument},
    CheckRow{ArgKind::btf_id_sock_common_or_null, check_typed_argument},
    CheckRow{ArgKind::btf_id, check_typed_argument},
    CheckRow{ArgKind::btf_id_or_null, check_typed_argument},
    CheckRow{ArgKind::percpu_btf_id, nothing_more},
    CheckRow{ArgKind::ringbuf_mem, check_record_argument},
    CheckRow{ArgKind::spin_lock, check_lock_argument},
    CheckRow{ArgKind::timer, check_timer_argument},
    CheckRow{ArgKind::kptr, check_pointer_place},
    CheckRow{ArgKind::kptr_or_null, check_pointer_given},
    CheckRow{ArgKind::func, nothing_more},
    CheckRow{ArgKind::stack_ptr_or_null, nothing_more},
    CheckRow{ArgKind::dynptr, take_dynptr},
    CheckRow{ArgKind::ringbuf_dynptr, take_reserved_dynptr},
    CheckRow{ArgKind::new_local_dynptr, take_dynptr_space},
    CheckRow{ArgKind::new_ringbuf_dynptr, take_dynptr_space},
};
static_assert([] {
    for (std::size_t i = 0; i < kChecks.size(); ++i) {
        if (static_cast<std::size_t>(kChecks[i].kind) != i) {
            return false;
        }
    }
    return kChecks.size() == static_cast<std::size_t>(ArgKind::new_ringbuf_dynptr) + 1;
}());

Ruling<void> check_set(const CallSite& site, unsigned number) {
    if (site.value(number).is_initialised()) {
        return {};
    }
    return refuse(FindingCode::unset_register, EACCES, fmt::format("R{} !read_ok", number),
                  fmt::format("{} takes {} in R{}, which has no value on this path", site.name(),
                              words_for(site.argument(number).kind), number));
}

} // namespace

Ruling<void> check_arguments(const CallSite& site, CallPlan& plan) {
    for (unsigned number = 1; number <= kMaxArguments; ++number) {
        const ArgKind kind = site.argument(number).kind;
        if (kind == ArgKind::none) {
            break;
        }
        TRY(check_set(site, number));
        plan.read_regs = static_cast<std::uint16_t>(plan.read_regs | (1U << number));
        if (kind != ArgKind::anything) {
            TRY(check_packet_argument(site, number));
            TRY(check_argument_kind(site, number, plan));
        }
        const Check check = kChecks[static_cast<std::size_t>(kind)].check;
        if (check == check_typed_argument) { // of the right type first, then its own
            TRY(check(site, number, plan));
            TRY(check_release(site, number, plan));
        } else {
            TRY(check_release(site, number, plan));
            TRY(check(site, number, plan));
        }
    }
    return {};
}

} // namespace skep::verify
