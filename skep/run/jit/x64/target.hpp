// SPDX-License-Identifier: Apache-2.0
//
// TargetX64: the vocabulary of jit/target.hpp in the words of x86-64.
//
// A function's stack frame, from high addresses to low:
//
//   ┌──────────────────────────┐
//   │ return address           │  (stack is 8 below a multiple of 16 here)
//   │ r12                      │  of the entry alone
//   │ rbp, rbx, r13, r14, r15  │  those that the function changes; for the entry, any function
//   │ where a run ends         │  of the entry alone; Invocation::engine points to it
//   ├──────────────────────────┤ <- rbp = R10, when R10 is used
//   │ BPF stack                │
//   │ padding                  │  to a multiple of 16, when something is called
//   └──────────────────────────┘ <- rsp
//
// A subprogram that uses neither stack nor calls has no frame at all.
#pragma once

#include "skep/run/jit/plan.hpp"
#include "skep/run/jit/target.hpp"
#include "skep/run/jit/targets/blinding.hpp"
#include "skep/run/jit/x64/emit.hpp"

namespace skep::run::jit::x64 {

class TargetX64 {
  public:
    using Mark = jit::Mark;
    static constexpr bool kScalesIndexes = true;

    // With a number other than zero to begin from, numbers of the program never stand in the code
    // as they are: each is written as two that make it, of which one is random.
    TargetX64(Features features, const Plan& plan, std::uint64_t blinding = 0);

    void begin_function(Frame frame);
    void leave(Frame frame);
    void callback_entry();
    Label new_label() { return assembler_.new_label(); }
    void bind(Label label) {
        flags_.reg = kNoIndex; // who arrives here brings other flags
        assembler_.bind(label);
    }
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
    void sum(Reg dst, const Address& address);
    void shift(const Operation& operation, Reg dst, Reg src, std::uint8_t count);
    void rotate_left(Reg dst, Reg src, Width width, std::uint8_t count);
    void zero_extend(Reg dst, Reg src, std::uint8_t size_bytes);

    void load(const MemoryAccess& access, Reg dst, const Address& from);
    void load_or_zero(const MemoryAccess& access, Reg dst, const Address& from);
    void store(const MemoryAccess& access, const Address& to, Reg src);
    void store_imm(const MemoryAccess& access, const Address& to, std::int32_t number);
    void atomic(AtomicOp op, const MemoryAccess& access, const Address& at, Reg value);

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
    void compare(const Comparison& comparison, Reg dst, std::int32_t number);
    void compare_blinded(const Comparison& comparison, Reg dst, std::int32_t number);
    void call_reference(Relocation what);
    void load_cpu(Gpr reg);
    void multiply(Gpr reg, std::uint32_t number);
    void note_flags(const Operation& operation, Reg dst);
    [[nodiscard]] bool flags_tell(const Comparison& comparison, Reg dst) const;
    void keep_arguments();
    void restore_arguments();
    void set_anchor();
    void begin_run(Frame frame);
    void end_run();

    Assembler assembler_;
    struct Flags { // what they were last set by, and up to where that holds
        Reg reg = kNoIndex;
        Width width = Width::w64;
        Mark mark;
    };
    Features features_;
    Blinding blinding_;
    Flags flags_;
    Label run_end_ = 0; // where a run goes on that has ended, by itself or by a fault
    Label callback_entry_ = 0;
};
static_assert(Target<TargetX64>);

} // namespace skep::run::jit::x64
