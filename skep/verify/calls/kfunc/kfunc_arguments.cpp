// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/kfunc/kfunc_arguments.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/calls/arguments/argument_kinds.hpp"
#include "skep/verify/calls/arguments/memory_arguments.hpp"
#include "skep/verify/calls/arguments/object_arguments.hpp"
#include "skep/verify/calls/objects/dynptr.hpp"
#include "skep/verify/calls/objects/graph.hpp"
#include "skep/verify/calls/objects/sections.hpp"
#include "skep/verify/calls/objects/work.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

using spec::KfuncFlag;
using spec::KfuncRule;

constexpr unsigned kMostArguments = 5;
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

// The rules for memory are those of helpers: the argument as a helper's row would have it.
struct AsHelper {
    spec::HelperRow row;
    spec::Arguments arguments;
    CallSite site;

    explicit AsHelper(const KfuncSite& from)
        : row(named(from)), arguments{}, site{from.subject, from.state, from.at, row, arguments} {}
    AsHelper(const AsHelper&) = delete;
    AsHelper& operator=(const AsHelper&) = delete;

    static spec::HelperRow named(const KfuncSite& from) {
        spec::HelperRow row;
        row.name = from.row.name;
        row.packet_pointers = spec::PacketPointers::allowed;
        return row;
    }
};

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

// The rules are those of a helper's memory; the last line is about the pair.
Ruling<void> check_sized_memory(const KfuncSite& site, unsigned number, CallPlan& plan) {
    AsHelper as_helper(site);
    as_helper.arguments[number - 1] = {spec::ArgKind::mem, spec::ArgAccess::read_write};
    as_helper.arguments[number] = {spec::ArgKind::const_size_or_zero};
    TRY(check_argument_kind(as_helper.site, number));
    if (!site.value(number + 1).is_scalar()) {
        return check_number(site, number + 1, plan);
    }
    Ruling<void> memory = check_sized_memory_argument(as_helper.site, number + 1, plan);
    if (!memory.ok()) {
        Finding finding = *std::move(memory).error();
        finding.kernel_detail += finding.kernel_detail.empty() ? "" : "\n";
        finding.kernel_detail += finding.kernel_message;
        finding.kernel_message = fmt::format(
            "arg#{} arg#{} memory, len pair leads to invalid memory access", number - 1, number);
        return finding;
    }
    return check_number(site, number + 1, plan);
}

Ruling<void> check_fixed(const KfuncSite& site, unsigned number, std::uint32_t size_bytes,
                         CallPlan& plan) {
    AsHelper as_helper(site);
    as_helper.arguments[number - 1] = {spec::ArgKind::mem, spec::ArgAccess::read_write};
    TRY(check_argument_kind(as_helper.site, number));
    return check_extent(as_helper.site, number,
                        {.size_bytes = size_bytes, .access = spec::ArgAccess::read_write}, plan);
}

Ruling<void> check_text(const KfuncSite& site, unsigned number, CallPlan& plan) {
    AsHelper as_helper(site);
    as_helper.arguments[number - 1] = {spec::ArgKind::const_str, spec::ArgAccess::read};
    TRY(check_argument_kind(as_helper.site, number));
    return check_text_argument(as_helper.site, number, plan);
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
    if (!value.is(ValueKind::context)) {
        return refused(
            fmt::format("arg#{} expected pointer to ctx, but got {}", number - 1, kind_text(value)),
            fmt::format("argument {} of {} is the context", number, site.name()));
    }
    AsHelper as_helper(site);
    as_helper.arguments[number - 1] = {spec::ArgKind::ctx};
    return check_context_argument(as_helper.site, number, plan);
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
        for (const Slot& slot : state.stack(number).slots()) {
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
                        "pointer to {}",
                        site.name(), number - 1, name, number, kind_text(value)),
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

// A pointer whose name says nothing.
Ruling<void> check_pointer(const KfuncSite& site, unsigned number, CallPlan& plan) {
    const btf::TypeId pointee = site.pointee(site.parameter(number).type);
    const btf::Type& type = site.types.type(pointee);
    const Value& value = site.value(number);
    if (pointee == 0) {
        return not_judged(site, number, "a pointer to anything");
    }
    if (type.kind == btf::Kind::structure && is_context_type(site, type.name)) {
        return check_context(site, number, plan);
    }
    if (type.kind == btf::Kind::structure && is_object(value)) {
        return check_object(site, number, pointee, plan);
    }
    if (value.is_constant_zero() || value.may_be_null()) {
        return refuse(FindingCode::null_check_missing, EACCES,
                      fmt::format("Possibly NULL pointer passed to trusted arg{}", number - 1),
                      fmt::format("R{} may be null, and {} takes no null", number, site.name()));
    }
    if (!holds_numbers_only(site.types, pointee)) {
        return refused(
            fmt::format("arg#{} pointer type {} {} must point to scalar, or struct with scalar",
                        number - 1, type.kind == btf::Kind::structure ? "STRUCT" : "UNKNOWN",
                        type.name),
            fmt::format("argument {} of {} is a kernel object, and R{} is {}", number, site.name(),
                        number, kind_text(value)));
    }
    const Result<std::uint32_t> size = site.types.size_of(pointee);
    if (!size.ok()) {
        return not_judged(site, number, "of a type without a size");
    }
    return check_fixed(site, number, *size, plan);
}

// Functions that want living objects say so before they look what it is.
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
    if (is_structure(site, number, "bpf_dynptr")) {
        return check_dynptr_argument(site, number, plan);
    }
    if (ends(site, number, "__opt") && value.is_constant_zero() &&
        has_size_argument(site, number)) {
        plan.precise_regs = static_cast<std::uint16_t>(plan.precise_regs | (1U << number));
        return {};
    }
    TRY(check_not_null(site, number));
    if (ends(site, number, "__alloc")) {
        return check_dropped_object(site, number, plan);
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
    if (ends(site, number, "__map") && value.is(ValueKind::btf_object)) {
        return check_object(site, number, kernel_structure(site.subject, "bpf_map").value_or(0),
                            plan);
    }
    if (ends(site, number, "__map")) {
        return check_map_argument(site, number, plan);
    }
    if (is_function(site, number)) {
        return site.row.rule == KfuncRule::tree_add ? plan_order(site, number, plan)
                                                    : plan_work(site, number, plan);
    }
    if (ends(site, number, "__str")) {
        return check_text(site, number, plan);
    }
    if (has_size_argument(site, number)) {
        return check_sized_memory(site, number, plan);
    }
    return check_pointer(site, number, plan);
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
    if (type.kind != btf::Kind::structure || depth >= kMaxNesting) {
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

Ruling<void> check_kfunc_arguments(const KfuncSite& site, unsigned first, CallPlan& plan) {
    if (site.argument_count() > kMostArguments) {
        return not_judged(site, kMostArguments + 1, "passed on the stack");
    }
    for (unsigned number = first; number <= site.argument_count(); ++number) {
        if (ends(site, number, "__ign") || ends(site, number, "__prog")) {
            continue; // not looked at
        }
        if (!site.value(number).is_initialised()) {
            return refuse(FindingCode::unset_register, EACCES, fmt::format("R{} !read_ok", number),
                          fmt::format("{} takes an argument in R{}, which has no value on this "
                                      "path",
                                      site.name(), number));
        }
        plan.read_regs = static_cast<std::uint16_t>(plan.read_regs | (1U << number));
        TRY(check_one(site, number, plan));
    }
    if (site.row.flags.has(KfuncFlag::releases) && plan.released_reference == 0) {
        return not_judged(site, 1, "not known to be released");
    }
    return {};
}

} // namespace skep::verify
