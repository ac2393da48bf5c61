// SPDX-License-Identifier: Apache-2.0
//
// Objects of the program's own types, and the lists and trees that hold them.
//
//   owned      the result of an allocation, or taken out of a list or tree: a reference, which must
//              be dropped, put into a list or tree, or kept in a map
//   lent       (kNonOwning) it is in a list or tree whose lock is held: it may be looked at and
//              written to until the lock is given back
//   counted    an object with a bpf_refcount may be owned more than once
//
// A root (list head or tree root) is used only while the lock that lies beside it is held.
//
// Proved by: tests/verdicts/objects/run_programs and tests/verdicts/object_test.cpp.
#pragma once

#include "skep/verify/calls/kfunc/kfunc_site.hpp"

namespace skep::verify {

// Arguments of the kernel functions about them; number counts from 1.
Ruling<void> check_dropped_object(const KfuncSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_counted_object(const KfuncSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_root(const KfuncSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_node(const KfuncSite& site, unsigned number, CallPlan& plan);

// The type that is to be allocated: a number that is the same on every run.
Ruling<void> check_allocation(const KfuncSite& site, CallPlan& plan);

// The function that orders a tree: called while the call is in progress, with two nodes.
Ruling<void> plan_order(const KfuncSite& site, unsigned number, CallPlan& plan);

// What the call gives, and what it does to what it was given.
Value step_object_call(const KfuncSite& site, const CallPlan& plan, State& state, IdSource& ids);

// Whether the current function orders a tree.
bool orders_tree(const Subject& subject, const State& state);

} // namespace skep::verify
