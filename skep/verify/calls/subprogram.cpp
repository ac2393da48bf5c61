// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/calls/subprogram.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/limits.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/access/types/typed_pointer.hpp"
#include "skep/verify/calls/objects/dynptr.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

constexpr std::size_t kMaxParameters = spec::limits::function_arguments;

Finding not_known(const Subprogram& subprogram, std::string because) {
    return refuse(
        {.code = FindingCode::not_known_yet,
         .os_errno = EINVAL,
         .kernel = fmt::format("Caller passes invalid args into func ('{}')", subprogram.name),
         .because = std::move(because),
         .suggestion = "make the function static"});
}

bool is_number(const btf::Type& type) {
    return type.kind == btf::Kind::integer || type.kind == btf::Kind::enumeration ||
           type.kind == btf::Kind::enumeration64;
}

// The declaration tag "arg:nonnull" and its like on a parameter of the function.
bool has_tag(const btf::Btf& types, btf::TypeId function, std::int32_t parameter,
             std::string_view tag) {
    for (btf::TypeId id = 1; id < types.type_count(); ++id) {
        const btf::Type& type = types.type(id);
        if (type.kind == btf::Kind::declaration_tag && type.target == function &&
            type.component == parameter && type.name == tag) {
            return true;
        }
    }
    return false;
}

bool is_context(const Subject& subject, const btf::Type& target) {
    const spec::ProgramTypeRow* row = spec::find(subject.program.type);
    if (row == nullptr || row->context == spec::ContextId::none) {
        return false;
    }
    return !target.name.empty() && target.name == spec::context(row->context).structure;
}

// The kernel's structure of the same name; what follows "___" in ours says which form we know.
Ruling<std::uint32_t> kernel_type(const Subject& subject, const Subprogram& subprogram,
                                  std::int32_t index, const btf::Type& target) {
    const auto type = kernel_structure(subject, btf::essential_name(target.name));
    const bool is_object = target.kind == btf::Kind::structure || target.kind == btf::Kind::forward;
    if (!is_object || !type.has_value()) {
        return not_known(subprogram,
                         fmt::format("parameter {} is no structure of the kernel's", index + 1));
    }
    return *type;
}

Ruling<Parameter> parameter_of(const Subject& subject, const Subprogram& subprogram,
                               std::int32_t index, btf::TypeId id) {
    const btf::Btf& types = *subject.environment.program_types;
    const btf::Type& type = types.type(types.resolve(id));
    if (is_number(type)) {
        return Parameter{};
    }
    if (type.kind != btf::Kind::pointer) {
        return not_known(subprogram,
                         fmt::format("parameter {} is neither a number nor a pointer", index + 1));
    }
    const auto is_tagged = [&](std::string_view tag) {
        return has_tag(types, subprogram.btf_function, index, tag);
    };
    if (is_tagged("arg:ctx")) {
        return Parameter{ParameterKind::context, 0, false, 0};
    }
    const btf::Type& target = types.type(types.resolve(type.target));
    if (is_context(subject, target)) {
        return Parameter{ParameterKind::context, 0, false, 0};
    }
    if (target.name == "bpf_dynptr") {
        return Parameter{ParameterKind::dynptr, 0, false, 0};
    }
    if (is_tagged("arg:arena")) {
        return Parameter{ParameterKind::arena, 0, true, 0};
    }
    if (is_tagged("arg:trusted")) {
        const std::uint32_t kept = TRY(kernel_type(subject, subprogram, index, target));
        return Parameter{ParameterKind::object, 0, is_tagged("arg:nullable"), kept};
    }
    if (is_tagged("arg:untrusted")) {
        if (target.kind != btf::Kind::structure && target.kind != btf::Kind::forward) {
            return Parameter{ParameterKind::untrusted_memory, 0, false, 0};
        }
        const std::uint32_t kept = TRY(kernel_type(subject, subprogram, index, target));
        return Parameter{ParameterKind::untrusted_object, 0, false, kept};
    }
    if (is_tagged("arg:nullable")) {
        return not_known(subprogram, fmt::format("parameter {} is marked as nullable, but is no "
                                                 "trusted object",
                                                 index + 1));
    }
    const auto size = types.size_of(type.target);
    if (!size.ok()) {
        return not_known(subprogram,
                         fmt::format("parameter {} points at something without a size", index + 1));
    }
    const bool never_null = has_tag(types, subprogram.btf_function, index, "arg:nonnull");
    return Parameter{ParameterKind::memory, size.value(), !never_null, 0};
}

Finding wrong_argument(Reg reg, const Value& value, std::string_view expected) {
    return refuse({.code = FindingCode::wrong_global_call,
                   .os_errno = EINVAL,
                   .kernel = fmt::format("R{} is not {}", reg, expected),
                   .because = fmt::format("R{} is {}", reg, kind_text(value))});
}

Ruling<void> check_memory_argument(const Subject& subject, const State& state, Reg reg,
                                   const Parameter& parameter) {
    Value value = state.reg(reg);
    if (parameter.may_be_null && (value.is_constant_zero() || value.may_be_null())) {
        value.flags &= ~static_cast<std::uint32_t>(kMaybeNull);
        if (value.is_scalar()) {
            return {};
        }
    }
    if (value.may_be_null() || !is_region(value)) {
        return wrong_argument(reg, value, "a pointer to memory");
    }
    RegionRequest request{.reg = reg, .value = value};
    request.size_bytes = parameter.size_bytes;
    request.accessor = Accessor::helper;
    TRY(check_region(subject, state, request));
    request.direction = Direction::write;
    TRY(check_region(subject, state, request));
    return {};
}

} // namespace

Ruling<Signature> signature_of(const Subject& subject, std::uint32_t index) {
    const Subprogram& subprogram = subject.subprograms[index];
    const btf::Btf& types = *subject.environment.program_types;
    const btf::Type& prototype = types.type(types.type(subprogram.btf_function).target);
    if (prototype.members.size() > kMaxParameters) {
        return not_known(subprogram, fmt::format("it has {} parameters; 5 are allowed",
                                                 prototype.members.size()));
    }
    Signature signature;
    for (std::size_t member = 0; member < prototype.members.size(); ++member) {
        signature.parameters.push_back(
            TRY(parameter_of(subject, subprogram, static_cast<std::int32_t>(member),
                             prototype.members[member].type)));
    }
    const btf::Type& result = types.type(types.resolve(prototype.target));
    if (!is_number(result)) {
        return refuse({.code = FindingCode::wrong_global_call,
                       .os_errno = EINVAL,
                       .kernel = fmt::format(
                           "Global function {}() doesn't return scalar. Only those are supported.",
                           subprogram.name),
                       .because = "a global function returns a number",
                       .suggestion = "let it return int, or make it static"});
    }
    return signature;
}

namespace {

Value entry_value(const Parameter& parameter, IdSource& ids) {
    Value value = Value::unknown();
    switch (parameter.kind) {
    case ParameterKind::number:
        return value;
    case ParameterKind::context:
        return Value::pointer(ValueKind::context);
    case ParameterKind::arena:
        return Value::pointer(ValueKind::arena);
    case ParameterKind::dynptr:
        value = Value::pointer(ValueKind::dynptr, 0, static_cast<std::uint32_t>(DynptrKind::local));
        value.id = ids.next();
        return value;
    case ParameterKind::untrusted_memory:
        return untrusted_memory();
    case ParameterKind::untrusted_object:
        return Value::pointer(ValueKind::btf_object, kUntrusted, parameter.type);
    case ParameterKind::object:
        value = Value::pointer(ValueKind::btf_object, kTrusted, parameter.type);
        break;
    case ParameterKind::memory:
        value = Value::pointer(ValueKind::memory, 0, parameter.size_bytes);
        break;
    }
    if (parameter.may_be_null) {
        value.flags |= kMaybeNull;
        value.id = ids.next();
    }
    return value;
}

} // namespace

State entry_state(std::uint32_t subprogram, const Signature& signature, IdSource& ids) {
    State state = State::entering(subprogram);
    for (std::size_t index = 0; index < signature.parameters.size(); ++index) {
        state.set_reg(static_cast<Reg>(index + 1), entry_value(signature.parameters[index], ids));
    }
    return state;
}

namespace {

// An object that is alive, of the type or of one that begins with it.
Ruling<void> check_object_argument(const Subject& subject, const Value& value, Reg reg,
                                   const Parameter& parameter) {
    if (value.is_constant_zero() && parameter.may_be_null) {
        return {};
    }
    constexpr std::uint32_t kTolerated = kTrusted | kRcu | kMaybeNull;
    const bool is_alive = value.is(ValueKind::btf_object) && value.instance == 0 &&
                          (value.flags & ~kTolerated) == 0 &&
                          (value.has(kTrusted | kRcu) || value.reference_id != 0);
    if (!is_alive || (value.may_be_null() && !parameter.may_be_null)) {
        return refuse({.code = FindingCode::wrong_global_call,
                       .kernel = fmt::format("R{} type={}{} expected=ptr_, trusted_ptr_, rcu_ptr_",
                                             reg, kind_text(value), ""),
                       .because = fmt::format("R{} is {}, and a living object is wanted", reg,
                                              kind_text(value))});
    }
    const std::string_view wanted = subject.environment.kernel_types->type(parameter.type).name;
    if (!value.at_fixed_offset() || !begins_with_type(subject, value, wanted)) {
        return refuse({.code = FindingCode::wrong_global_call,
                       .kernel = fmt::format("R{} is of type {} but {} is expected", reg,
                                             type_name(subject, value), wanted),
                       .because = "an object of another type is wanted"});
    }
    return {};
}

Ruling<void> check_global_arguments(const Subject& subject, const State& state,
                                    const Signature& signature) {
    for (std::size_t index = 0; index < signature.parameters.size(); ++index) {
        const auto reg = static_cast<Reg>(index + 1);
        const Value& value = state.reg(reg);
        const Parameter& parameter = signature.parameters[index];
        if (!value.is_initialised()) {
            return refuse({.code = FindingCode::unset_register,
                           .kernel = fmt::format("R{} !read_ok", reg),
                           .because = fmt::format("R{} is an argument and has no value", reg)});
        }
        if (parameter.kind == ParameterKind::number && !value.is_scalar()) {
            return wrong_argument(reg, value, "a scalar");
        }
        if (parameter.kind == ParameterKind::context &&
            (!value.is(ValueKind::context) || value.offset != 0 || !value.number.is_zero())) {
            return wrong_argument(reg, value, "a pointer to the context");
        }
        if (parameter.kind == ParameterKind::memory) {
            TRY(check_memory_argument(subject, state, reg, parameter));
        }
        if (parameter.kind == ParameterKind::dynptr) {
            TRY(check_dynptr({state, reg, "the function"}));
        }
        if (parameter.kind == ParameterKind::arena && !value.is_scalar() &&
            !value.is(ValueKind::arena)) {
            return wrong_argument(reg, value, "a pointer to arena or scalar.");
        }
        if (parameter.kind == ParameterKind::object) {
            TRY(check_object_argument(subject, value, reg, parameter));
        }
    }
    return {};
}

// Whatever is wrong with an argument, the last line is about the call.
Finding in_call(const Subject& subject, std::uint32_t callee, Finding finding) {
    if (!finding.kernel_message.empty()) {
        finding.kernel_detail += finding.kernel_detail.empty() ? "" : "\n";
        finding.kernel_detail += finding.kernel_message;
    }
    finding.os_errno = EINVAL;
    finding.kernel_message = fmt::format("Caller passes invalid args into func#{} ('{}')", callee,
                                         subject.subprograms[callee].name);
    return finding;
}

} // namespace

Ruling<Signature> signature_for_call(const Subject& subject, std::uint32_t callee) {
    Ruling<Signature> signature = signature_of(subject, callee);
    if (!signature.ok()) {
        return in_call(subject, callee, *std::move(signature).error());
    }
    return signature;
}

Ruling<void> check_global_call(const Subject& subject, const State& state, std::uint32_t callee,
                               const Signature& signature) {
    Ruling<void> arguments = check_global_arguments(subject, state, signature);
    if (!arguments.ok()) {
        return in_call(subject, callee, *std::move(arguments).error());
    }
    return {};
}

void step_global_call(const Subject& subject, std::uint32_t callee, const Signature& signature,
                      State& state) {
    // It may write what it was given the address of.
    for (std::size_t index = 0; index < signature.parameters.size(); ++index) {
        const Value value = state.reg(static_cast<Reg>(index + 1));
        const Parameter& parameter = signature.parameters[index];
        if (parameter.kind != ParameterKind::memory || !value.is(ValueKind::stack)) {
            continue;
        }
        const std::int64_t low = value.offset + value.number.s.min;
        const std::int64_t high = value.offset + value.number.s.max + parameter.size_bytes;
        state.stack_for_write(value.frame)
            .set_bytes(static_cast<int>(low), static_cast<unsigned>(high - low), SlotByte::misc);
    }
    if (subject.subprograms[callee].moves_packet) {
        state.forget_packet_pointers();
    }
    state.clobber_caller_saved();
    state.set_reg(0, Value::unknown());
}

Ruling<void> check_static_call(const State& state) {
    if (state.frame_count() < kMaxFrames) {
        return {};
    }
    return refuse(
        {.code = FindingCode::too_deep,
         .os_errno = E2BIG,
         .kernel = fmt::format("the call stack of {} frames is too deep", state.frame_count() + 1),
         .because = fmt::format("{} functions are in progress already", state.frame_count())});
}

void step_static_call(std::uint32_t callee, InsnIndex at, State& state) {
    const std::array<Value, kRegisters> caller = state.current().regs;
    Frame& below = state.current_for_write();
    for (Reg reg = 0; reg <= 5; ++reg) {
        below.regs[reg] = Value::uninitialised();
    }
    Frame& frame = state.push_frame(callee, at);
    for (Reg reg = 1; reg <= 5; ++reg) {
        frame.regs[reg] = caller[reg];
    }
}

Ruling<void> check_return(const State& state) {
    const Value& result = state.reg(0);
    if (!result.is(ValueKind::stack)) {
        return {};
    }
    return refuse({.code = FindingCode::stack_access,
                   .os_errno = EINVAL,
                   .kernel = "cannot return stack pointer to the caller",
                   .what = "a function returns the address of its own local variable",
                   .because = "R0 points into a stack frame that ends with the function",
                   .suggestion = "let the caller own the variable and pass its address"});
}

void step_return(State& state) {
    const Value result = state.reg(0);
    state.pop_frame();
    state.set_reg(0, result);
}

} // namespace skep::verify
