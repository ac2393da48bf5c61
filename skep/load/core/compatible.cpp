// SPDX-License-Identifier: Apache-2.0
#include "skep/load/core/compatible.hpp"

#include <algorithm>

namespace skep::load::core {
namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;

bool is_enumeration(Kind kind) { return kind == Kind::enumeration || kind == Kind::enumeration64; }
bool is_composite(Kind kind) { return kind == Kind::structure || kind == Kind::union_; }

bool essential_names_agree(std::string_view left, std::string_view right) {
    return left.empty() || right.empty() || btf::essential_name(left) == btf::essential_name(right);
}

// How many pairs of types one question may look at: prototypes within prototypes could multiply.
constexpr int kMaxPairs = 10'000;

class ShapeComparison {
  public:
    ShapeComparison(const Btf& local, const Btf& target) : local_(local), target_(target) {}

    bool agree(TypeId local_id, TypeId target_id, int depth) {
        const btf::Type& left = local_.type(local_.resolve(local_id));
        const btf::Type& right = target_.type(target_.resolve(target_id));
        if (depth > kMaxDepth || --budget_ < 0 || !same_kind(left.kind, right.kind)) {
            return false;
        }
        switch (left.kind) {
        case Kind::integer:
            return left.int_bit_offset == 0 && right.int_bit_offset == 0;
        case Kind::pointer:
        case Kind::array:
            return agree(left.target, right.target, depth + 1);
        case Kind::function_prototype:
            return agree_prototypes(left, right, depth);
        case Kind::void_:
        case Kind::structure:
        case Kind::union_:
        case Kind::enumeration:
        case Kind::enumeration64:
        case Kind::forward:
        case Kind::floating:
            return true;
        case Kind::typedef_:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::function:
        case Kind::variable:
        case Kind::data_section:
        case Kind::declaration_tag:
        case Kind::type_tag:
            break;
        }
        return false;
    }

  private:
    bool agree_prototypes(const btf::Type& left, const btf::Type& right, int depth) {
        if (left.members.size() != right.members.size()) {
            return false;
        }
        for (std::size_t i = 0; i < left.members.size(); ++i) {
            if (!agree(left.members[i].type, right.members[i].type, depth + 1)) {
                return false;
            }
        }
        return agree(left.target, right.target, depth + 1);
    }

    const Btf& local_;
    const Btf& target_;
    int budget_ = kMaxPairs;
};

enum class Behind : std::uint8_t { value, pointer };

class Matching {
  public:
    Matching(const Btf& local, const Btf& target) : local_(local), target_(target) {}

    bool match(TypeId local_id, TypeId target_id, Behind behind, int depth) {
        const btf::Type& left = local_.type(local_.resolve(local_id));
        const btf::Type& right = target_.type(target_.resolve(target_id));
        if (depth > kMaxDepth || --budget_ < 0 || !essential_names_agree(left.name, right.name)) {
            return false;
        }
        if (left.kind != right.kind) {
            return match_kinds(left, right, behind);
        }
        switch (left.kind) {
        case Kind::void_:
            return true;
        case Kind::forward:
            return left.kind_flag == right.kind_flag;
        case Kind::enumeration:
        case Kind::enumeration64:
            return match_enumerations(left, right);
        case Kind::structure:
        case Kind::union_:
            // Behind a pointer names and kinds are enough: only the pointer is used.
            return behind == Behind::pointer || match_members(left, right, depth);
        case Kind::integer:
            return left.size_bytes == right.size_bytes && left.int_bits == right.int_bits &&
                   ((left.int_encoding ^ right.int_encoding) & btf::kIntSigned) == 0;
        case Kind::floating:
            return left.size_bytes == right.size_bytes;
        case Kind::pointer:
            return match(left.target, right.target, Behind::pointer, depth + 1);
        case Kind::array:
            return left.count == right.count && match(left.target, right.target, behind, depth + 1);
        case Kind::function_prototype:
            return match_prototypes(left, right, depth);
        case Kind::typedef_:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::function:
        case Kind::variable:
        case Kind::data_section:
        case Kind::declaration_tag:
        case Kind::type_tag:
            break;
        }
        return false;
    }

  private:
    // Behind a pointer a forward declaration stands for the structure or union.
    static bool match_kinds(const btf::Type& left, const btf::Type& right, Behind behind) {
        if (is_enumeration(left.kind) && is_enumeration(right.kind)) {
            return match_enumerations(left, right);
        }
        const auto stands_for = [](const btf::Type& forward, const btf::Type& whole) {
            return forward.kind == Kind::forward &&
                   whole.kind == (forward.kind_flag ? Kind::union_ : Kind::structure);
        };
        return behind == Behind::pointer && (stands_for(left, right) || stands_for(right, left));
    }

    static bool match_enumerations(const btf::Type& left, const btf::Type& right) {
        return left.size_bytes == right.size_bytes &&
               std::all_of(left.enumerators.begin(), left.enumerators.end(),
                           [&right](const btf::Enumerator& wanted) {
                               return std::any_of(right.enumerators.begin(),
                                                  right.enumerators.end(),
                                                  [&wanted](const btf::Enumerator& has) {
                                                      return btf::essential_name(has.name) ==
                                                             btf::essential_name(wanted.name);
                                                  });
                           });
    }

    bool match_members(const btf::Type& left, const btf::Type& right, int depth) {
        for (const btf::Member& wanted : left.members) {
            const bool found = std::any_of(
                right.members.begin(), right.members.end(), [&](const btf::Member& has) {
                    return has.name == wanted.name &&
                           match(wanted.type, has.type, Behind::value, depth + 1);
                });
            if (!found) {
                return false;
            }
        }
        return true;
    }

    bool match_prototypes(const btf::Type& left, const btf::Type& right, int depth) {
        if (left.members.size() != right.members.size()) {
            return false;
        }
        for (std::size_t i = 0; i < left.members.size(); ++i) {
            if (!match(left.members[i].type, right.members[i].type, Behind::value, depth + 1)) {
                return false;
            }
        }
        return match(left.target, right.target, Behind::value, depth + 1);
    }

    const Btf& local_;
    const Btf& target_;
    int budget_ = kMaxPairs;
};

} // namespace

bool same_kind(Kind left, Kind right) {
    return left == right || (is_enumeration(left) && is_enumeration(right));
}

bool fields_are_compatible(const Btf& local, TypeId local_id, const Btf& target, TypeId target_id) {
    while (true) { // ends: arrays nest at most kMaxNesting deep
        const btf::Type& left = local.type(local.resolve(local_id));
        const btf::Type& right = target.type(target.resolve(target_id));
        if (is_composite(left.kind) && is_composite(right.kind)) {
            return true;
        }
        if (!same_kind(left.kind, right.kind)) {
            return false;
        }
        switch (left.kind) {
        case Kind::pointer:
        case Kind::floating:
            return true;
        case Kind::forward:
        case Kind::enumeration:
        case Kind::enumeration64:
            return essential_names_agree(left.name, right.name);
        case Kind::integer:
            return left.int_bit_offset == 0 && right.int_bit_offset == 0;
        case Kind::array:
            local_id = left.target;
            target_id = right.target;
            continue;
        case Kind::void_:
        case Kind::structure:
        case Kind::union_:
        case Kind::typedef_:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::function:
        case Kind::function_prototype:
        case Kind::variable:
        case Kind::data_section:
        case Kind::declaration_tag:
        case Kind::type_tag:
            return false;
        }
    }
}

bool types_are_compatible(const Btf& local, TypeId local_id, const Btf& target, TypeId target_id) {
    return ShapeComparison(local, target).agree(local_id, target_id, 0);
}

bool types_match(const Btf& local, TypeId local_id, const Btf& target, TypeId target_id) {
    return Matching(local, target).match(local_id, target_id, Behind::value, 0);
}

} // namespace skep::load::core
