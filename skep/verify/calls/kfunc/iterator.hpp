// SPDX-License-Identifier: Apache-2.0
//
// Open-coded iterators: objects on the stack that are made, asked for the next element until there
// is none, and ended.
//
//        new          next            next (null)        destroy
//   ? ─────────▶ active ─────▶ active ──────────▶ drained ─────────▶ ?
//                  └───────────────── destroy ──────────────────────▶
//
// The slots of one hold its identity: the type of the object (subject), where it begins (offset),
// its reference (reference_id), how far it is (number), and how often it was asked (origin, which
// no comparison of slots looks at but the one for "exactly the same").
#pragma once

#include "skep/verify/calls/kfunc/kfunc_site.hpp"

namespace skep::verify {

// The first argument of a function that makes, asks or ends an iterator.
Ruling<void> check_iterator_argument(const KfuncSite& site, CallPlan& plan);

// The result of iter_next is of a kind that is known.
Ruling<void> check_iterator_element(const KfuncSite& site);

void make_iterator(const KfuncSite& site, const CallPlan& plan, State& state, IdSource& ids);
void drain_iterator(const CallPlan& plan, State& state);
void end_iterator(const CallPlan& plan, State& state);

} // namespace skep::verify
