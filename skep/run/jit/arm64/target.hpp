// SPDX-License-Identifier: Apache-2.0
//
// TargetArm64: the vocabulary of jit/target.hpp in the words of arm64.
//
// A function's stack frame, from high addresses to low:
//
//   ┌──────────────────────────┐
//   │ x19 to x22               │  those that the function changes, in pairs; for the entry, any
//   │ x25, where a run ends    │  of the entry alone
//   │ x30, x29                 │  of the entry, and when something is called or R10 is used;
//   │                          │  Invocation::engine points to the latter
//   ├──────────────────────────┤ <- x29 = R10, when R10 is used: a frame record, as debuggers
//   │ BPF stack                │    walk them, lies right above the BPF stack
//   └──────────────────────────┘ <- sp, always a multiple of 16
//
// A subprogram that uses neither stack nor calls has no frame at all. What it answers is in x7; the
// entry and what C calls back leave it in x0, too.
#pragma once

#include "skep/run/jit/arm64/emit.hpp"
#include "skep/run/jit/plan.hpp"
#include "skep/run/jit/target.hpp"
#include "skep/run/jit/targets/blinding.hpp"

namespace skep::run::jit::arm64 {

class TargetArm64 {
  public:
    using Mark = jit::Mark;

    // With a number other than zero to begin from, numbers of the program never stand in the code
    // as they are: each is written as two that make it, of which one is random.
    TargetArm64(Features features, const Plan& plan, std::uint64_t blinding = 0);

    void begin_function(Frame frame);
    void leave(Frame frame);
    void callback_entry();
    Label new_label() { return assembler_.new_label(); }
    void bind(Label label) { assembler_.bind(label); }
    void pass(Label label) { assembler_.bind(label); }
    void pass_as(Label label, Label other) { assembler_.bind_as(label, other); }
    [[nodiscard]] Mark here() const { return assembler_.here(); }
    void align_loop() { assembler_.align(); }

    void alu(const Operation& operation, Reg dst, Reg src);
    void alu_imm(const Operation& operation, Reg dst, std::int32_t number);
    void number(Reg dst, std::uint64_t number) { blinded(home_of(dst), number); }
    void reference(Reg dst, Relocation what) { assembler_.reference(home_of(dst), what); }
    void subprogram_address(Reg dst, Label subprogram) {
        assembler_.address_of(home_of(dst), subprogram);
    }
    void sum(Reg dst, Address address) { address_of(assembler_, home_of(dst), address); }
    void shift(const Operation& operation, Reg dst, Reg src, std::uint8_t count);
    void rotate_left(Reg dst, Reg src, Width width, std::uint8_t count);
    void zero_extend(Reg dst, Reg src, std::uint8_t size_bytes);

    void load(MemoryAccess access, Reg dst, Address from);
    void load_or_zero(MemoryAccess access, Reg dst, Address from);
    void store(MemoryAccess access, Address to, Reg src);
    void store_imm(MemoryAccess access, Address to, std::int32_t number);
    void atomic(AtomicOp op, MemoryAccess access, Address at, Reg value);

    void jump(Label target) { assembler_.jump(target); }
    void jump_if(const Comparison& comparison, Reg dst, Reg src, Label target);
    void jump_if_imm(const Comparison& comparison, Reg dst, std::int32_t number, Label target);
    void jump_when_budget_is_used_up(Label target);

    void tell_frame(std::uint32_t stack_bytes);
    void call_helper(Relocation helper);
    void call_helper_in(Reg id);
    void call_subprogram(Label subprogram) { assembler_.call(subprogram); }
    void call_routine(Routine routine, LeaveWhen when, Label leave);
    void array_lookup(const Lookup& lookup);
    void function_lookup(MapShape shape);
    void cpu_number();

    void finish(Image& image);
    [[nodiscard]] std::uint32_t settled(Mark mark) const { return assembler_.settled(mark); }
    [[nodiscard]] std::uint32_t settled(Label label) const { return assembler_.settled(label); }

  private:
    void blinded(Gpr dst, std::uint64_t number);
    bool jump_without_flags(const Comparison& comparison, Gpr reg, std::int32_t number,
                            Label target);
    void compare(Wide wide, Gpr reg, std::int32_t number);
    void test(Wide wide, Gpr reg, std::int32_t number);
    void call_reference(Relocation what);
    void load_cpu(Gpr reg);
    void load_field(Op op, Gpr reg, std::size_t offset); // of the invocation
    void keep_arguments();
    void restore_arguments();
    void set_anchor(Gpr invocation);
    void begin_run(Frame frame);

    Assembler assembler_;
    Features features_;
    Blinding blinding_;
    Label run_end_ = 0; // where a run goes on that has ended, by itself or by a fault
    Label callback_entry_ = 0;
};
static_assert(Target<TargetArm64>);

} // namespace skep::run::jit::arm64
