// SPDX-License-Identifier: Apache-2.0
//
// Kernel functions: what programs may call by their type in the kernel's BTF, beside the helpers.
//
// What one takes and gives is in the kernel's BTF; a row says what the types do not tell.
//
// Columns of KFUNC rows (kfuncs/*.def, one file per family):
//   name     as in the kernel's BTF
//   flags    enum KfuncFlag
//   rule     how a call is judged (enum KfuncRule); not_judged: always refused, by name
//   callers  which program types are offered it (the words are in kfuncs.cpp)
//   since    the first kernel with it; "?" is not known
//   says     what it does
// A function without a row is refused as unknown.
//
// Limits: functions of kernel modules, of sched_ext and of HID devices have no rows. The user
// engines carry none of them.
//
// Sources: public documentation, and what Linux 6.18 answers when asked.
// Proved by: kfuncs_test.cpp; tests/verdicts/kfunc_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "skep/spec/helpers.hpp"

namespace skep::spec {

enum class KfuncFlag : std::uint16_t {
    no_flags = 0,
    acquires = 1,   // the result carries a reference
    releases = 2,   // the reference of the first argument ends
    maybe_null = 4, // the result may be null
    trusted = 8,    // objects must be known to be alive
    rcu = 16,       // the same, or alive until the RCU section ends
    in_rcu = 32,    // only where an RCU section is open
    sleeps = 64,
    destroys = 128, // may take the machine down
    moves_packet = 256,
};

struct KfuncFlags {
    std::uint16_t bits = 0;
    [[nodiscard]] constexpr bool has(KfuncFlag flag) const {
        return (bits & static_cast<std::uint16_t>(flag)) != 0;
    }
};

enum class KfuncRule : std::uint8_t {
    by_types,     // by its parameters and result in BTF
    iter_new,     // the first argument becomes an iterator
    iter_next,    // it goes on, or is at its end
    iter_destroy, // it is none any more
    rcu_lock,
    rcu_unlock,
    preempt_off,
    preempt_on,
    throws,             // never returns
    cast_context,       // the context as the kernel's structure
    cast_read_only,     // any address as a structure, for reading
    dynptr_of_packet,   // the last argument becomes a dynptr over the packet
    dynptr_of_xdp,      // the same, of an XDP program's
    dynptr_of_metadata, // over what lies before the packet
    slice,              // bytes of a dynptr for reading
    slice_writable,     // and for writing
    object_new,         // an object of one of the program's types
    object_drop,
    per_cpu_new, // one for every CPU
    per_cpu_drop,
    object_count, // one more owner
    list_push,
    list_pop,
    list_look, // a node that stays where it is
    tree_add,  // the third argument orders it
    tree_remove,
    tree_look,
    lock, // one that may fail: held when the result is 0
    unlock,
    irq_save, // the argument becomes an interrupt flag
    irq_restore,
    work_init, // a work queue entry of a map value
    work_set_callback,
    work_start,
    task_work,   // an entry that runs a callback when the task is about to leave the kernel
    gives_bytes, // by its parameters; the bytes that the result points at may be written
    trap,        // must never be reached
    not_judged,
};

// device_bound: only programs that were loaded for a card, which none is here.
enum class KfuncLimit : std::uint8_t { none, iterators, probe_sessions, device_bound };

struct KfuncCallers {
    ProgramTypeSet types;
    KfuncLimit limit = KfuncLimit::none;
};

struct KfuncRow {
    std::string_view name;
    KfuncFlags flags;
    KfuncRule rule = KfuncRule::not_judged;
    KfuncCallers callers;
    std::string_view since;
    std::string_view says;
};

std::span<const KfuncRow> kfuncs();

// The row, or null for a function without one.
const KfuncRow* find_kfunc(std::string_view name);

bool is_offered(const KfuncRow& row, const CallerSite& caller);

} // namespace skep::spec
