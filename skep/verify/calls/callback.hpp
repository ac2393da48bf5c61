// SPDX-License-Identifier: Apache-2.0
//
// Functions that a helper calls back: entered like a call, left to the call itself, which then may
// call them again.
#pragma once

#include "skep/verify/calls/call.hpp"

namespace skep::verify {

// Whether the helper that an instruction calls may call back.
bool calls_back(const Subject& subject, const Insn& insn);

// The state in which the callback begins: one frame more (synchronous), or alone (asynchronous).
// Precondition for the former: a frame is left.
State enter_synchronous(const State& caller, InsnIndex at, const CallbackRequest& request);
State enter_asynchronous(const CallbackRequest& request);

// The number that it returns is one of those that its caller understands.
Ruling<void> check_callback_result(const State& state);

} // namespace skep::verify
