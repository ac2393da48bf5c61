// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/x64/target.hpp"

#include <array>
#include <bit>
#include <cstddef>

#include "skep/run/jit/targets/row_tables.hpp"
#include "skep/run/jit/x64/alu.hpp"
#include "skep/run/jit/x64/atomics.hpp"
#include "skep/spec/limits.hpp"

namespace skep::run::jit::x64 {
namespace {

constexpr std::size_t kBytesPerSlot = 12; // what a slot becomes, usually; more grows the buffer

constexpr std::array<Reg, 4> kSavedRegisters{6, 7, 8, 9};
constexpr std::array<Gpr, 6> kArgumentHomes{Gpr::rax, Gpr::rdi, Gpr::rsi,
                                            Gpr::rdx, Gpr::rcx, Gpr::r8};

constexpr auto& kByRegister = kAluByRegister<EmitX64Alu>;
constexpr auto& kByNumber = kAluByNumber<EmitX64Alu>;
constexpr auto& kConditions = kJumpConditions<X64Condition>;
constexpr auto& kAtomics = kAtomicEmitters<EmitX64Atomic>;

Memory memory_of(const Address& address) {
    return {home_of(address.base), address.index == kNoIndex ? Gpr::rsp : home_of(address.index),
            address.displacement, address.scale};
}

Condition condition_of(const Comparison& comparison) {
    const Condition condition = kConditions[static_cast<std::size_t>(comparison.op)];
    return comparison.negated ? negated(condition) : condition;
}

Memory in_invocation(std::size_t offset) {
    return {.base = kInvocation, .displacement = static_cast<std::int32_t>(offset)};
}
constexpr std::size_t kEngine = offsetof(helpers::Invocation, engine);
constexpr std::size_t kBudget = offsetof(helpers::Invocation, loop_budget);

// Whether rbp, R10's home, is among what the function pushes.
bool pushes_frame_pointer(Frame frame) {
    return frame.is_entry ? frame.keeps_frame_pointer : frame.stack_bytes != 0;
}

// How much a function takes off the stack below what it pushes.
std::int32_t stack_bytes_of(Frame frame) {
    const std::uint32_t pushed = static_cast<std::uint32_t>(std::popcount(frame.saved)) +
                                 (pushes_frame_pointer(frame) ? 1U : 0U) +
                                 (frame.is_entry ? 2U : 0U);
    std::uint32_t bytes = (frame.stack_bytes + 7U) & ~7U;
    if (frame.calls && (8U + 8U * pushed + bytes) % 16 != 0) {
        bytes += 8;
    }
    return static_cast<std::int32_t>(bytes);
}

void adjust_stack(Assembler& assembler, Op with_imm8, Op with_imm32, std::int32_t bytes) {
    if (bytes != 0) {
        assembler.register_imm(with_imm8, with_imm32, Wide::yes, Gpr::rsp, bytes);
    }
}

} // namespace

TargetX64::TargetX64(Features features, const Plan& plan, std::uint64_t blinding)
    : assembler_(plan.insns.size() * kBytesPerSlot, plan.insns.size(), plan.memory()),
      features_(features), blinding_(blinding) {}

void TargetX64::blinded(Gpr dst, std::uint64_t number) {
    if (!blinding_.hides(number)) {
        return assembler_.number(dst, number);
    }
    const std::uint64_t key = blinding_.next_key();
    if (number <= 0xffffffffU) {
        const auto narrow_key = static_cast<std::uint32_t>(key) | 1U;
        assembler_.number(dst, static_cast<std::uint32_t>(number) ^ narrow_key);
        assembler_.register_imm(Op::xor_i32, Wide::no, dst, static_cast<std::int32_t>(narrow_key));
        return;
    }
    assembler_.number(dst, number ^ key);
    assembler_.number(kScratch2, key);
    assembler_.registers(Op::xor_, Wide::yes, kScratch2, dst);
}

void TargetX64::begin_function(Frame frame) {
    if (frame.is_entry) {
        set_anchor();
    }
    if (pushes_frame_pointer(frame)) {
        assembler_.plus(Op::push, Wide::yes, Gpr::rbp);
    }
    for (std::size_t i = 0; i < kSavedRegisters.size(); ++i) {
        if ((frame.saved >> i & 1) != 0) {
            assembler_.plus(Op::push, Wide::yes, home_of(kSavedRegisters[i]));
        }
    }
    if (frame.is_entry) {
        begin_run(frame);
    }
    if (frame.stack_bytes != 0) {
        move(assembler_, Wide::yes, Gpr::rbp, Gpr::rsp);
    }
    adjust_stack(assembler_, Op::sub_i8, Op::sub_i32, stack_bytes_of(frame));
}

void TargetX64::leave(Frame frame) {
    adjust_stack(assembler_, Op::add_i8, Op::add_i32, stack_bytes_of(frame));
    if (frame.is_entry) {
        end_run();
    }
    for (std::size_t i = kSavedRegisters.size(); i-- > 0;) {
        if ((frame.saved >> i & 1) != 0) {
            assembler_.plus(Op::pop, Wide::yes, home_of(kSavedRegisters[i]));
        }
    }
    if (pushes_frame_pointer(frame)) {
        assembler_.plus(Op::pop, Wide::yes, Gpr::rbp);
    }
    if (frame.is_entry) {
        assembler_.plus(Op::pop, Wide::yes, kInvocation);
    }
    assembler_.plain(Op::ret);
}

// Called as a C function of R1 and the invocation. For the one push before the anchor there is room
// always: the stack of a C function is aligned to 16 bytes, of which the return address took half.
void TargetX64::set_anchor() {
    assembler_.plus(Op::push, Wide::yes, kInvocation);
    move(assembler_, Wide::yes, kInvocation, Gpr::rsi);
}

void TargetX64::begin_run(Frame frame) {
    run_end_ = new_label();
    assembler_.address_of(kScratch, run_end_);
    assembler_.plus(Op::push, Wide::yes, kScratch);
    assembler_.memory(Op::mov, Wide::yes, Gpr::rsp, in_invocation(kEngine));
    if (frame.calls_back) {
        callback_entry_ = new_label();
        assembler_.address_of(kScratch, callback_entry_);
        assembler_.memory(Op::mov, Wide::yes, kScratch,
                          in_invocation(offsetof(helpers::Invocation, call_back)));
    }
    if (frame.has_budget) {
        constexpr auto kRounds = static_cast<std::int32_t>(spec::limits::loop_iterations);
        assembler_.memory_imm(Op::mov_i32, Wide::yes, in_invocation(kBudget), kRounds);
    }
}

void TargetX64::end_run() {
    bind(run_end_);
    assembler_.memory_imm(Op::mov_i32, Wide::yes, in_invocation(kEngine), 0);
    assembler_.plus(Op::pop, Wide::yes, kScratch);
}

// Invocation::call_back as a C function: (invocation, entry, r1, r2, r3, r4, r5 on the stack). The
// subprogram keeps what a C function keeps, except for r12, which it expects to hold the
// invocation; as at the entry, nothing can fault before it does.
void TargetX64::callback_entry() {
    bind(callback_entry_);
    assembler_.plus(Op::push, Wide::yes, kInvocation);
    move(assembler_, Wide::yes, kInvocation, Gpr::rdi);
    move(assembler_, Wide::yes, Gpr::rax, Gpr::rsi);
    move(assembler_, Wide::yes, Gpr::rdi, Gpr::rdx);
    move(assembler_, Wide::yes, Gpr::rsi, Gpr::rcx);
    move(assembler_, Wide::yes, Gpr::rdx, Gpr::r8);
    move(assembler_, Wide::yes, Gpr::rcx, Gpr::r9);
    assembler_.memory(Op::load, Wide::yes, Gpr::r8, {.base = Gpr::rsp, .displacement = 16});
    assembler_.one_register(Op::call, Wide::yes, Gpr::rax);
    assembler_.plus(Op::pop, Wide::yes, kInvocation);
    assembler_.plain(Op::ret);
}

void TargetX64::alu(const Operation& operation, Reg dst, Reg src) {
    kByRegister[static_cast<std::size_t>(operation.op)](
        assembler_, {wide_of(operation.width), operation.divisor_nonzero, features_}, home_of(dst),
        home_of(src));
    note_flags(operation, dst);
}

// These leave in the flags what a comparison of their result with zero would: equal or not. That of
// a sum says nothing of its sign, so only this is used.
void TargetX64::note_flags(const Operation& operation, Reg dst) {
    constexpr std::uint64_t kTelling = [] {
        std::uint64_t ops = 0;
        for (const AluOp op : {AluOp::add, AluOp::sub, AluOp::and_, AluOp::or_, AluOp::xor_}) {
            ops |= std::uint64_t{1} << static_cast<unsigned>(op);
        }
        return ops;
    }();
    static_assert(spec::kAluRows.size() <= 64);
    if ((kTelling >> static_cast<unsigned>(operation.op) & 1) != 0) {
        flags_ = {dst, operation.width, assembler_.here()};
    }
}

// A comparison of 64 bits may follow an operation of 32, which clears the upper half.
bool TargetX64::flags_tell(const Comparison& comparison, Reg dst) const {
    const bool equality = comparison.op == JumpOp::jeq || comparison.op == JumpOp::jne;
    return equality && flags_.reg == dst && flags_.mark == assembler_.here() &&
           (flags_.width == Width::w32 || comparison.width == Width::w64);
}

void TargetX64::alu_imm(const Operation& operation, Reg dst, std::int32_t number) {
    const Wide wide = wide_of(operation.width);
    if (hides_operand(blinding_, operation.op, number)) {
        blinded(kScratch, as_operand(wide, number));
        return kByRegister[static_cast<std::size_t>(operation.op)](
            assembler_, {wide, true, features_}, home_of(dst), kScratch);
    }
    kByNumber[static_cast<std::size_t>(operation.op)](
        assembler_, {wide, operation.divisor_nonzero, features_}, home_of(dst), number);
    note_flags(operation, dst);
}

void TargetX64::sum(Reg dst, const Address& address) {
    assembler_.memory(Op::lea, Wide::yes, home_of(dst), memory_of(address));
}

void TargetX64::shift(const Operation& operation, Reg dst, Reg src, std::uint8_t count) {
    if (dst != src && operation.op == AluOp::lsh && count == 1) {
        return assembler_.memory(Op::lea, wide_of(operation.width), home_of(dst),
                                 {.base = home_of(src), .index = home_of(src)});
    }
    if (dst != src) {
        move(assembler_, wide_of(operation.width), home_of(dst), home_of(src));
    }
    alu_imm(operation, dst, count);
}

void TargetX64::rotate_left(Reg dst, Reg src, Width width, std::uint8_t count) {
    if (dst != src && features_.bmi2) {
        assembler_.registers_imm(Op::rorx_i8, wide_of(width), home_of(dst), home_of(src),
                                 (width == Width::w64 ? 64 : 32) - count);
        return;
    }
    if (dst != src) {
        move(assembler_, wide_of(width), home_of(dst), home_of(src));
    }
    assembler_.register_imm(Op::rol_i8, wide_of(width), home_of(dst), count);
}

void TargetX64::zero_extend(Reg dst, Reg src, std::uint8_t size_bytes) {
    if (size_bytes == 1) {
        assembler_.registers(Op::load_zx8, Wide::no, home_of(dst), home_of(src));
    } else {
        assembler_.registers(Op::load_zx16, Wide::no, home_of(dst), home_of(src));
    }
}

void TargetX64::load(const MemoryAccess& access, Reg dst, const Address& from) {
    x64::load(assembler_, access, home_of(dst), memory_of(from));
}

void TargetX64::store(const MemoryAccess& access, const Address& to, Reg src) {
    x64::store(assembler_, access.size_bytes, memory_of(to), home_of(src));
}

void TargetX64::store_imm(const MemoryAccess& access, const Address& to, std::int32_t number) {
    if (blinding_.hides(static_cast<std::uint32_t>(number))) {
        blinded(kScratch, as_operand(Wide::yes, number));
        return x64::store(assembler_, access.size_bytes, memory_of(to), kScratch);
    }
    store_number(assembler_, access.size_bytes, memory_of(to), number);
}

void TargetX64::atomic(AtomicOp op, const MemoryAccess& access, const Address& at, Reg value) {
    kAtomics[static_cast<std::size_t>(op)](assembler_,
                                           {access.size_bytes, memory_of(at), home_of(value)});
}

void TargetX64::jump_if(const Comparison& comparison, Reg dst, Reg src, Label target) {
    assembler_.registers(comparison.op == JumpOp::jset ? Op::test : Op::cmp,
                         wide_of(comparison.width), home_of(src), home_of(dst));
    assembler_.jump_if(condition_of(comparison), target);
}

void TargetX64::jump_if_imm(const Comparison& comparison, Reg dst, std::int32_t number,
                            Label target) {
    if (blinding_.is_on()) [[unlikely]] {
        compare_blinded(comparison, dst, number);
    } else {
        compare(comparison, dst, number);
    }
    assembler_.jump_if(condition_of(comparison), target);
}

void TargetX64::compare(const Comparison& comparison, Reg dst, std::int32_t number) {
    const Wide wide = wide_of(comparison.width);
    if (comparison.op == JumpOp::jset) {
        assembler_.register_imm(Op::test_i32, wide, home_of(dst), number);
    } else if (number != 0) {
        assembler_.register_imm(Op::cmp_i8, Op::cmp_i32, wide, home_of(dst), number);
    } else if (!flags_tell(comparison, dst)) { // else there is nothing to say
        assembler_.registers(Op::test, wide, home_of(dst),
                             home_of(dst)); // compares with zero, and is shorter
    }
}

void TargetX64::compare_blinded(const Comparison& comparison, Reg dst, std::int32_t number) {
    if (!blinding_.hides(static_cast<std::uint32_t>(number))) {
        return compare(comparison, dst, number);
    }
    const Wide wide = wide_of(comparison.width);
    blinded(kScratch, as_operand(wide, number));
    assembler_.registers(comparison.op == JumpOp::jset ? Op::test : Op::cmp, wide, kScratch,
                         home_of(dst));
}

void TargetX64::jump_when_budget_is_used_up(Label target) {
    const Memory budget = in_invocation(kBudget);
    assembler_.memory_imm(Op::cmp_i8, Wide::yes, budget, 0);
    assembler_.jump_if(Condition::equal, target);
    assembler_.memory_imm(Op::sub_i8, Wide::yes, budget, 1);
}

void TargetX64::call_reference(Relocation what) {
    assembler_.reference(Gpr::rax, what);
    assembler_.one_register(Op::call, Wide::yes, Gpr::rax);
}

void TargetX64::tell_frame(std::uint32_t stack_bytes) {
    constexpr std::size_t kRange = offsetof(helpers::Invocation, stack);
    const Memory begin = in_invocation(kRange + offsetof(helpers::MemoryRange, begin));
    const Memory end = in_invocation(kRange + offsetof(helpers::MemoryRange, end));
    if (stack_bytes == 0) { // R10 is nowhere
        assembler_.memory_imm(Op::mov_i32, Wide::yes, begin, 0);
        assembler_.memory_imm(Op::mov_i32, Wide::yes, end, 0);
        return;
    }
    const auto below = -static_cast<std::int32_t>(stack_bytes);
    assembler_.memory(Op::lea, Wide::yes, kScratch, {.base = Gpr::rbp, .displacement = below});
    assembler_.memory(Op::mov, Wide::yes, kScratch, begin);
    assembler_.memory(Op::mov, Wide::yes, Gpr::rbp, end);
}

void TargetX64::call_helper(Relocation helper) {
    move(assembler_, Wide::yes, Gpr::r9, kInvocation);
    call_reference(helper);
}

void TargetX64::call_routine(Routine routine, LeaveWhen when, Label leave) {
    call_helper({.referent = Referent::routine, .index = static_cast<std::uint32_t>(routine)});
    assembler_.registers(Op::test, Wide::no, Gpr::rdx, Gpr::rdx);
    assembler_.jump_if(when == LeaveWhen::happened ? Condition::not_equal : Condition::equal,
                       leave);
}

// R0 to R5: an even number, so that the stack stays aligned.
void TargetX64::keep_arguments() {
    for (const Gpr reg : kArgumentHomes) {
        assembler_.plus(Op::push, Wide::yes, reg);
    }
}

void TargetX64::restore_arguments() {
    for (std::size_t i = kArgumentHomes.size(); i-- > 0;) {
        assembler_.plus(Op::pop, Wide::yes, kArgumentHomes[i]);
    }
}

void TargetX64::call_helper_in(Reg id) {
    const Label missing = new_label();
    const Label done = new_label();
    keep_arguments();
    move(assembler_, Wide::no, Gpr::rdi, home_of(id));
    call_reference(
        {.referent = Referent::routine, .index = static_cast<std::uint32_t>(Routine::find_helper)});
    move(assembler_, Wide::yes, kScratch, Gpr::rax);
    restore_arguments();
    move(assembler_, Wide::yes, Gpr::r9, kInvocation);
    assembler_.registers(Op::test, Wide::yes, kScratch, kScratch);
    assembler_.jump_if(Condition::equal, missing);
    assembler_.one_register(Op::call, Wide::yes, kScratch);
    assembler_.jump(done);
    assembler_.bind(missing);
    constexpr std::int64_t kNoSuchHelper = -22; // EINVAL
    assembler_.number(Gpr::rax, static_cast<std::uint64_t>(kNoSuchHelper));
    assembler_.bind(done);
}

void TargetX64::load_or_zero(const MemoryAccess& access, Reg dst, const Address& from) {
    // The address first: R1 is one of the registers that it may be made of.
    assembler_.memory(Op::lea, Wide::yes, kScratch, memory_of(from));
    keep_arguments();
    move(assembler_, Wide::yes, Gpr::rdi, kScratch);
    assembler_.number(Gpr::rsi, access.size_bytes);
    call_helper({.referent = Referent::routine,
                 .index = static_cast<std::uint32_t>(Routine::guarded_load)});
    move(assembler_, Wide::yes, kScratch, Gpr::rax);
    restore_arguments();
    move(assembler_, Wide::yes, home_of(dst), kScratch);
    if (access.extend == Extend::sign) {
        const Op extension = access.size_bytes == 1   ? Op::load_sx8
                             : access.size_bytes == 2 ? Op::load_sx16
                                                      : Op::load_sx32;
        assembler_.registers(extension, Wide::yes, home_of(dst), home_of(dst));
    }
}

void TargetX64::load_cpu(Gpr reg) {
    assembler_.memory(Op::load, Wide::no, reg, in_invocation(offsetof(helpers::Invocation, cpu)));
}

void TargetX64::cpu_number() { load_cpu(Gpr::rax); }

// R1 is the map and R2 the key already.
void TargetX64::function_lookup(MapShape shape) {
    load_cpu(Gpr::rdx);
    call_reference({.referent = Referent::lookup_function,
                    .index = shape.map_index,
                    .addend = static_cast<std::uint64_t>(shape.key_pieces)});
}

// reg *= number, which fits 31 bits.
void TargetX64::multiply(Gpr reg, std::uint32_t number) {
    if (std::has_single_bit(number)) {
        assembler_.register_imm(Op::shl_i8, Wide::yes, reg, std::countr_zero(number));
    } else {
        assembler_.registers_imm(Op::imul_i32, Wide::yes, reg, reg,
                                 static_cast<std::int32_t>(number));
    }
}

// R0 = the address of the value, or null. A call would have changed R1 to R5 too, so two of them
// are free as soon as the key has been read.
void TargetX64::array_lookup(const Lookup& lookup) {
    constexpr Gpr kIndex = Gpr::rsi;
    constexpr Gpr kFree = Gpr::rdi;
    const MapShape& shape = lookup.shape;
    const Label done = lookup.when_null.has_value() ? *lookup.when_null : new_label();
    assembler_.memory(Op::load, Wide::no, kIndex, memory_of(lookup.key));
    if (lookup.reads_null) {
        assembler_.registers(Op::xor_, Wide::no, Gpr::rax, Gpr::rax);
    }
    assembler_.register_imm(Op::cmp_i8, Op::cmp_i32, Wide::no, kIndex,
                            static_cast<std::int32_t>(shape.entries));
    assembler_.jump_if(Condition::not_below, done);
    assembler_.reference(Gpr::rax, {.referent = Referent::map_value, .index = shape.map_index});
    if (std::has_single_bit(shape.stride_bytes) && shape.stride_bytes <= 8) {
        const auto scale = static_cast<std::uint8_t>(std::countr_zero(shape.stride_bytes));
        assembler_.memory(Op::lea, Wide::yes, Gpr::rax,
                          {.base = Gpr::rax, .index = kIndex, .scale = scale});
    } else {
        multiply(kIndex, shape.stride_bytes);
        assembler_.registers(Op::add, Wide::yes, kIndex, Gpr::rax);
    }
    if (shape.cpu_stride_bytes != 0) {
        load_cpu(kIndex);
        if (shape.cpu_stride_bytes <= INT32_MAX) {
            multiply(kIndex, static_cast<std::uint32_t>(shape.cpu_stride_bytes));
        } else {
            assembler_.number(kFree, shape.cpu_stride_bytes);
            assembler_.registers(Op::imul, Wide::yes, kIndex, kFree);
        }
        assembler_.registers(Op::add, Wide::yes, kIndex, Gpr::rax);
    }
    if (!lookup.when_null.has_value()) {
        assembler_.bind(done);
    }
}

void TargetX64::finish(Image& image) {
    image.machine = Machine::x64;
    assembler_.finish(image);
}

} // namespace skep::run::jit::x64
