// SPDX-License-Identifier: Apache-2.0
//
// When do two types, one of the object and one of the target, stand for the same thing? Three
// answers, from loose to strict:
//
//   fields_are_compatible   a field may change its size or sign, not its nature
//   types_are_compatible    the same shape, names of members not looked at
//   types_match             every member of the local type is in the target's, with a matching type
//
// All recurse through pointers at most kMaxDepth deep, and beyond that say no.
#pragma once

#include "skep/btf/btf.hpp"

namespace skep::load::core {

inline constexpr int kMaxDepth = 32;

// Whether they are of one kind, enum and enum64 being one.
bool same_kind(btf::Kind left, btf::Kind right);

bool fields_are_compatible(const btf::Btf& local, btf::TypeId local_id, const btf::Btf& target,
                           btf::TypeId target_id);
bool types_are_compatible(const btf::Btf& local, btf::TypeId local_id, const btf::Btf& target,
                          btf::TypeId target_id);
bool types_match(const btf::Btf& local, btf::TypeId local_id, const btf::Btf& target,
                 btf::TypeId target_id);

} // namespace skep::load::core
