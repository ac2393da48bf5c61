// SPDX-License-Identifier: Apache-2.0
#include "skep/run/jit/arm64/target.hpp"

#include <array>
#include <bit>
#include <cstddef>

#include "skep/run/jit/arm64/alu.hpp"
#include "skep/run/jit/arm64/atomics.hpp"
#include "skep/run/jit/targets/row_tables.hpp"
#include "skep/spec/limits.hpp"

namespace skep::run::jit::arm64 {
namespace {

constexpr std::size_t kWordsPerSlot = 3; // what a slot becomes, usually; more grows the buffer

constexpr std::array<Reg, 4> kSavedRegisters{6, 7, 8, 9};
constexpr std::int32_t kPairBytes = 16;
constexpr std::int32_t kArgumentBytes = 48; // R1 to R5 and R0
constexpr std::size_t kEngine = offsetof(helpers::Invocation, engine);
constexpr std::size_t kBudget = offsetof(helpers::Invocation, loop_budget);

constexpr auto& kByRegister = kAluByRegister<EmitArm64Alu>;
constexpr auto& kByNumber = kAluByNumber<EmitArm64Alu>;
constexpr auto& kConditions = kJumpConditions<Arm64Condition>;
constexpr auto& kAtomics = kAtomicEmitters<EmitArm64Atomic>;

Condition condition_of(const Comparison& comparison) {
    const Condition condition = kConditions[static_cast<std::size_t>(comparison.op)];
    return comparison.negated ? negated(condition) : condition;
}

// What lies between the stack pointer and what the function saved.
std::int32_t stack_bytes_of(Frame frame) {
    return static_cast<std::int32_t>((frame.stack_bytes + 15U) & ~15U);
}

bool has_record(Frame frame) { return frame.calls || frame.stack_bytes != 0 || frame.is_entry; }

// The homes that a function saves, the first half of each pair first; kZero is no home.
struct Saved {
    std::array<Gpr, 4> regs{kZero, kZero, kZero, kZero};
    std::size_t count = 0;
};
Saved saved_of(Frame frame) {
    Saved saved;
    for (std::size_t i = 0; i < kSavedRegisters.size(); ++i) {
        if ((frame.saved >> i & 1) != 0) {
            saved.regs[saved.count++] = home_of(kSavedRegisters[i]);
        }
    }
    return saved;
}

void push_two(Assembler& assembler, Gpr first, Gpr second) {
    if (second == kZero) {
        return assembler.say(Op::str_before, Wide::yes,
                             {.d = first, .n = kStack, .number = -kPairBytes});
    }
    assembler.say(Op::stp_before, Wide::yes,
                  {.d = first, .n = kStack, .a = second, .number = -kPairBytes});
}

void pop_two(Assembler& assembler, Gpr first, Gpr second) {
    if (second == kZero) {
        return assembler.say(Op::ldr_after, Wide::yes,
                             {.d = first, .n = kStack, .number = kPairBytes});
    }
    assembler.say(Op::ldp_after, Wide::yes,
                  {.d = first, .n = kStack, .a = second, .number = kPairBytes});
}

} // namespace

TargetArm64::TargetArm64(Features features, const Plan& plan, std::uint64_t blinding)
    : assembler_(plan.insns.size() * kWordsPerSlot, plan.insns.size(), plan.memory()),
      features_(features), blinding_(blinding) {}

// dst is not kScratch3.
void TargetArm64::blinded(Gpr dst, std::uint64_t number) {
    if (!blinding_.hides(number)) {
        return assembler_.number(dst, number);
    }
    const std::uint64_t random = blinding_.next_key();
    const std::uint64_t key = number <= 0xffffffffU ? (random & 0xffffffffU) | 1 : random;
    assembler_.number(dst, number ^ key);
    assembler_.number(kScratch3, key);
    assembler_.say(Op::eor, Wide::yes, {.d = dst, .n = dst, .m = kScratch3});
}

void TargetArm64::begin_function(Frame frame) {
    const Saved saved = saved_of(frame);
    if (frame.is_entry) {
        set_anchor(Gpr::x1);
    }
    for (std::size_t i = 0; i < saved.count; i += 2) {
        push_two(assembler_, saved.regs[i], saved.regs[i + 1]);
    }
    if (frame.is_entry) {
        run_end_ = new_label();
        assembler_.address_of(kCallee, run_end_);
        push_two(assembler_, kCallee, kScratch3);
    }
    if (has_record(frame)) {
        push_two(assembler_, kFrame, kReturn);
    }
    if (frame.is_entry) {
        begin_run(frame);
    }
    if (frame.stack_bytes != 0) {
        assembler_.say(Op::add_i, Wide::yes, {.d = kFrame, .n = kStack});
        assembler_.say(Op::sub_i, Wide::yes,
                       {.d = kStack, .n = kStack, .number = stack_bytes_of(frame)});
    }
}

// Before anything that can fault. What it held is in kScratch3 until it is pushed.
void TargetArm64::set_anchor(Gpr invocation) {
    move(assembler_, Wide::yes, kScratch3, kInvocation);
    move(assembler_, Wide::yes, kInvocation, invocation);
}

// Called as a C function of R1 and the invocation.
void TargetArm64::begin_run(Frame frame) {
    assembler_.say(Op::add_i, Wide::yes, {.d = kScratch, .n = kStack});
    load_field(Op::str64, kScratch, kEngine);
    if (frame.calls_back) {
        callback_entry_ = new_label();
        assembler_.address_of(kCallee, callback_entry_);
        load_field(Op::str64, kCallee, offsetof(helpers::Invocation, call_back));
    }
    if (frame.has_budget) {
        assembler_.number(kScratch, spec::limits::loop_iterations);
        load_field(Op::str64, kScratch, kBudget);
    }
}

void TargetArm64::leave(Frame frame) {
    if (frame.is_entry) {
        move(assembler_, Wide::yes, Gpr::x0, kResult);
    }
    if (frame.stack_bytes != 0) {
        assembler_.say(Op::add_i, Wide::yes,
                       {.d = kStack, .n = kStack, .number = stack_bytes_of(frame)});
    }
    if (frame.is_entry) {
        bind(run_end_);
        load_field(Op::str64, kZero, kEngine);
    }
    if (has_record(frame)) {
        pop_two(assembler_, kFrame, kReturn);
    }
    if (frame.is_entry) {
        pop_two(assembler_, kCallee, kInvocation);
    }
    const Saved saved = saved_of(frame);
    for (std::size_t i = (saved.count + 1) / 2 * 2; i >= 2; i -= 2) {
        pop_two(assembler_, saved.regs[i - 2], saved.regs[i - 1]);
    }
    assembler_.say(Op::ret, Wide::no);
}

// Invocation::call_back as a C function: (invocation, entry, r1, r2, r3, r4, r5). The subprogram
// keeps what a C function keeps, except for x25, which it expects to hold the invocation.
void TargetArm64::callback_entry() {
    bind(callback_entry_);
    set_anchor(Gpr::x0);
    push_two(assembler_, kFrame, kReturn);
    push_two(assembler_, kScratch3, kZero);
    move(assembler_, Wide::yes, kCallee, Gpr::x1);
    move(assembler_, Wide::yes, Gpr::x0, Gpr::x2);
    move(assembler_, Wide::yes, Gpr::x1, Gpr::x3);
    move(assembler_, Wide::yes, Gpr::x2, Gpr::x4);
    move(assembler_, Wide::yes, Gpr::x3, Gpr::x5);
    move(assembler_, Wide::yes, Gpr::x4, Gpr::x6);
    assembler_.say(Op::blr, Wide::yes, {.n = kCallee});
    move(assembler_, Wide::yes, Gpr::x0, kResult);
    pop_two(assembler_, kInvocation, kZero);
    pop_two(assembler_, kFrame, kReturn);
    assembler_.say(Op::ret, Wide::no);
}

void TargetArm64::alu(const Operation& operation, Reg dst, Reg src) {
    kByRegister[static_cast<std::size_t>(operation.op)](assembler_, wide_of(operation.width),
                                                        home_of(dst), home_of(src));
}

void TargetArm64::alu_imm(const Operation& operation, Reg dst, std::int32_t number) {
    const auto row = static_cast<std::size_t>(operation.op);
    const Wide wide = wide_of(operation.width);
    if (hides_operand(blinding_, operation.op, number)) {
        blinded(kScratch, as_operand(wide, number));
        return kByRegister[row](assembler_, wide, home_of(dst), kScratch);
    }
    kByNumber[row](assembler_, wide, home_of(dst), number);
}

void TargetArm64::shift(const Operation& operation, Reg dst, Reg src, std::uint8_t count) {
    const Op op = operation.op == AluOp::lsh ? Op::lsl_i : Op::lsr_i;
    assembler_.say(op, wide_of(operation.width),
                   {.d = home_of(dst), .n = home_of(src), .number = count});
}

void TargetArm64::rotate_left(Reg dst, Reg src, Width width, std::uint8_t count) {
    assembler_.say(
        Op::extr, wide_of(width),
        {.d = home_of(dst), .n = home_of(src), .number = (width == Width::w64 ? 64 : 32) - count});
}

void TargetArm64::zero_extend(Reg dst, Reg src, std::uint8_t size_bytes) {
    if (size_bytes == 2) {
        return assembler_.say(Op::uxth, Wide::no, {.d = home_of(dst), .n = home_of(src)});
    }
    constexpr std::int32_t kByte = 0xff;
    const auto mask = bitmask_of(Wide::no, kByte);
    assembler_.say(Op::and_i, Wide::no,
                   {.d = home_of(dst),
                    .n = home_of(src),
                    .number = static_cast<std::int32_t>(mask.value_or(0))});
}

void TargetArm64::load(MemoryAccess access, Reg dst, Address from) {
    arm64::load(assembler_, access, home_of(dst), from);
}

void TargetArm64::store(MemoryAccess access, Address to, Reg src) {
    arm64::store(assembler_, access.size_bytes, to, home_of(src));
}

void TargetArm64::store_imm(MemoryAccess access, Address to, std::int32_t number) {
    const std::uint64_t all = as_operand(Wide::yes, number);
    const std::uint64_t moved =
        access.size_bytes == 8 ? all : all & ((std::uint64_t{1} << 8 * access.size_bytes) - 1);
    if (moved != 0) {
        blinded(kScratch2, moved); // kScratch may be needed for the address
    }
    arm64::store(assembler_, access.size_bytes, to, moved != 0 ? kScratch2 : kZero);
}

void TargetArm64::atomic(AtomicOp op, MemoryAccess access, Address at, Reg value) {
    Gpr address = home_of(at.base);
    if (at.index != kNoIndex || at.displacement != 0) {
        address_of(assembler_, kAddress, at);
        address = kAddress;
    }
    kAtomics[static_cast<std::size_t>(op)](assembler_,
                                           {access.size_bytes, address, home_of(value), features_});
}

void TargetArm64::jump_if(const Comparison& comparison, Reg dst, Reg src, Label target) {
    assembler_.say(comparison.op == JumpOp::jset ? Op::ands : Op::subs, wide_of(comparison.width),
                   {.d = kZero, .n = home_of(dst), .m = home_of(src)});
    assembler_.jump_if(condition_of(comparison), target);
}

void TargetArm64::jump_if_imm(const Comparison& comparison, Reg dst, std::int32_t number,
                              Label target) {
    if (jump_without_flags(comparison, home_of(dst), number, target)) {
        return;
    }
    if (comparison.op == JumpOp::jset) {
        test(wide_of(comparison.width), home_of(dst), number);
    } else {
        compare(wide_of(comparison.width), home_of(dst), number);
    }
    assembler_.jump_if(condition_of(comparison), target);
}

// Against zero, by sign or by a single bit, one instruction compares and jumps.
bool TargetArm64::jump_without_flags(const Comparison& comparison, Gpr reg, std::int32_t number,
                                     Label target) {
    const Wide wide = wide_of(comparison.width);
    const JumpOp op = comparison.op;
    if (number == 0 && (op == JumpOp::jeq || op == JumpOp::jne)) {
        const bool when_zero = (op == JumpOp::jeq) != comparison.negated;
        assembler_.jump_if_zero(when_zero ? Op::cbz : Op::cbnz, wide, reg, target);
        return true;
    }
    if (number == 0 && (op == JumpOp::jslt || op == JumpOp::jsge)) {
        const bool when_negative = (op == JumpOp::jslt) != comparison.negated;
        assembler_.jump_if_bit(when_negative ? Op::tbnz : Op::tbz, reg, wide == Wide::yes ? 63 : 31,
                               target);
        return true;
    }
    const std::uint64_t bits = as_operand(wide, number);
    if (op == JumpOp::jset && std::has_single_bit(bits) && !blinding_.is_on()) {
        assembler_.jump_if_bit(comparison.negated ? Op::tbz : Op::tbnz, reg,
                               static_cast<std::uint8_t>(std::countr_zero(bits)), target);
        return true;
    }
    return false;
}

// Comparing with -n is adding n, flags and all, as long as n is not zero.
void TargetArm64::compare(Wide wide, Gpr reg, std::int32_t number) {
    const std::int64_t magnitude = number < 0 ? -std::int64_t{number} : std::int64_t{number};
    if (fits_imm12(magnitude) && !blinding_.hides(static_cast<std::uint32_t>(number))) {
        return assembler_.say(
            number < 0 ? Op::adds_i : Op::subs_i, wide,
            {.d = kZero, .n = reg, .number = static_cast<std::int32_t>(magnitude)});
    }
    blinded(kScratch, as_operand(wide, number));
    assembler_.say(Op::subs, wide, {.d = kZero, .n = reg, .m = kScratch});
}

void TargetArm64::test(Wide wide, Gpr reg, std::int32_t number) {
    const auto mask = bitmask_of(wide, number);
    if (mask.has_value() && !blinding_.is_on()) {
        return assembler_.say(Op::ands_i, wide,
                              {.d = kZero, .n = reg, .number = static_cast<std::int32_t>(*mask)});
    }
    blinded(kScratch, as_operand(wide, number));
    assembler_.say(Op::ands, wide, {.d = kZero, .n = reg, .m = kScratch});
}

void TargetArm64::jump_when_budget_is_used_up(Label target) {
    load_field(Op::ldr64, kScratch, kBudget);
    assembler_.jump_if_zero(Op::cbz, Wide::yes, kScratch, target);
    assembler_.say(Op::sub_i, Wide::yes, {.d = kScratch, .n = kScratch, .number = 1});
    load_field(Op::str64, kScratch, kBudget);
}

void TargetArm64::load_field(Op op, Gpr reg, std::size_t offset) {
    assembler_.memory(op, reg,
                      {.base = kInvocation, .displacement = static_cast<std::int32_t>(offset)});
}

void TargetArm64::call_reference(Relocation what) {
    assembler_.reference(kCallee, what);
    assembler_.say(Op::blr, Wide::yes, {.n = kCallee});
}

void TargetArm64::tell_frame(std::uint32_t stack_bytes) {
    constexpr std::size_t kRange = offsetof(helpers::Invocation, stack);
    const Gpr end = stack_bytes == 0 ? kZero : home_of(kFramePointer); // 0: R10 is nowhere
    if (stack_bytes != 0) {
        assembler_.say(Op::sub_i, Wide::yes,
                       {.d = kScratch, .n = end, .number = static_cast<std::int32_t>(stack_bytes)});
    }
    load_field(Op::str64, stack_bytes == 0 ? kZero : kScratch,
               kRange + offsetof(helpers::MemoryRange, begin));
    load_field(Op::str64, end, kRange + offsetof(helpers::MemoryRange, end));
}

void TargetArm64::call_helper(Relocation helper) {
    move(assembler_, Wide::yes, kSixthArgument, kInvocation);
    call_reference(helper);
    move(assembler_, Wide::yes, kResult, Gpr::x0);
}

// A routine answers in x0 and x1.
void TargetArm64::call_routine(Routine routine, LeaveWhen when, Label leave) {
    call_helper({.referent = Referent::routine, .index = static_cast<std::uint32_t>(routine)});
    assembler_.jump_if_zero(when == LeaveWhen::happened ? Op::cbnz : Op::cbz, Wide::yes, Gpr::x1,
                            leave);
}

void TargetArm64::keep_arguments() {
    assembler_.say(Op::stp_before, Wide::yes,
                   {.d = Gpr::x0, .n = kStack, .a = Gpr::x1, .number = -kArgumentBytes});
    assembler_.say(Op::stp, Wide::yes,
                   {.d = Gpr::x2, .n = kStack, .a = Gpr::x3, .number = kPairBytes});
    assembler_.say(Op::stp, Wide::yes,
                   {.d = Gpr::x4, .n = kStack, .a = kResult, .number = 2 * kPairBytes});
}

void TargetArm64::restore_arguments() {
    assembler_.say(Op::ldp, Wide::yes,
                   {.d = Gpr::x4, .n = kStack, .a = kResult, .number = 2 * kPairBytes});
    assembler_.say(Op::ldp, Wide::yes,
                   {.d = Gpr::x2, .n = kStack, .a = Gpr::x3, .number = kPairBytes});
    assembler_.say(Op::ldp_after, Wide::yes,
                   {.d = Gpr::x0, .n = kStack, .a = Gpr::x1, .number = kArgumentBytes});
}

void TargetArm64::call_helper_in(Reg id) {
    const Label missing = new_label();
    const Label done = new_label();
    keep_arguments();
    move(assembler_, Wide::no, Gpr::x0, home_of(id));
    call_reference(
        {.referent = Referent::routine, .index = static_cast<std::uint32_t>(Routine::find_helper)});
    move(assembler_, Wide::yes, kCallee, Gpr::x0);
    restore_arguments();
    move(assembler_, Wide::yes, kSixthArgument, kInvocation);
    assembler_.jump_if_zero(Op::cbz, Wide::yes, kCallee, missing);
    assembler_.say(Op::blr, Wide::yes, {.n = kCallee});
    move(assembler_, Wide::yes, kResult, Gpr::x0);
    assembler_.jump(done);
    assembler_.bind(missing);
    constexpr std::int64_t kNoSuchHelper = -22; // EINVAL
    assembler_.number(kResult, static_cast<std::uint64_t>(kNoSuchHelper));
    assembler_.bind(done);
}

void TargetArm64::load_or_zero(MemoryAccess access, Reg dst, Address from) {
    // The address first: R1 is one of the registers that it may be made of.
    address_of(assembler_, kAddress, from);
    keep_arguments();
    move(assembler_, Wide::yes, Gpr::x0, kAddress);
    assembler_.number(Gpr::x1, access.size_bytes);
    call_reference({.referent = Referent::routine,
                    .index = static_cast<std::uint32_t>(Routine::guarded_load)});
    move(assembler_, Wide::yes, kScratch, Gpr::x0);
    restore_arguments();
    const Gpr home = home_of(dst);
    if (access.extend == Extend::sign && access.size_bytes < 8) {
        const Op extension = access.size_bytes == 1   ? Op::sxtb
                             : access.size_bytes == 2 ? Op::sxth
                                                      : Op::sxtw;
        return assembler_.say(extension, Wide::yes, {.d = home, .n = kScratch});
    }
    move(assembler_, Wide::yes, home, kScratch);
}

void TargetArm64::load_cpu(Gpr reg) {
    load_field(Op::ldr32, reg, offsetof(helpers::Invocation, cpu));
}

void TargetArm64::cpu_number() { load_cpu(kResult); }

// R1 is the map and R2 the key already.
void TargetArm64::function_lookup(MapShape shape) {
    load_cpu(Gpr::x2);
    call_reference({.referent = Referent::lookup_function,
                    .index = shape.map_index,
                    .addend = static_cast<std::uint64_t>(shape.key_pieces)});
    move(assembler_, Wide::yes, kResult, Gpr::x0);
}

// R0 = the address of the value, or null. The address is made in any case and then taken or not,
// so that no guess of the processor reaches past the values.
void TargetArm64::array_lookup(const Lookup& lookup) {
    const MapShape& shape = lookup.shape;
    arm64::load(assembler_, {.size_bytes = 4}, kScratch2, lookup.key);
    assembler_.reference(kResult, {.referent = Referent::map_value, .index = shape.map_index});
    if (std::has_single_bit(shape.stride_bytes)) {
        assembler_.say(Op::add_lsl, Wide::yes,
                       {.d = kResult,
                        .n = kResult,
                        .m = kScratch2,
                        .number = std::countr_zero(shape.stride_bytes)});
    } else {
        assembler_.number(kScratch, shape.stride_bytes);
        assembler_.say(Op::madd, Wide::yes,
                       {.d = kResult, .n = kScratch2, .m = kScratch, .a = kResult});
    }
    if (shape.cpu_stride_bytes != 0) {
        load_cpu(kScratch3);
        assembler_.number(kScratch, shape.cpu_stride_bytes);
        assembler_.say(Op::madd, Wide::yes,
                       {.d = kResult, .n = kScratch3, .m = kScratch, .a = kResult});
    }
    compare(Wide::no, kScratch2, static_cast<std::int32_t>(shape.entries));
    assembler_.say(Op::csel, Wide::yes,
                   {.d = kResult,
                    .n = kResult,
                    .m = kZero,
                    .number = static_cast<std::int32_t>(Condition::below)});
    if (lookup.when_null.has_value()) {
        assembler_.jump_if_zero(Op::cbz, Wide::yes, kResult, *lookup.when_null);
    }
}

void TargetArm64::finish(Image& image) {
    image.machine = Machine::arm64;
    assembler_.finish(image);
}

} // namespace skep::run::jit::arm64
