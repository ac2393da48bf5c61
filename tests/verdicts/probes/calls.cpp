// SPDX-License-Identifier: Apache-2.0
//
// Families about calls: who may call what, which maps a call takes, what each argument may be.
#include <fmt/format.h>

#include <algorithm>

#include "skep/spec/kfuncs.hpp"
#include "tests/verdicts/probes/families.hpp"
#include "tests/verdicts/probes/writer.hpp"

namespace skep::tests::probes {
namespace {

using spec::ArgKind;
using spec::Helper;

Insn call_kernel(btf::TypeId function) {
    Insn insn = campaign::of_kind(InsnKind::call_kfunc);
    insn.imm = static_cast<std::int32_t>(function);
    return insn;
}

spec::CallerSite site(const Caller& caller) {
    return {.type = caller.type,
            .attach_type = spec::AttachType{caller.attach_type},
            .sleepable = caller.flags != 0,
            .target = {}};
}

// Built without the option, or locked down: the kernel's own choice.
bool is_by_configuration(Helper helper) {
    return helper == Helper::override_return || helper == Helper::probe_write_user;
}

Offer good_offer(ArgKind kind) {
    switch (kind) {
    case ArgKind::none:
        return Offer::unset;
    case ArgKind::ctx:
    case ArgKind::ctx_or_null:
        return Offer::context;
    case ArgKind::const_map_ptr:
        return Offer::map;
    case ArgKind::const_size:
    case ArgKind::const_size_or_zero:
    case ArgKind::const_alloc_size_or_zero:
        return Offer::sixteen;
    case ArgKind::const_str:
        return Offer::read_only_value;
    case ArgKind::sock_common:
    case ArgKind::btf_id_sock_common:
        return Offer::socket;
    case ArgKind::btf_id:
        return Offer::task;
    case ArgKind::ringbuf_mem:
        return Offer::record;
    case ArgKind::spin_lock:
        return Offer::lock;
    case ArgKind::timer:
        return Offer::timer;
    case ArgKind::kptr:
        return Offer::map_value;
    case ArgKind::func:
        return Offer::function;
    case ArgKind::dynptr:
        return Offer::dynptr;
    case ArgKind::anything:
    case ArgKind::socket_or_null:
    case ArgKind::btf_id_sock_common_or_null:
    case ArgKind::btf_id_or_null:
    case ArgKind::kptr_or_null:
    case ArgKind::percpu_btf_id:
    case ArgKind::ringbuf_dynptr:
        return Offer::zero;
    case ArgKind::map_key:
    case ArgKind::map_value:
    case ArgKind::map_value_or_null:
    case ArgKind::uninit_map_value:
    case ArgKind::mem:
    case ArgKind::mem_or_null:
    case ArgKind::uninit_mem:
    case ArgKind::fixed_mem:
    case ArgKind::uninit_fixed_mem:
    case ArgKind::stack_ptr_or_null:
    case ArgKind::new_local_dynptr:
    case ArgKind::new_ringbuf_dynptr:
        return Offer::stack;
    }
    return Offer::stack;
}

std::uint32_t map_for(Helper helper) {
    const spec::MapTypeSet types = spec::maps_of_helper(static_cast<std::uint32_t>(helper));
    for (const spec::MapTypeRow& row : spec::kMapTypes) {
        if (types.contains(row.type)) {
            return map_of_kind(row.type);
        }
    }
    return kValueMap;
}

CallProbe good_call(const spec::HelperRow& row, const Caller& caller) {
    CallProbe probe;
    probe.call = campaign::call_helper(static_cast<std::int32_t>(row.id));
    const spec::Arguments& arguments = spec::arguments(row, caller.type);
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        probe.offers.at(at) = good_offer(arguments.at(at).kind);
    }
    probe.map = map_for(row.id);
    return probe;
}

std::string text_of(const Caller& caller, std::string_view called, const CallProbe& call) {
    std::string text = fmt::format("{}: {}(", caller.name, called);
    for (const Offer offer : call.offers) {
        text += fmt::format("{}{}", text.ends_with("(") ? "" : ", ", name_of(offer));
    }
    return text + ")";
}

void put(const Caller& caller, std::string_view called, const CallProbe& call, const Sink& sink) {
    Probe probe;
    probe.name = text_of(caller, called, call);
    if (write_call(caller, call, probe)) {
        sink(probe);
    }
}

// Every other thing in the place of each argument, the rest being as it should.
void put_wrong_arguments(const Caller& caller, std::string_view called, const CallProbe& good,
                         std::size_t arguments, const Sink& sink) {
    put(caller, called, good, sink);
    for (std::size_t at = 0; at < arguments; ++at) {
        CallProbe changed = good;
        for (std::size_t offer = 1; offer < kOffers; ++offer) {
            changed.offers.at(at) = static_cast<Offer>(offer);
            if (changed.offers.at(at) != good.offers.at(at)) {
                put(caller, called, changed, sink);
            }
        }
    }
}

// What a parameter of a kernel function is given when the rest of the call is to be right.
Offer good_offer(const btf::Btf& types, const btf::Member& parameter) {
    const std::string_view name = parameter.name;
    const btf::TypeId id = types.resolve(parameter.type);
    if (types.type(id).kind != btf::Kind::pointer) {
        return name.ends_with("__sz") || name.ends_with("__szk") ? Offer::sixteen : Offer::zero;
    }
    const btf::Type& target = types.type(types.resolve(types.type(id).target));
    if (target.kind != btf::Kind::structure) {
        return name.ends_with("__str")   ? Offer::read_only_value
               : name.ends_with("__map") ? Offer::map
                                         : Offer::stack;
    }
    const std::string_view structure = target.name;
    if (structure == "task_struct") {
        return Offer::task;
    }
    if (structure == "bpf_dynptr") {
        return Offer::dynptr;
    }
    return structure.find("_md") != std::string_view::npos ||
                   structure.find("__sk_buff") != std::string_view::npos
               ? Offer::context
               : Offer::stack;
}

} // namespace

void offered_helpers(const std::vector<Caller>& callers, const btf::Btf& /*types*/,
                     const Sink& sink) {
    for (const Caller& caller : callers) {
        for (std::uint32_t id = 0; id <= spec::kHighestHelper + 1; ++id) {
            if (is_by_configuration(Helper{id})) {
                continue;
            }
            const spec::HelperRow* row = spec::find_helper(id);
            CallProbe bare;
            bare.call = campaign::call_helper(static_cast<std::int32_t>(id));
            put(caller, row == nullptr ? "?" : row->name, bare, sink);
            if (row != nullptr) {
                put(caller, row->name, good_call(*row, caller), sink);
            }
        }
    }
}

void helper_arguments(const std::vector<Caller>& callers, const btf::Btf& /*types*/,
                      const Sink& sink) {
    for (const spec::HelperRow& row : spec::helpers()) {
        std::vector<const spec::Arguments*> seen;
        unsigned times = 0;
        for (const Caller& caller : callers) {
            const spec::Arguments& arguments = spec::arguments(row, caller.type);
            const bool new_arguments =
                std::find(seen.begin(), seen.end(), &arguments) == seen.end();
            if (is_by_configuration(row.id) || !spec::is_offered(row, site(caller)) ||
                (!new_arguments && times >= 2)) {
                continue;
            }
            seen.push_back(&arguments);
            times += 1;
            std::size_t count = 0;
            for (std::size_t at = 0; at < arguments.size(); ++at) {
                count = arguments.at(at).kind == ArgKind::none ? count : at + 1;
            }
            put_wrong_arguments(caller, row.name, good_call(row, caller), count, sink);
        }
    }
}

void map_calls(const std::vector<Caller>& callers, const btf::Btf& types, const Sink& sink) {
    for (const spec::HelperRow& row : spec::helpers()) {
        bool takes_map = false;
        for (const spec::Arg& argument : row.arguments) {
            takes_map = takes_map || argument.kind == ArgKind::const_map_ptr;
        }
        for (const Caller& caller : callers) {
            if (!takes_map || !spec::is_offered(row, site(caller))) {
                continue;
            }
            CallProbe call = good_call(row, caller);
            for (call.map = 0; call.map < kFirstOfKinds + spec::kMapTypes.size(); ++call.map) {
                Probe probe;
                probe.name = fmt::format("{}, map {}: {}", caller.name,
                                         static_cast<int>(call.map) - 4, row.name);
                if (write_call(caller, call, probe)) {
                    sink(probe);
                }
            }
            break;
        }
    }
    (void)types;
}

void kernel_functions(const std::vector<Caller>& callers, const btf::Btf& types, const Sink& sink) {
    for (const spec::KfuncRow& row : spec::kfuncs()) {
        const auto function = types.find(row.name, btf::Kind::function);
        if (!function) {
            continue;
        }
        const btf::Type& prototype = types.type(types.type(*function).target);
        CallProbe good;
        good.call = call_kernel(*function);
        for (std::size_t at = 0; at < prototype.members.size() && at < 5; ++at) {
            good.offers.at(at) = good_offer(types, prototype.members[at]);
        }
        bool judged = false;
        for (const Caller& caller : callers) {
            CallProbe bare;
            bare.call = good.call;
            put(caller, row.name, bare, sink);
            if (!judged && spec::is_offered(row, site(caller)) &&
                (!row.flags.has(spec::KfuncFlag::sleeps) || caller.flags != 0)) {
                judged = true;
                put_wrong_arguments(caller, row.name, good,
                                    std::min<std::size_t>(5, prototype.members.size()), sink);
            }
        }
    }
}

} // namespace skep::tests::probes
