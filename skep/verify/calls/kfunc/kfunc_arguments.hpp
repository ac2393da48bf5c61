// SPDX-License-Identifier: Apache-2.0
//
// Arguments of kernel functions, judged by their types, the endings of their names, and the flags
// of the function.
//
//   parameter                        takes
//   number                           any number; ending __k: one that is the same on every run
//   name ends in __ign               anything
//   name ends in __str               constant text in a map that programs cannot write
//   pointer, next ends in __sz       as much memory as the next argument says
//   pointer to the context's type    the context
//   pointer to a kernel structure    such an object, alive as the flags ask
//   pointer to numbers               memory of that size
#pragma once

#include "skep/verify/calls/kfunc/kfunc_site.hpp"

namespace skep::verify {

// Judges arguments from `first` on.
Ruling<void> check_kfunc_arguments(const KfuncSite& site, unsigned first, CallPlan& plan);

// Functions that want living objects say so before they look what it is.
Ruling<void> check_not_null(const KfuncSite& site, unsigned number);

// Numbers, and structures and arrays of nothing but numbers: what memory may hold.
bool holds_numbers_only(const btf::Btf& types, btf::TypeId id);

} // namespace skep::verify
