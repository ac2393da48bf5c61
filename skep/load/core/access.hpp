// SPDX-License-Identifier: Apache-2.0
//
// AccessPath: a place within a type, as CO-RE names it: "0:1:2" is, from a pointer p to the type,
// p[0], its member 1, that one's member or element 2.
//
// The same path is found in the target's types by the names of the members, so that members may
// have moved; members of anonymous structures count as members of what contains them.
//
// Proved by: access_test.cpp.
#pragma once

#include <optional>
#include <vector>

#include "skep/btf/btf.hpp"

namespace skep::load::core {

inline constexpr std::size_t kMaxSteps = 64;

// One step that has a name of its own, or an index into an array (then the name is empty).
struct Step {
    std::string_view name;
    std::uint32_t index = 0; // of the element; in a structure, of the member
    bool is_element = false;
    btf::TypeId type = 0; // what the step leads to
};

struct AccessPath {
    btf::TypeId root = 0;
    std::vector<Step> steps; // named members and elements; anonymous members are passed through
    std::uint64_t bit_offset = 0;
    btf::TypeId field_type = 0;   // what lies at the end
    std::uint32_t field_bits = 0; // of a bit field; 0: none
};

// Numbers between colons; an error when it is no such text or too long.
Result<std::vector<std::uint32_t>> parse_access(std::string_view text);

// The path within the object's own types.
Result<AccessPath> local_path(const btf::Btf& types, btf::TypeId root,
                              const std::vector<std::uint32_t>& access);

// The same path within a target type, or nothing when the target lacks a step.
std::optional<AccessPath> target_path(const btf::Btf& local, const AccessPath& path,
                                      const btf::Btf& target, btf::TypeId candidate);

} // namespace skep::load::core
