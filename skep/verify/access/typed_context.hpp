// SPDX-License-Identifier: Apache-2.0
//
// The context of a typed program: the arguments of what it is attached to, eight bytes each.
//
//   attach_btf_id names   a function       fentry, fexit, modify_return, lsm: its parameters (then
//                         the result; for lsm what the program before it answered)
//                         a btf_trace_...  tp_btf: the parameters of the tracepoint
//                         bpf_iter_...     iterators: what the iterator hands over
//                         a structure      struct_ops: the parameters of the member that the attach
//                         type counts
//
// A slot of a pointer to a structure gives a typed object, any other pointer a number, a number
// itself. A structure by value fills as many slots as it needs, each a number. Nothing is ever
// written.
//
// Proved by: typed_context_test.cpp.
#pragma once

#include <optional>
#include <string>

#include "skep/verify/access/context.hpp"

namespace skep::verify {

// What a load yields. Precondition: the program type has no table of fields.
Ruling<Value> check_typed_context(const Subject& subject, const ContextAccess& access);

// What the program is for: the tracepoint, function, iterator ("task"), or the member of an
// interface
// ("tcp_congestion_ops.init"); empty when it is not typed or not known.
std::string target_name(const Subject& subject);

// What a security hook may answer: 0 or a negative error, or yes and no. None: the program is for
// no hook, or for one that returns nothing.
std::optional<ReturnRange> hook_answers(const Subject& subject);

// Refuses security hooks whose answers mean more than yes, no or an error.
Ruling<void> check_hook(const Subject& subject);

// Whether what the program implements returns nothing, so that R0 does not matter at its end.
bool returns_nothing(const Subject& subject);

} // namespace skep::verify
