// SPDX-License-Identifier: Apache-2.0
//
// What a CO-RE relocation comes to on a target: a number for the instruction, or nothing, in which
// case reaching the instruction is an error.
#pragma once

#include <map>
#include <optional>

#include "skep/btf/types_on_demand.hpp"
#include "skep/load/core/access.hpp"

namespace skep::load::core {

// bpf_core_relo_kind of linux/bpf.h.
enum class CoreKind : std::uint32_t {
    field_byte_offset = 0,
    field_byte_size = 1,
    field_exists = 2,
    field_signed = 3,
    field_left_shift = 4,
    field_right_shift = 5,
    type_id_local = 6,
    type_id_target = 7,
    type_exists = 8,
    type_size = 9,
    enumerator_exists = 10,
    enumerator_value = 11,
    type_matches = 12,
};

struct Resolution {
    std::uint64_t local_value = 0;      // what the compiler wrote into the instruction
    bool has_local_value = true;        // false: do not compare it
    std::optional<std::uint64_t> value; // nothing: the target lacks it
    // For loads and stores whose field has another size in the target.
    std::uint32_t local_bytes = 0;
    std::uint32_t target_bytes = 0;
    bool may_resize = true; // unsigned numbers and pointers alone
    auto operator<=>(const Resolution&) const = default;
};

class Resolver {
  public:
    // `target` may be null: then only what needs no target can be resolved.
    Resolver(const btf::Btf& local, const btf::TypesOnDemand& target)
        : local_(local), target_(target) {}

    Result<Resolution> resolve(CoreKind kind, btf::TypeId type, std::string_view access);

  private:
    Result<Resolution> resolve_field(CoreKind kind, btf::TypeId type,
                                     const std::vector<std::uint32_t>& access);
    Result<Resolution> resolve_type(CoreKind kind, btf::TypeId type);
    Result<Resolution> resolve_enumerator(CoreKind kind, btf::TypeId type, std::uint32_t index);
    Result<const std::vector<btf::TypeId>*> candidates(btf::TypeId type);

    const btf::Btf& local_;
    const btf::TypesOnDemand& target_;
    std::map<btf::TypeId, std::vector<btf::TypeId>> candidates_;
};

} // namespace skep::load::core
