// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/transfer/memory.hpp"

#include <fmt/format.h>

#include "skep/verify/access/pointer_field.hpp"
#include "skep/verify/access/region.hpp"
#include "skep/verify/access/secrets.hpp"
#include "skep/verify/access/types/typed_pointer.hpp"
#include "skep/verify/explain/refusal.hpp"
#include "skep/verify/explain/value_text.hpp"
#include "skep/verify/transfer/arithmetic.hpp"
#include "skep/verify/transfer/stack_memory.hpp"

namespace skep::verify {
namespace {

bool is_load(const Insn& insn) {
    return insn.kind == InsnKind::load ||
           (insn.kind == InsnKind::atomic && insn.atomic_op == AtomicOp::load_acq);
}
bool is_atomic(const Insn& insn) { return insn.kind == InsnKind::atomic; }
spec::AtomicForm form_of(const Insn& insn) { return spec::row(insn.atomic_op).form; }
bool reads_and_writes(const Insn& insn) {
    return is_atomic(insn) &&
           (form_of(insn) == spec::AtomicForm::update || form_of(insn) == spec::AtomicForm::fetch);
}
// Where an atomic instruction puts what it fetched.
Reg fetched_into(const Insn& insn) {
    return insn.atomic_op == AtomicOp::cmpxchg ? Reg{0} : insn.src;
}

Finding no_pointer(Reg reg, const Value& base) {
    if (base.may_be_null()) {
        return refuse(
            {.code = FindingCode::null_check_missing,
             .kernel = fmt::format("R{} invalid mem access '{}'", reg, kind_text(base)),
             .because = fmt::format("R{} is {}: it may be null here", reg, kind_text(base)),
             .suggestion = "test it first: if (!pointer) return ...;"});
    }
    return refuse({.code = FindingCode::wrong_pointer,
                   .kernel = fmt::format("R{} invalid mem access '{}'", reg, kind_text(base)),
                   .because = fmt::format("R{} is {}, through which no memory can be reached", reg,
                                          kind_text(base))});
}

// The context is accessed at its own address: a moved pointer would make the field unclear.
Ruling<void> check_context_pointer(Reg reg, const Value& base) {
    if (base.offset != 0) {
        return refuse(
            {.code = FindingCode::context_access,
             .kernel = base.offset < 0
                           ? fmt::format("negative offset ctx ptr R{} off={} disallowed", reg,
                                         base.offset)
                           : fmt::format("dereference of modified ctx ptr R{} off={} disallowed",
                                         reg, base.offset),
             .because = fmt::format("R{} is the context plus {}", reg, base.offset),
             .suggestion = "access the field through the context pointer itself"});
    }
    if (!base.number.is_zero()) {
        return refuse({.code = FindingCode::context_access,
                       .kernel = fmt::format("variable ctx access var_off={} disallowed",
                                             bits_text(base.number.bits)),
                       .because = fmt::format("R{} is the context plus a number", reg)});
    }
    return {};
}

Ruling<MemoryPlan> check_context(const Subject& subject, const Insn& insn, Reg reg,
                                 const Value& base) {
    TRY(check_context_pointer(reg, base));
    ContextAccess access;
    access.reg = reg;
    access.offset = insn.offset;
    access.size_bytes = insn.size_bytes;
    access.direction = is_load(insn) ? Direction::read : Direction::write;
    access.sign_extended = insn.kind == InsnKind::load && insn.extend == Extend::sign;
    access.immediate = insn.kind == InsnKind::store_imm;
    return MemoryPlan{base, TRY(check_context_access(subject, access)), false};
}

Ruling<MemoryPlan> check_typed(const Subject& subject, const State& state, const Insn& insn,
                               Reg reg, const Value& base) {
    TypedAccess access;
    access.reg = reg;
    access.value = base;
    access.offset = insn.offset;
    access.size_bytes = insn.size_bytes;
    access.direction = is_load(insn) ? Direction::read : Direction::write;
    access.accessor = is_atomic(insn) ? Accessor::atomic : Accessor::load_store;
    access.sign_extended = insn.kind == InsnKind::load && insn.extend == Extend::sign;
    return MemoryPlan{base, TRY(check_typed_access(subject, state, access)),
                      !base.at_fixed_offset()};
}

bool is_typed(const Value& base) {
    switch (base.kind) {
    case ValueKind::socket:
    case ValueKind::socket_common:
    case ValueKind::tcp_socket:
    case ValueKind::xdp_socket:
    case ValueKind::btf_object:
    case ValueKind::flow_keys:
    case ValueKind::map_pointer:
    case ValueKind::tracepoint_buffer:
    case ValueKind::buffer:
        return true;
    case ValueKind::arena:
    case ValueKind::uninitialised:
    case ValueKind::scalar:
    case ValueKind::context:
    case ValueKind::map_value:
    case ValueKind::map_key:
    case ValueKind::stack:
    case ValueKind::packet_meta:
    case ValueKind::packet:
    case ValueKind::packet_end:
    case ValueKind::memory:
    case ValueKind::function:
    case ValueKind::dynptr:
        return false;
    }
    return false;
}

// What happens at once happens at an aligned place, whatever lies there.
Ruling<void> check_atomic_number(const Insn& insn, const Value& base) {
    const Tnum64 place = base.number.bits.plus(
        Tnum64::constant(static_cast<std::uint64_t>(std::int64_t{insn.offset})));
    if (!base.is_scalar() || (place.greatest() & (insn.size_bytes - 1U)) == 0) {
        return {};
    }
    return refuse({.code = FindingCode::misaligned_access,
                   .kernel = fmt::format("misaligned access off {}+0+{} size {}",
                                         base.number.is_zero() ? "0" : bits_text(base.number.bits),
                                         insn.offset, insn.size_bytes),
                   .because = "the address is a number, and not an aligned one"});
}

Ruling<void> check_atomic_target(const Insn& insn, Reg reg, const Value& base) {
    TRY(check_atomic_number(insn, base));
    const bool refused = base.is(ValueKind::context) || base.is_any_packet() ||
                         base.is(ValueKind::socket) || base.is(ValueKind::socket_common) ||
                         base.is(ValueKind::tcp_socket) || base.is(ValueKind::xdp_socket) ||
                         base.is(ValueKind::flow_keys);
    if (!refused) {
        return {};
    }
    return refuse(
        {.code = base.is_any_packet() ? FindingCode::packet_access : FindingCode::context_access,
         .kernel = fmt::format("BPF_ATOMIC {} R{} {} is not allowed",
                               is_load(insn) ? "loads from" : "stores into", reg, kind_text(base)),
         .what = "an atomic operation where none is allowed",
         .because = fmt::format("R{} is {}", reg, kind_text(base)),
         .suggestion = "use atomic operations on map values and on the stack"});
}

// A pointer that a map value keeps.
Ruling<MemoryPlan> check_kept_pointer(const Subject& subject, const State& state, const Insn& insn,
                                      const RegionRequest& request, const SpecialField& field) {
    if (is_load(insn)) {
        return MemoryPlan{request.value, TRY(load_pointer_field(subject, state, field)), false};
    }
    const bool by_register = insn.kind == InsnKind::store_reg;
    const Value stored = by_register
                             ? state.reg(insn.src)
                             : Value::constant(static_cast<std::uint64_t>(std::int64_t{insn.imm}));
    TRY(check_pointer_store(subject, field,
                            by_register ? std::optional<Reg>(insn.src) : std::nullopt, stored));
    return MemoryPlan{request.value, std::nullopt, false};
}

// Linux judges the store after the fetched number has taken the place of the address.
Ruling<void> check_address_survives(const Insn& insn) {
    if (form_of(insn) != spec::AtomicForm::fetch || fetched_into(insn) != insn.dst) {
        return {};
    }
    return refuse(
        {.code = FindingCode::wrong_pointer,
         .kernel = fmt::format("misaligned access off (0x0; 0xffffffffffffffff)+0+{} "
                               "size {}",
                               insn.offset, insn.size_bytes),
         .what = "an atomic operation that overwrites its own address",
         .because = fmt::format("R{} is the address and receives what is fetched", insn.dst),
         .suggestion = "use another register for the address"});
}

// On the stack, what is read and written at once has one place.
Ruling<void> check_exact_place(const RegionRequest& request) {
    if (!request.value.is(ValueKind::stack) || request.value.number.is_constant()) {
        return {};
    }
    return refuse(
        {.code = FindingCode::stack_access,
         .kernel =
             fmt::format("variable offset stack pointer cannot be passed into helper "
                         "function; var_off={} off={} size={}",
                         bits_text(request.value.number.bits), request.offset, request.size_bytes),
         .what = "an atomic operation on one of several places of the stack",
         .because = "its address is the frame pointer plus a number that is not known exactly"});
}

Ruling<MemoryPlan> check_plain(const Subject& subject, const State& state, const Insn& insn,
                               Reg reg) {
    RegionRequest request{.reg = reg, .value = state.reg(reg)};
    request.offset = insn.offset;
    request.size_bytes = insn.size_bytes;
    request.direction = is_load(insn) ? Direction::read : Direction::write;
    request.accessor = is_atomic(insn) ? Accessor::atomic : Accessor::load_store;
    if (reads_and_writes(insn)) { // its read is judged first, as a load would be
        TRY(check_exact_place(request));
        request.direction = Direction::read;
        TRY(check_region(subject, state, request));
        request.direction = Direction::write;
    }
    const RegionUse use = TRY(check_region(subject, state, request));
    if (const auto field = pointer_field(subject, request.value, insn.offset)) {
        return check_kept_pointer(subject, state, insn, request, *field);
    }
    if (request.value.is(ValueKind::stack)) {
        const bool reads_first = is_atomic(insn) && insn.atomic_op != AtomicOp::store_rel;
        if (is_load(insn) || reads_first) {
            TRY(check_stack_load(subject, state, request, insn));
        }
        if (!is_load(insn)) {
            TRY(check_stack_store(subject, state, request, insn));
        }
    }
    return MemoryPlan{request.value, std::nullopt, use.offset_mattered};
}

// A number as wide as was read, sign-extended when asked.
Value loaded_number(const Insn& insn) {
    const unsigned bits = insn.size_bytes * 8U;
    if (insn.kind != InsnKind::load || insn.extend == Extend::zero) {
        return Value::scalar(number_of_bytes(insn.size_bytes));
    }
    const std::int64_t greatest = static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1);
    return Value::scalar(Scalar::signed_range(-greatest - 1, greatest));
}

// A load from bytes that can never change again gives their number.
std::optional<Value> constant_load(const Subject& subject, const Insn& insn, const Value& base) {
    if (!base.is(ValueKind::map_value) || !base.at_fixed_offset() || insn.kind != InsnKind::load) {
        return std::nullopt;
    }
    const spec::MapSpec& map = subject.map(base.map());
    const std::uint64_t begin =
        static_cast<std::uint64_t>(std::int64_t{base.offset} + insn.offset) + base.number.value();
    if (map.constant_value.empty() || begin > map.constant_value.size() ||
        map.constant_value.size() - begin < insn.size_bytes) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    for (unsigned byte = 0; byte < insn.size_bytes; ++byte) {
        number |= std::uint64_t{map.constant_value[begin + byte]} << (8 * byte);
    }
    if (insn.extend == Extend::sign) {
        const unsigned unused = 64U - insn.size_bytes * 8U;
        number = static_cast<std::uint64_t>(static_cast<std::int64_t>(number << unused) >> unused);
    }
    return Value::constant(number);
}

Value sign_extended(const Value& value, const Insn& insn) {
    if (!value.is_scalar() || insn.kind != InsnKind::load || insn.extend == Extend::zero) {
        return value;
    }
    Value result = value;
    const Piece<64> piece = operations::sign_extend(whole(value.number), insn.size_bytes * 8U);
    result.number = combined<64>(piece, Piece<32>::top());
    result.id = 0;
    result.offset = 0;
    result.linked_by_delta = false;
    return result;
}

Value loaded(Workspace& workspace, const MemoryPlan& plan, const State& state, const Insn& insn) {
    if (plan.yields.has_value()) {
        Value value = *plan.yields;
        const bool named =
            value.may_be_null() || value.is(ValueKind::packet) || value.is(ValueKind::packet_meta);
        if (value.may_be_null() && named && value.id == 0) {
            value.id = workspace.ids.next();
        }
        return value;
    }
    if (plan.base.is(ValueKind::stack)) {
        return sign_extended(stack_load(state, plan.base, insn), insn);
    }
    return constant_load(workspace.subject, insn, plan.base).value_or(loaded_number(insn));
}

Value stored_value(const State& state, const Insn& insn) {
    return insn.kind == InsnKind::store_imm
               ? Value::constant(static_cast<std::uint64_t>(std::int64_t{insn.imm}))
               : state.reg(insn.src);
}

void step_atomic(Workspace& workspace, const MemoryPlan& plan, State& state, const Insn& insn) {
    const spec::AtomicForm form = form_of(insn);
    if (form == spec::AtomicForm::fetch) {
        const Value before = loaded(workspace, plan, state, insn);
        state.set_reg(fetched_into(insn), before);
    }
    if (plan.base.is(ValueKind::stack)) {
        stack_store(workspace, state, plan.base, insn,
                    form == spec::AtomicForm::store ? StoredValue{state.reg(insn.src), insn.src}
                                                    : StoredValue{std::nullopt, std::nullopt});
    }
}

// What is read and written at once is memory that others look at, the stack too.
Ruling<void> check_secrets(const Subject& subject, const State& state, const Insn& insn) {
    if (reads_and_writes(insn)) {
        constexpr std::string_view kDoing = "atomic operations are for numbers";
        if (insn.atomic_op == AtomicOp::cmpxchg) {
            const auto line = [] { return "R0 leaks addr into mem"; };
            TRY(keep_secret(subject, state, 0, line, kDoing));
        }
        const auto line = [&] { return fmt::format("R{} leaks addr into mem", insn.src); };
        return keep_secret(subject, state, insn.src, line, kDoing);
    }
    if (is_load(insn) || insn.kind == InsnKind::store_imm) {
        return {};
    }
    return keep_stored_secret(subject, state, insn.src, state.reg(insn.dst));
}

} // namespace

Reg address_register(const Insn& insn) { return is_load(insn) ? insn.src : insn.dst; }

Ruling<MemoryPlan> check_memory(const Subject& subject, const State& state, const Insn& insn) {
    const Reg reg = address_register(insn);
    const Value& base = state.reg(reg);
    TRY(check_secrets(subject, state, insn));
    if (is_atomic(insn)) {
        TRY(check_atomic_target(insn, reg, base));
        TRY(check_address_survives(insn));
    }
    if (base.may_be_null() || base.is_scalar()) {
        return no_pointer(reg, base);
    }
    if (base.is(ValueKind::arena)) {
        return MemoryPlan{base, loaded_number(insn), false}; // faults there do no harm
    }
    if (base.is(ValueKind::context)) {
        return check_context(subject, insn, reg, base);
    }
    if (is_region(base)) {
        return check_plain(subject, state, insn, reg);
    }
    if (is_typed(base)) {
        return check_typed(subject, state, insn, reg, base);
    }
    return no_pointer(reg, base);
}

void step_memory(Workspace& workspace, const MemoryPlan& plan, State& state, const Insn& insn) {
    if (is_load(insn)) {
        const Value value = loaded(workspace, plan, state, insn);
        state.set_reg(insn.dst, value);
        return;
    }
    if (is_atomic(insn)) {
        step_atomic(workspace, plan, state, insn);
        return;
    }
    if (plan.base.is(ValueKind::stack)) {
        const std::optional<Reg> from =
            insn.kind == InsnKind::store_reg ? std::optional<Reg>(insn.src) : std::nullopt;
        stack_store(workspace, state, plan.base, insn, {stored_value(state, insn), from});
    }
}

} // namespace skep::verify
