// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/typed_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "skep/spec/contexts/typed_contexts.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/access/types/typed_pointer.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {
namespace {

using spec::AttachType;
using spec::ProgramType;
using spec::SlotYield;

constexpr std::uint32_t kSlot = 8;
constexpr std::uint32_t kLargestParameter =
    16; // in bytes; a function with a larger one has no slots
constexpr std::string_view kTracepointPrefix = "btf_trace_";
constexpr std::string_view kIteratorPrefix = "bpf_iter_";
constexpr std::string_view kNullableSuffix = "__nullable";

// What the program is called with.
struct Target {
    const btf::Btf* types = nullptr;
    std::string name; // the tracepoint's, iterator's, structure's
    std::span<const btf::Member> parameters;
    std::span<const btf::Member> stub; // struct_ops: the same, where names tell what may be null
    std::optional<btf::TypeId> result; // one more slot after them
    bool is_void = false;              // the function returns nothing
};

AttachType attach_of(const Subject& subject) {
    return static_cast<AttachType>(subject.program.expected_attach_type);
}

bool is_hook(const Subject& subject) {
    return subject.program.type == ProgramType::lsm && attach_of(subject) == AttachType::lsm_mac;
}

// A hook's is what the program before it answered.
bool gives_result(const Subject& subject) {
    return is_hook(subject) || (subject.program.type == ProgramType::tracing &&
                                (attach_of(subject) == AttachType::trace_fexit ||
                                 attach_of(subject) == AttachType::modify_return));
}

// The prototype behind a pointer, if it is one.
std::optional<btf::TypeId> prototype_behind(const btf::Btf& types, btf::TypeId id) {
    const btf::TypeId pointer = types.resolve(id);
    if (types.type(pointer).kind != btf::Kind::pointer) {
        return std::nullopt;
    }
    const btf::TypeId prototype = types.resolve(types.type(pointer).target);
    return types.type(prototype).kind == btf::Kind::function_prototype ? std::optional(prototype)
                                                                       : std::nullopt;
}

std::optional<Target> tracepoint_target(const btf::Btf& types, const btf::Type& type) {
    const std::optional<btf::TypeId> prototype = prototype_behind(types, type.target);
    if (!prototype.has_value() || !type.name.starts_with(kTracepointPrefix)) {
        return std::nullopt;
    }
    const std::span<const btf::Member> all = types.type(*prototype).members;
    if (all.empty()) {
        return std::nullopt;
    }
    // The first parameter is the tracepoint's own and is not handed over.
    return Target{&types,         std::string(type.name.substr(kTracepointPrefix.size())),
                  all.subspan(1), {},
                  std::nullopt,   false};
}

std::optional<Target> function_target(const Subject& subject, const btf::Btf& types,
                                      const btf::Type& type) {
    const btf::Type& prototype = types.type(types.resolve(type.target));
    if (prototype.kind != btf::Kind::function_prototype) {
        return std::nullopt;
    }
    Target target{&types, std::string(type.name), prototype.members, {}, std::nullopt, false};
    target.is_void = prototype.target == 0;
    if (gives_result(subject) && prototype.target != 0) {
        target.result = prototype.target;
    }
    return target;
}

std::optional<Target> member_target(const Subject& subject, const btf::Btf& types,
                                    const btf::Type& type) {
    if (subject.program.expected_attach_type >= type.members.size()) {
        return std::nullopt;
    }
    const btf::Member& member = type.members[subject.program.expected_attach_type];
    const std::optional<btf::TypeId> prototype = prototype_behind(types, member.type);
    if (!prototype.has_value()) {
        return std::nullopt;
    }
    Target target{&types, std::string(type.name), types.type(*prototype).members,
                  {},     std::nullopt,           false};
    target.is_void = types.type(*prototype).target == 0;
    // A stub of the kernel, STRUCTURE__MEMBER, has the parameters with names that tell more.
    const std::optional<btf::TypeId> stub =
        types.find(fmt::format("{}__{}", type.name, member.name), btf::Kind::function);
    if (stub.has_value()) {
        const btf::Type& declared = types.type(types.resolve(types.type(*stub).target));
        target.stub = declared.members.size() == target.parameters.size()
                          ? declared.members
                          : std::span<const btf::Member>{};
    }
    return target;
}

std::optional<Target> target_of(const Subject& subject) {
    const std::uint32_t id = subject.program.attach_btf_id;
    if (id == 0 || subject.program.attach_program_id != 0) {
        return std::nullopt;
    }
    const btf::Btf* types = subject.environment.kernel_types;
    if (types == nullptr || !types->has(id)) {
        return std::nullopt;
    }
    const btf::Type& type = types->type(id);
    const ProgramType program = subject.program.type;
    if (type.kind == btf::Kind::typedef_) {
        const bool is_typed_tracepoint =
            program == ProgramType::tracing && attach_of(subject) == AttachType::trace_raw_tp;
        return is_typed_tracepoint ? tracepoint_target(*types, type) : std::nullopt;
    }
    if (type.kind == btf::Kind::function) {
        const bool is_called = program == ProgramType::tracing || program == ProgramType::lsm;
        return is_called ? function_target(subject, *types, type) : std::nullopt;
    }
    const bool is_interface =
        type.kind == btf::Kind::structure && program == ProgramType::struct_ops;
    return is_interface ? member_target(subject, *types, type) : std::nullopt;
}

Finding refused(const ContextAccess& access, std::string because) {
    return refuse(
        FindingCode::context_access, EACCES,
        fmt::format("invalid bpf_context access off={} size={}", access.offset, access.size_bytes),
        std::move(because));
}

bool is_iterator(const Subject& subject) {
    return subject.program.type == ProgramType::tracing &&
           attach_of(subject) == AttachType::trace_iter;
}

// What a pointer to a structure in this slot gives.
SlotYield pointer_yield(const Subject& subject, const Target& target, std::size_t slot) {
    if (is_iterator(subject)) {
        for (const spec::IteratorRow& row : spec::kIterators) {
            if (target.name == fmt::format("{}{}", kIteratorPrefix, row.name)) {
                return slot < row.slots.size() ? row.slots[slot] : SlotYield::none;
            }
        }
        return SlotYield::none; // an iterator that we do not know
    }
    if (subject.program.type == ProgramType::tracing &&
        attach_of(subject) != AttachType::trace_raw_tp) {
        return SlotYield::plain;
    }
    const bool is_marked =
        slot < target.stub.size() && target.stub[slot].name.ends_with(kNullableSuffix);
    const bool is_listed = std::ranges::any_of(spec::kNullable, [&](const spec::NullableRow& row) {
        return row.tracepoint == target.name && row.slot == slot &&
               subject.program.type == ProgramType::tracing;
    });
    return is_marked || is_listed ? SlotYield::trusted_or_null : SlotYield::trusted;
}

btf::TypeId retyped(const Target& target, btf::TypeId structure) {
    for (const spec::RetypedRow& row : spec::kRetyped) {
        if (row.structure == target.name && row.from == target.types->type(structure).name) {
            return target.types->find(row.to, btf::Kind::structure).value_or(structure);
        }
    }
    return structure;
}

Ruling<Value> pointer_slot(const Subject& subject, const ContextAccess& access,
                           const Target& target, btf::TypeId pointer, std::size_t parameter) {
    const btf::Btf& types = *target.types;
    if (access.size_bytes != kSlot) {
        return refused(access, "the slot holds a pointer, which is read whole");
    }
    const SlotYield yields = pointer_yield(subject, target, parameter);
    if (yields == SlotYield::buffer || yields == SlotYield::read_only_buffer) {
        return Value::pointer(ValueKind::buffer,
                              kMaybeNull |
                                  (yields == SlotYield::read_only_buffer ? kReadOnly : 0U));
    }
    const btf::TypeId pointee = types.resolve(types.type(pointer).target);
    if (types.type(pointee).kind != btf::Kind::structure) {
        return Value::unknown();
    }
    if (yields == SlotYield::none) {
        return refuse(FindingCode::not_known_yet, EACCES,
                      fmt::format("invalid bpf_context access off={} size={}", access.offset,
                                  access.size_bytes),
                      fmt::format("what {} hands over is not known", target.name));
    }
    const bool is_trusted = yields == SlotYield::trusted || yields == SlotYield::trusted_or_null;
    const bool may_be_null =
        yields == SlotYield::trusted_or_null || yields == SlotYield::plain_or_null;
    return Value::pointer(ValueKind::btf_object,
                          (is_trusted ? kTrusted : 0U) | (may_be_null ? kMaybeNull : 0U),
                          retyped(target, pointee));
}

Ruling<Value> typed_slot(const Subject& subject, const ContextAccess& access, const Target& target,
                         btf::TypeId id, std::size_t parameter) {
    const btf::TypeId type = target.types->resolve(id);
    const btf::Kind kind = target.types->type(type).kind;
    if (kind == btf::Kind::structure || kind == btf::Kind::integer ||
        kind == btf::Kind::enumeration || kind == btf::Kind::enumeration64) {
        return loaded_number(access.size_bytes, access.sign_extended);
    }
    if (kind == btf::Kind::pointer && !access.sign_extended) {
        return pointer_slot(subject, access, target, type, parameter);
    }
    return refused(access, kind == btf::Kind::pointer
                               ? "the slot holds a pointer, which is never sign-extended"
                               : "the slot holds neither a number nor a pointer");
}

// Which parameter lies in a slot; as many as there are for the result. None: beyond them, or a
// parameter before it is of a kind that is not handed over. Structures by value take as many slots
// as they need.
std::optional<std::size_t> parameter_in(const Target& target, std::uint32_t slot) {
    std::uint32_t first = 0;
    for (std::size_t index = 0; index < target.parameters.size(); ++index) {
        const Result<std::uint32_t> size = target.types->size_of(target.parameters[index].type);
        if (!size.ok() || *size > kLargestParameter) {
            return std::nullopt;
        }
        first += std::max(1U, (*size + kSlot - 1) / kSlot);
        if (slot < first) {
            return index;
        }
    }
    return slot == first ? std::optional(target.parameters.size()) : std::nullopt;
}

// Programs answer in their low half, and their upper half is not looked at.
Value earlier_answer(const ReturnRange& range) {
    Scalar number = Scalar::top();
    number.s_low = {static_cast<std::int32_t>(range.min), static_cast<std::int32_t>(range.max)};
    number.synchronise();
    return Value::scalar(number);
}

Ruling<Value> result_slot(const Subject& subject, const ContextAccess& access,
                          const Target& target) {
    const std::optional<ReturnRange> hook = hook_answers(subject);
    if (hook.has_value() && access.size_bytes == kSlot) {
        return earlier_answer(*hook);
    }
    return typed_slot(subject, access, target, *target.result, target.parameters.size());
}

} // namespace

Ruling<Value> check_typed_context(const Subject& subject, const ContextAccess& access) {
    const std::optional<Target> target = target_of(subject);
    if (!target.has_value()) {
        return refused(
            access,
            subject.environment.kernel_types == nullptr
                ? "the arguments are typed by the kernel, and no kernel types were given"
                : "what the program is attached to is not known, and with it its arguments");
    }
    const bool at_slot = access.offset >= 0 &&
                         static_cast<std::uint32_t>(access.offset) % kSlot == 0 &&
                         access.size_bytes <= kSlot;
    if (access.direction == Direction::write || !at_slot) {
        return refused(access, "arguments are read from the beginning of their slots of eight "
                               "bytes, and never written");
    }
    const std::uint32_t slot = static_cast<std::uint32_t>(access.offset) / kSlot;
    const std::optional<std::size_t> parameter = parameter_in(*target, slot);
    if (parameter.has_value() && *parameter < target->parameters.size()) {
        return typed_slot(subject, access, *target, target->parameters[*parameter].type,
                          *parameter);
    }
    if (parameter.has_value() && target->result.has_value()) {
        return result_slot(subject, access, *target);
    }
    return refused(access,
                   fmt::format("{} has {} arguments", target->name, target->parameters.size()));
}

std::optional<ReturnRange> hook_answers(const Subject& subject) {
    constexpr ReturnRange kErrors{-4095, 0};
    constexpr ReturnRange kYesOrNo{0, 1};
    constexpr std::string_view kAsking[] = {"bpf_lsm_audit_rule_known",
                                            "bpf_lsm_inode_xattr_skipcap",
                                            "bpf_lsm_xfrm_state_pol_flow_match"};
    if (!is_hook(subject)) {
        return std::nullopt;
    }
    const std::optional<Target> target = target_of(subject);
    if (!target.has_value()) {
        return kErrors;
    }
    if (target->is_void) {
        return std::nullopt;
    }
    return std::ranges::find(kAsking, target->name) != std::end(kAsking) ? kYesOrNo : kErrors;
}

Ruling<void> check_hook(const Subject& subject) {
    constexpr std::string_view kDisabled[] = {
        "bpf_lsm_getprocattr",       "bpf_lsm_getselfattr",        "bpf_lsm_inode_copy_up_xattr",
        "bpf_lsm_inode_getsecurity", "bpf_lsm_inode_listsecurity", "bpf_lsm_inode_need_killpriv",
        "bpf_lsm_ismaclabel",        "bpf_lsm_setprocattr",        "bpf_lsm_vm_enough_memory",
    };
    const std::optional<Target> target =
        subject.program.type == ProgramType::lsm ? target_of(subject) : std::nullopt;
    if (!target.has_value() || std::ranges::find(kDisabled, target->name) == std::end(kDisabled)) {
        return {};
    }
    return refuse(FindingCode::context_access, EINVAL,
                  fmt::format("points to disabled bpf lsm hook {}", target->name),
                  "what this hook answers is counted or kept, so programs may not answer it");
}

bool returns_nothing(const Subject& subject) {
    const std::optional<Target> target =
        subject.program.type == ProgramType::struct_ops ? target_of(subject) : std::nullopt;
    return target.has_value() && target->is_void;
}

std::string target_name(const Subject& subject) {
    const std::optional<Target> target = target_of(subject);
    if (!target.has_value()) {
        return {};
    }
    if (is_iterator(subject) && target->name.starts_with(kIteratorPrefix)) {
        return target->name.substr(kIteratorPrefix.size());
    }
    if (subject.program.type == ProgramType::struct_ops) {
        const btf::Type& structure = target->types->type(subject.program.attach_btf_id);
        return fmt::format("{}.{}", target->name,
                           structure.members[subject.program.expected_attach_type].name);
    }
    return target->name;
}

} // namespace skep::verify
