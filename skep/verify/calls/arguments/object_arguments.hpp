// SPDX-License-Identifier: Apache-2.0
//
// Object arguments: the context, sockets, kernel objects, records, texts, functions. What must be
// true of them beyond their kind: untouched address, right type, an open reference where one is
// ended.
#pragma once

#include "skep/verify/calls/call_site.hpp"

namespace skep::verify {

// Precondition of all: check_argument_kind passed for the argument.
Ruling<void> check_context_argument(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_typed_argument(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_record_argument(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_constant_size(const CallSite& site, unsigned number, CallPlan& plan);
Ruling<void> check_text_argument(const CallSite& site, unsigned number, CallPlan& plan);

// A value for a map of sockets: kernel objects must be sockets.
Ruling<void> check_socket_value(const CallSite& site, unsigned number);

// The reference that the call ends, when the row says that it ends the one of this argument.
Ruling<void> check_release(const CallSite& site, unsigned number, CallPlan& plan);

} // namespace skep::verify
