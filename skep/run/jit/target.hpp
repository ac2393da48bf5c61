// SPDX-License-Identifier: Apache-2.0
//
// Target: the verbs in which the lowering speaks to a machine.
//
// A target knows how to say each thing in its machine's words and where BPF's registers live; it
// knows nothing of programs, facts or which instruction comes next. Registers here are BPF's. A
// verb leaves every register that it does not name as it was, calls excepted (a call may change R0
// to R5). Structures of small fields go by reference to what is called for nearly every
// instruction: by value they are written field by field and read whole, which a processor waits
// for.
//
//   x64/    the first vocabulary
//   arm64/  the second
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include "skep/bytecode/insn.hpp"
#include "skep/maps/map.hpp"
#include "skep/run/jit/image.hpp"
#include "skep/run/jit/routines.hpp"

namespace skep::run::jit {

using Label = std::uint32_t; // the first labels are the program's slots

inline constexpr Reg kNoIndex = 0xff;

// base + (index << scale) + displacement
struct Address {
    Reg base = 0;
    Reg index = kNoIndex;
    std::int32_t displacement = 0;
    std::uint8_t scale = 0; // at most 3; not zero only for targets that say that they scale
};

// Whether any index may be shifted within an address: T::kScalesIndexes.
template <class T>
constexpr bool scales_indexes() {
    if constexpr (requires { T::kScalesIndexes; }) {
        return T::kScalesIndexes;
    } else {
        return false;
    }
}

// What a function needs of its surroundings.
struct Frame {
    std::uint32_t stack_bytes = 0; // what R10 points to the end of; 0: R10 is never used
    std::uint8_t saved = 0;        // bit n: R(6+n) is changed and must be kept for the caller
    bool calls = false;            // something is called, so the stack must be aligned
    // The rest is of what C calls, and a run ends there: see run/code/guard.hpp. It keeps what a C
    // function keeps, for every function of the program: `saved` is what any of them changes.
    bool is_entry = false;
    bool keeps_frame_pointer = false; // some function changes R10's home
    bool calls_back = false;          // the program hands out addresses of its functions
    bool has_budget = false;          // the program counts down the budget of may_goto
};

struct Operation {
    AluOp op = AluOp::add;
    Width width = Width::w64;
    bool divisor_nonzero = false; // proved
};

struct Comparison {
    JumpOp op = JumpOp::jeq;
    Width width = Width::w64;
    bool negated = false;
};

struct MemoryAccess {
    std::uint8_t size_bytes = 8;
    Extend extend = Extend::zero; // loads
};

// Which answer of a routine leaves the function, with R0 as its value.
enum class LeaveWhen : std::uint8_t { happened, not_happened };

// What a look-up in a map can become.
enum class LookupWay : std::uint8_t {
    helper,   // a call of the helper, which finds out what the map is
    function, // a call of the function that this kind of map has for keys of this size
    in_place, // an array: its values lie side by side at an address
};

struct MapShape {
    LookupWay way = LookupWay::helper;
    std::uint32_t map_index = 0;
    // Of arrays.
    std::uint32_t entries = 0;
    std::uint32_t stride_bytes = 0;
    std::uint64_t cpu_stride_bytes = 0; // per-CPU arrays: from one CPU's values to the next's
    // Of maps that are looked up in by a function.
    std::uint32_t key_bytes = 0;
    maps::KeyPieces key_pieces = maps::KeyPieces::halves; // of the key of one look-up
    maps::HomeLanes::Shape home = {}; // what may be tried before that, by an engine that can
};

// A look-up that is done in place.
struct Lookup {
    MapShape shape;
    Address key; // of the number of an element; R1 to R5 may be parts of it
    // Where control goes when there is no such element, else it goes on in any case.
    std::optional<Label> when_null;
    bool reads_null = true; // somebody reads R0 there
};

template <class T>
concept Target = requires(T target, Reg reg, Label label, Frame frame, Operation operation,
                          Address address, Comparison comparison, MemoryAccess access,
                          Relocation relocation, Image image) {
    // Functions and labels.
    target.begin_function(frame);
    target.leave(frame);
    target.callback_entry(); // once, when a frame says that the program calls back
    { target.new_label() } -> std::same_as<Label>;
    target.bind(label);           // control may arrive here from elsewhere
    target.pass(label);           // nobody goes there; where it is, is asked in the end
    target.pass_as(label, label); // the first is where the second is
    target.here();
    target.align_loop(); // what follows is the head of a short loop
    // Numbers.
    target.alu(operation, reg, reg);
    target.alu_imm(operation, reg, std::int32_t{});
    target.number(reg, std::uint64_t{});
    target.reference(reg, relocation);
    target.subprogram_address(reg, label);
    target.sum(reg, address);                          // reg = the address itself
    target.shift(operation, reg, reg, std::uint8_t{}); // lsh or rsh, by 1 up to the width less 1
    target.rotate_left(reg, reg, Width::w64, std::uint8_t{});
    target.zero_extend(reg, reg, std::uint8_t{}); // the lowest byte, or two of them
    // Memory.
    target.load(access, reg, address);
    target.load_or_zero(access, reg, address);
    target.store(access, address, reg);
    target.store_imm(access, address, std::int32_t{});
    target.atomic(AtomicOp::add, access, address, reg);
    // Where to go on.
    target.jump(label);
    target.jump_if(comparison, reg, reg, label);
    target.jump_if_imm(comparison, reg, std::int32_t{}, label);
    target.jump_when_budget_is_used_up(label);
    // Calls.
    target.tell_frame(std::uint32_t{}); // Invocation::stack = that many bytes below R10
    target.call_helper(relocation);
    target.call_helper_in(reg);
    target.call_subprogram(label);
    target.call_routine(Routine::tail_call, LeaveWhen::happened, label);
    target.array_lookup(Lookup{});
    target.function_lookup(MapShape{});
    target.cpu_number(); // R0 = the slot of this run
    // The end.
    target.finish(image);
};

} // namespace skep::run::jit
