// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/kfunc/kfunc_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/spec/limits.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/calls/kfunc/kfunc_memory.hpp"
#include "skep/verify/calls/objects/dynptr.hpp"
#include "skep/verify/calls/objects/graph.hpp"
#include "skep/verify/calls/objects/sections.hpp"
#include "skep/verify/calls/objects/work.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

using spec::KfuncFlag;
using spec::KfuncRule;

constexpr unsigned kMostArguments = spec::limits::function_arguments;
constexpr int kMaxNesting = 4; // of structures that hold numbers only
constexpr std::uint32_t kUnsafe =
    kMaybeNull | kUntrusted | kUser | kPercpu | kAllocated | kNonOwning | kReadOnly;

Finding refused(std::string kernel_message, std::string because) {
    return refuse(FindingCode::wrong_argument, EINVAL, std::move(kernel_message),
                  std::move(because));
}

Finding not_judged(const KfuncSite& site, unsigned number, std::string_view what) {
    return refuse(FindingCode::not_known_yet, EINVAL,
                  fmt::format("arg#{} of {} is not supported yet", number - 1, site.name()),
                  fmt::format("argument {} of {} is {}", number, site.name(), what));
}

bool ends(const KfuncSite& site, unsigned number, std::string_view ending) {
    return number <= site.argument_count() && site.parameter(number).name.ends_with(ending);
}

bool is_number(const btf::Btf& types, btf::TypeId id) {
    const btf::Kind kind = types.type(types.resolve(id)).kind;
    return kind == btf::Kind::integer || kind == btf::Kind::enumeration ||
           kind == btf::Kind::enumeration64;
}

Ruling<void> check_number(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (!value.is_scalar()) {
        return refused(fmt::format("R{} is not a scalar", number),
                       fmt::format("argument {} of {} is a number, and R{} is {}", number,
                                   site.name(), number, kind_text(value)));
    }
    if (!ends(site, number, "__k") && !ends(site, number, "__szk")) {
        return {};
    }
    if (!value.is_constant()) {
        return refused(fmt::format("R{} must be a known constant", number),
                       fmt::format("{} needs a number that is the same on every run", site.name()));
    }
    plan.kept = static_cast<std::uint32_t>(value.number.value());
    plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
    return {};
}

bool has_size_argument(const KfuncSite& site, unsigned number) {
    return ends(site, number + 1, "__sz") || ends(site, number + 1, "__szk");
}

// A pointer with a number after it; with anything else after it, it is a pointer alone.
bool is_buffer(const KfuncSite& site, unsigned number) {
    return has_size_argument(site, number) && site.value(number + 1).is_scalar();
}

bool is_context_type(const KfuncSite& site, std::string_view type) {
    using namespace spec::program_sets;
    const spec::ProgramType program = site.subject.program.type;
    if (type == "xdp_md") {
        return program == spec::ProgramType::xdp;
    }
    constexpr spec::ProgramTypeSet kBufferHolders = socket_filter | sched_cls | sched_act |
                                                    cgroup_skb | sk_skb | lwt_in | lwt_out |
                                                    lwt_xmit | lwt_seg6local;
    return type == "__sk_buff" && kBufferHolders.contains(program);
}

Ruling<void> check_context(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    TRY(check_kfunc_place(site, number));
    if (!value.is(ValueKind::context)) {
        return refused(
            fmt::format("arg#{} expected pointer to ctx, but got {}", number - 1, kind_text(value)),
            fmt::format("argument {} of {} is the context", number, site.name()));
    }
    return check_kfunc_context(site, number, plan);
}

// Which kernel structure a value of another kind is, beside BTF objects.
std::string_view structure_of(const Value& value) {
    if (value.is(ValueKind::socket)) {
        return "sock";
    }
    if (value.is(ValueKind::socket_common)) {
        return "sock_common";
    }
    if (value.is(ValueKind::tcp_socket)) {
        return "tcp_sock";
    }
    return value.is(ValueKind::map_pointer) ? "bpf_map" : "";
}

Ruling<void> check_alive(const KfuncSite& site, unsigned number) {
    const Value& value = site.value(number);
    const bool by_rcu = site.row.flags.has(KfuncFlag::rcu);
    const bool must_be_trusted =
        site.row.flags.has(KfuncFlag::trusted) || site.row.flags.has(KfuncFlag::releases);
    if (value.may_be_null()) {
        Finding finding =
            refuse(FindingCode::null_check_missing, EACCES,
                   fmt::format("Possibly NULL pointer passed to trusted arg{}", number - 1),
                   fmt::format("R{} may be null, and {} takes no null", number, site.name()));
        return finding;
    }
    const bool is_safe = !value.has(kUnsafe);
    const bool is_trusted = is_safe && (value.reference_id != 0 || value.has(kTrusted) ||
                                        !value.is(ValueKind::btf_object));
    const bool is_shared = is_safe && value.has(kRcu) && site.in_rcu_section();
    if (is_trusted || ((by_rcu || !must_be_trusted) && is_shared) ||
        (!by_rcu && !must_be_trusted && is_safe)) {
        return {};
    }
    if (by_rcu) {
        return refused(fmt::format("R{} must be a rcu pointer", number),
                       fmt::format("the object behind R{} may be gone", number));
    }
    return refused(fmt::format("R{} must be referenced or trusted", number),
                   fmt::format("the object behind R{} may be gone", number));
}

bool is_of_type(const KfuncSite& site, const Value& value, std::string_view wanted, bool exactly) {
    constexpr std::string_view kFresh = "___init";
    if (!value.is(ValueKind::btf_object)) {
        return structure_of(value) == wanted;
    }
    if (!value.at_fixed_offset() || value.instance != 0) {
        return false;
    }
    const std::string type = type_name(site.subject, value);
    // What programs see of a packet buffer, and the buffer itself.
    if ((wanted == "__sk_buff" && type == "sk_buff") ||
        (wanted == "xdp_md" && type == "xdp_buff")) {
        return true;
    }
    const bool is_whole = value.offset == 0 && value.number.is_zero();
    if (exactly || type.ends_with(kFresh) || wanted.ends_with(kFresh)) {
        return is_whole && type == wanted;
    }
    return begins_with_type(site.subject, value, wanted);
}

// An iterator's reference is not an object's, though its elements live by it.
bool belongs_to_iterator(const State& state, std::uint32_t reference) {
    for (unsigned number = 0; number < state.frame_count(); ++number) {
        for (std::uint32_t index = 0; index < state.stack(number).slot_count(); ++index) {
            const Slot& slot = state.stack(number).slot(index);
            if (slot.all(SlotByte::iterator) && slot.value.reference_id == reference) {
                return true;
            }
        }
    }
    return false;
}

Ruling<void> check_object(const KfuncSite& site, unsigned number, btf::TypeId wanted,
                          CallPlan& plan) {
    const Value& value = site.value(number);
    const std::string_view name = site.types.type(wanted).name;
    const bool is_released = number == 1 && site.row.flags.has(KfuncFlag::releases);
    TRY(check_alive(site, number));
    if (!is_of_type(site, value, name, is_released)) {
        return refused(
            fmt::format("kernel function {} args#{} expected pointer to STRUCT {} but R{} has a "
                        "pointer to STRUCT {}",
                        site.name(), number - 1, name, number,
                        value.is(ValueKind::btf_object) ? type_name(site.subject, value)
                                                        : structure_of(value)),
            fmt::format("argument {} of {} is a struct {}", number, site.name(), name));
    }
    if (!is_released) {
        return {};
    }
    if (value.reference_id == 0 || belongs_to_iterator(site.state, value.reference_id) ||
        plan.released_reference != 0) {
        return refuse(
            FindingCode::wrong_release, EINVAL,
            fmt::format("release kernel function {} expects refcounted PTR_TO_BTF_ID", site.name()),
            fmt::format("{} gives back what an acquiring call gave; R{} does not come from one",
                        site.name(), number));
    }
    plan.released_reference = value.reference_id;
    return {};
}

bool is_object(const Value& value) {
    return value.is(ValueKind::btf_object) || !structure_of(value).empty();
}

// What a function that makes a dynptr makes; none: it may only make another of what it is given.
DynptrKind made_by(spec::KfuncRule rule) {
    if (rule == spec::KfuncRule::dynptr_of_packet) {
        return DynptrKind::packet;
    }
    if (rule == spec::KfuncRule::dynptr_of_xdp) {
        return DynptrKind::xdp;
    }
    return rule == spec::KfuncRule::dynptr_of_metadata ? DynptrKind::packet_metadata
                                                       : DynptrKind::none;
}

Ruling<void> check_dynptr_argument(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const DynptrArgument argument{site.state, number, site.name()};
    if (!ends(site, number, "__uninit")) {
        plan.dynptr = TRY(check_dynptr(argument));
        return {};
    }
    plan.new_dynptr = TRY(check_dynptr_space(argument));
    const DynptrKind kind = made_by(site.row.rule);
    if (kind != DynptrKind::none) {
        plan.new_dynptr->identity.subject = static_cast<std::uint32_t>(kind);
    } else if (plan.dynptr.has_value()) {
        plan.new_dynptr->identity.subject = plan.dynptr->subject;
        plan.new_dynptr->identity.reference_id = plan.dynptr->reference_id;
    } else {
        return not_judged(site, number, "a dynptr over something that is not known");
    }
    return {};
}

bool is_structure(const KfuncSite& site, unsigned number, std::string_view name) {
    const btf::Type& type = site.types.type(site.pointee(site.parameter(number).type));
    return type.kind == btf::Kind::structure && type.name == name;
}

bool is_function(const KfuncSite& site, unsigned number) {
    return site.types.type(site.pointee(site.parameter(number).type)).kind ==
           btf::Kind::function_prototype;
}

std::string_view word_for(const btf::Btf& types, btf::TypeId id) {
    return id == 0 ? "UNKNOWN" : btf::kind_word(types.type(id).kind);
}

// A kernel object for a parameter of some type.
Ruling<void> check_object_for(const KfuncSite& site, unsigned number, btf::TypeId pointee,
                              CallPlan& plan) {
    if (site.types.type(pointee).kind == btf::Kind::structure) {
        return check_object(site, number, pointee, plan);
    }
    return refused(fmt::format("kernel function {} args#{} pointer type {} {} is not supported",
                               site.name(), number - 1, word_for(site.types, pointee),
                               site.types.type(pointee).name),
                   fmt::format("argument {} of {} is plain memory, and R{} is a kernel object",
                               number, site.name(), number));
}

// A pointer whose name says nothing.
Ruling<void> check_pointer(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const btf::TypeId pointee = site.pointee(site.parameter(number).type);
    const btf::Type& type = site.types.type(pointee);
    if (type.kind == btf::Kind::structure && is_context_type(site, type.name)) {
        return check_context(site, number, plan);
    }
    if (is_object(site.value(number))) {
        return check_object_for(site, number, pointee, plan);
    }
    if (is_buffer(site, number)) {
        TRY(check_kfunc_place(site, number));
        TRY(check_kfunc_buffer(site, number, plan));
        return check_number(site, number + 1, plan);
    }
    const Result<std::uint32_t> size = site.types.size_of(pointee);
    if (!holds_numbers_only(site.types, pointee) || !size.ok()) {
        return refused(
            fmt::format("arg#{} pointer type {} {} must point to scalar, or struct with scalar",
                        number - 1, word_for(site.types, pointee), type.name),
            fmt::format("argument {} of {} is a kernel object, and R{} is {}", number, site.name(),
                        number, kind_text(site.value(number))));
    }
    TRY(check_kfunc_place(site, number));
    return check_kfunc_memory(site, number, *size, plan);
}

// Pointers to what the verifier itself keeps account of.
bool is_pointer_of_its_own(const KfuncSite& site, unsigned number) {
    constexpr std::string_view kStructures[] = {"bpf_dynptr",    "bpf_list_head",    "bpf_rb_root",
                                                "bpf_list_node", "bpf_rb_node",      "bpf_wq",
                                                "bpf_task_work", "bpf_res_spin_lock"};
    constexpr std::string_view kEndings[] = {"__alloc", "__refcounted_kptr", "__irq_flag", "__map",
                                             "__str"};
    return is_function(site, number) ||
           std::ranges::any_of(kStructures,
                               [&](auto name) { return is_structure(site, number, name); }) ||
           std::ranges::any_of(kEndings, [&](auto ending) { return ends(site, number, ending); });
}

// A map by its address; an object of the map's kind comes with others of its own.
Ruling<void> check_map(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (value.is(ValueKind::btf_object)) {
        return check_object(site, number, kernel_structure(site.subject, "bpf_map").value_or(0),
                            plan);
    }
    if ((value.is(ValueKind::map_value) || value.is(ValueKind::map_key)) &&
        !plan.object.has_value()) {
        return refused(fmt::format("R{} must be referenced or trusted", number),
                       fmt::format("argument {} of {} is a map", number, site.name()));
    }
    if (value.is(ValueKind::memory) && value.reference_id != 0) {
        return refused(
            fmt::format("arg#{} is {} expected mem or socket", number - 1, kind_text(value)),
            fmt::format("argument {} of {} is a map", number, site.name()));
    }
    return check_map_argument(site, number, plan);
}

// An object to be dropped is alive, whatever else it is.
Ruling<void> check_dropped(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (value.reference_id == 0 && !value.has(kTrusted) && structure_of(value).empty()) {
        return refused(fmt::format("R{} must be referenced or trusted", number),
                       "an object that the program owns is wanted");
    }
    return check_dropped_object(site, number, plan);
}

Ruling<void> check_special(const KfuncSite& site, unsigned number, CallPlan& plan) {
    if (ends(site, number, "__alloc")) {
        return check_dropped(site, number, plan);
    }
    if (ends(site, number, "__map")) {
        return check_map(site, number, plan);
    }
    TRY(check_kfunc_place(site, number));
    if (is_structure(site, number, "bpf_dynptr")) {
        return check_dynptr_argument(site, number, plan);
    }
    if (ends(site, number, "__refcounted_kptr")) {
        return check_counted_object(site, number, plan);
    }
    if (is_structure(site, number, "bpf_list_head") || is_structure(site, number, "bpf_rb_root")) {
        return check_root(site, number, plan);
    }
    if (is_structure(site, number, "bpf_list_node") || is_structure(site, number, "bpf_rb_node")) {
        return check_node(site, number, plan);
    }
    if (is_structure(site, number, "bpf_wq") || is_structure(site, number, "bpf_task_work")) {
        return check_work(site, number, plan);
    }
    if (is_structure(site, number, "bpf_res_spin_lock")) {
        return check_resilient_lock(site, number, plan);
    }
    if (ends(site, number, "__irq_flag")) {
        return check_irq_flag(site, number, plan);
    }
    if (ends(site, number, "__str")) {
        return check_kfunc_text(site, number, plan);
    }
    return site.row.rule == KfuncRule::tree_add ? plan_order(site, number, plan)
                                                : plan_work(site, number, plan);
}

Ruling<void> check_one(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const Value& value = site.value(number);
    if (is_number(site.types, site.parameter(number).type)) {
        return check_number(site, number, plan);
    }
    if (site.types.type(site.types.resolve(site.parameter(number).type)).kind !=
        btf::Kind::pointer) {
        return not_judged(site, number, "a structure by value");
    }
    if (ends(site, number, "__nullable") && value.is_constant_zero()) {
        plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
        return {};
    }
    if (ends(site, number, "__opt") && value.is_constant_zero() &&
        has_size_argument(site, number)) {
        plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
        return {};
    }
    TRY(check_not_null(site, number));
    return is_pointer_of_its_own(site, number) ? check_special(site, number, plan)
                                               : check_pointer(site, number, plan);
}

bool is_plain(const btf::Btf& types, btf::TypeId id, int depth) {
    const btf::TypeId resolved = types.resolve(id);
    const btf::Type& type = types.type(resolved);
    if (is_number(types, resolved)) {
        return true;
    }
    if (type.kind == btf::Kind::array) {
        return is_number(types, type.target);
    }
    const bool has_members = type.kind == btf::Kind::structure || type.kind == btf::Kind::union_;
    if (!has_members || depth >= kMaxNesting) {
        return false;
    }
    for (const btf::Member& member : type.members) {
        if (!is_plain(types, member.type, depth + 1)) {
            return false;
        }
    }
    return true;
}

} // namespace

bool holds_numbers_only(const btf::Btf& types, btf::TypeId id) { return is_plain(types, id, 0); }

Ruling<void> check_not_null(const KfuncSite& site, unsigned number) {
    const Value& value = site.value(number);
    const spec::KfuncFlags flags = site.row.flags;
    const bool wants_living = flags.has(KfuncFlag::trusted) || flags.has(KfuncFlag::rcu) ||
                              flags.has(KfuncFlag::releases);
    const bool takes_null = ends(site, number, "__nullable");
    if (!wants_living || takes_null || !(value.is_constant_zero() || value.may_be_null())) {
        return {};
    }
    return refuse(FindingCode::null_check_missing, EACCES,
                  fmt::format("Possibly NULL pointer passed to trusted arg{}", number - 1),
                  fmt::format("R{} may be null, and {} takes no null", number, site.name()));
}

Ruling<void> check_kfunc_arguments(const KfuncSite& site, unsigned first, CallPlan& plan) {
    if (site.argument_count() > kMostArguments) {
        return not_judged(site, kMostArguments + 1, "passed on the stack");
    }
    for (unsigned number = first; number <= site.argument_count(); ++number) {
        if (ends(site, number, "__ign") || ends(site, number, "__prog")) {
            continue; // not looked at
        }
        plan.read_regs = static_cast<std::uint16_t>(plan.read_regs | (1U << number));
        TRY(check_one(site, number, plan));
    }
    if (site.row.flags.has(KfuncFlag::releases) && plan.released_reference == 0) {
        return refuse(
            FindingCode::wrong_release, EINVAL,
            fmt::format("release kernel function {} expects refcounted PTR_TO_BTF_ID", site.name()),
            fmt::format("{} gives back what an acquiring call gave; R1 does not come from one",
                        site.name()));
    }
    return {};
}

} // namespace skep::verify
