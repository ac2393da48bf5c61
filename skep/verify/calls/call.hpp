// SPDX-License-Identifier: Apache-2.0
//
// Calls to helpers and kernel functions: first judged, then carried out.
//
//   check_helper_call  asks every question (offered here? arguments right?) and changes nothing
//   step_helper_call   assumes the answers were yes, and makes the state what it is afterwards
//
// What the check found out and the step and the walk need travels in a CallPlan. A call that starts
// a subprogram (bpf_loop, for_each...) says so in the plan; the walk then enters it by
// calls/callback.hpp. Calls to subprograms of the program itself are in calls/subprogram.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "skep/verify/access/region.hpp"

namespace skep::verify {

// Stack bytes that the callee fills: they become misc.
struct StackFill {
    std::uint8_t frame = 0;
    std::int32_t offset = 0; // from that frame's top
    std::uint32_t size_bytes = 0;
};

// A subprogram that the callee calls back.
struct CallbackRequest {
    std::uint32_t subprogram = 0; // index
    CallbackKind kind = CallbackKind::synchronous;
    bool may_sleep = false;    // asynchronous: it runs where it may sleep
    Reg function_register = 0; // the argument that named it
    Reg context_register = 0;  // the argument handed on to it; 0: none
    // Registers at the callback's entry: R1..R5, uninitialised where there is no argument.
    std::array<Value, 6> arguments{};
    ReturnRange result;                          // what it may return
    std::optional<std::uint64_t> max_iterations; // when the count is a known number
};

// An iterator on the stack that the callee is given.
struct IteratorUse {
    std::uint8_t frame = 0;
    std::int32_t offset = 0; // of its first byte, from that frame's top
    std::uint32_t slots = 0;
};

// Stack space that the callee makes a dynptr of.
struct DynptrPlace {
    std::uint8_t frame = 0;
    std::int32_t offset = 0; // of its first byte, from that frame's top
    Value identity;          // what it is, but for its id
    bool acquires = false;   // it carries a new reference
};

struct CallPlan {
    std::uint32_t function = 0;           // helper id, or BTF id of the kfunc
    std::uint16_t precise_regs = 0;       // bit n: the exact number in Rn was relied on
    std::uint16_t read_regs = 0;          // argument registers that the callee takes
    std::optional<MapRef> map;            // the map argument, when there is one
    std::uint32_t released_reference = 0; // 0: none
    std::vector<StackFill> fills;
    std::optional<CallbackRequest> callback;
    std::optional<IteratorUse> iterator;
    std::optional<Value> dynptr; // the initialised one among the arguments: the last
    std::optional<DynptrPlace> new_dynptr;
    std::optional<SpecialField> field;   // the list or tree that is used
    std::optional<Value> object;         // the object that is made, or counted
    std::uint32_t lent_reference = 0;    // goes into a list or tree; 0: none
    std::optional<IteratorUse> irq_flag; // the interrupt flag among the arguments
    std::uint32_t lock = 0;              // what holds the lock (calls/objects/locks)
    bool iterates = false;               // there may be a next element: step_iteration
    bool may_fail = false;               // a lock that may not be taken: step_failed_lock
    bool throws = false;                 // the call never comes back
    bool moves_packet = false;           // packet pointers become numbers
    bool is_tail_call = false;           // when it succeeds, the program ends here
    std::uint64_t size_argument = 0;     // bound of a size, for the result's range (row's business)
    std::int64_t constant_key =
        -1;                 // a lookup's key, when tracked and in range: the result is not null
    std::uint32_t kept = 0; // free for the row's own step (a reserved size, an alloc type...)
};

// For insn kind call_helper at `at`.
Ruling<CallPlan> check_helper_call(const Subject& subject, const State& state, InsnIndex at);
void step_helper_call(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                      IdSource& ids);

// For insn kind call_kfunc at `at`.
Ruling<CallPlan> check_kfunc_call(const Subject& subject, const State& state, InsnIndex at);
void step_kfunc_call(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                     IdSource& ids);

// The other outcome of a call whose plan says `iterates`: there was one more element.
void step_iteration(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                    IdSource& ids);

// The other outcome of a call whose plan says `may_fail`: the lock was not taken.
void step_failed_lock(const Subject& subject, const CallPlan& plan, InsnIndex at, State& state,
                      IdSource& ids);

// Whether the kernel function called at `at` gives the elements of an iterator, one each time.
bool goes_over_elements(const Subject& subject, InsnIndex at);

// Whether the kernel function called at `at` leaves the program.
bool never_returns(const Subject& subject, InsnIndex at);

// The effects that all of the above share: release, fills, packet pointers, R1..R5 unreadable.
void step_common(const CallPlan& plan, State& state);

// The name of a helper as logs have it: "bpf_map_lookup_elem"; empty for an unknown one.
std::string_view helper_name(std::uint32_t helper);

} // namespace skep::verify
