// SPDX-License-Identifier: Apache-2.0
//
// May this touch that field of the context, and what does it give?
//
// The tables of spec/contexts answer, by program type and attach type.
#pragma once

#include <cstdint>
#include <optional>

#include "skep/verify/access/region.hpp"

namespace skep::verify {

struct ContextAccess {
    Reg reg = 1;             // the pointer's register, for messages
    std::int32_t offset = 0; // from the context's beginning, the pointer's own included
    std::uint32_t size_bytes = 0;
    Direction direction = Direction::read;
    bool sign_extended = false;
    bool immediate = false; // a store of an immediate
};

// How the access is carried out on the host's record (spec/contexts/host_contexts.hpp): the field
// to load or store, then its low bits. rewrite/ turns this into instructions.
struct HostAccess {
    std::uint32_t offset = 0;     // in the host's record
    std::uint32_t size_bytes = 0; // how wide the host's field is accessed
    std::uint32_t shift_bits = 0; // right shift after a load, for a narrow read of a wider field
    std::uint64_t mask = ~0ULL;   // and, after the shift
};

// What a load yields; id 0 where an id is needed: the walk gives it one. For a store:
// uninitialised. Precondition: the pointer's number is the constant 0; access.offset includes its
// fixed offset.
Ruling<Value> check_context_access(const Subject& subject, const ContextAccess& access);

// The same access on the host, for the rewrite; nothing when this build's engines lack the context.
std::optional<HostAccess> host_access(const Subject& subject, const ContextAccess& access);

} // namespace skep::verify
