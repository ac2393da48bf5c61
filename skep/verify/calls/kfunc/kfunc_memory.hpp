// SPDX-License-Identifier: Apache-2.0
//
// Memory that is passed to kernel functions: of a size that its type has, or that comes with it.
//
// The bytes are read and written as those of helpers are (calls/arguments), with three differences:
// a pointer that may be null counts as one that is not, since the function itself looks; the
// context is memory for programs that see it as it is; and what is no memory at all is told of in
// other words.
#pragma once

#include "skep/verify/calls/kfunc/kfunc_site.hpp"

namespace skep::verify {

// `size_bytes` behind the argument.
Ruling<void> check_kfunc_memory(const KfuncSite& site, unsigned number, std::uint32_t size_bytes,
                                CallPlan& plan);
// As many as the next argument says. Precondition: that one is a number.
Ruling<void> check_kfunc_buffer(const KfuncSite& site, unsigned number, CallPlan& plan);

// A constant text.
Ruling<void> check_kfunc_text(const KfuncSite& site, unsigned number, CallPlan& plan);

// The context, as the program was given it.
Ruling<void> check_kfunc_context(const KfuncSite& site, unsigned number, CallPlan& plan);

// What is no memory is passed as it was given: nothing was added to it.
Ruling<void> check_kfunc_place(const KfuncSite& site, unsigned number);

} // namespace skep::verify
