// SPDX-License-Identifier: Apache-2.0
#include "skep/load/core/access.hpp"

#include <charconv>

#include <fmt/format.h>

#include "skep/load/core/compatible.hpp"

namespace skep::load::core {
namespace {

using btf::Btf;
using btf::Kind;
using btf::TypeId;

bool is_composite(const btf::Type& type) {
    return type.kind == Kind::structure || type.kind == Kind::union_;
}

// Moves the end of a path to a member.
void enter_member(AccessPath& path, const Btf& types, const btf::Member& member) {
    path.bit_offset += member.bit_offset;
    path.field_type = member.type;
    path.field_bits = member.bit_size;
    const btf::Type& type = types.type(types.resolve(member.type));
    if (member.bit_size == 0 && type.kind == Kind::integer &&
        type.int_bits != type.size_bytes * 8) {
        path.bit_offset += type.int_bit_offset;
        path.field_bits = type.int_bits;
    }
}

// Moves the end of a path to an element of the type that lies there now.
bool enter_element(AccessPath& path, const Btf& types, TypeId element, std::uint32_t index) {
    const auto size = types.size_of(element);
    if (!size.ok()) {
        return index == 0;
    }
    path.bit_offset += std::uint64_t{index} * *size * 8;
    path.field_type = element;
    path.field_bits = 0;
    return true;
}

// An array at the very end of a structure may be longer than it says.
bool is_flexible(const btf::Type& array) { return array.count <= 1; }

// Looks for a member by name, within anonymous members too; one of another type is not it. Depth is
// bounded by kMaxNesting.
bool find_member(AccessPath& path, const Btf& types, const btf::Type& composite, const Step& wanted,
                 const Btf& local) {
    for (const btf::Member& member : composite.members) {
        const btf::Type& type = types.type(types.resolve(member.type));
        AccessPath tried = path;
        if (member.name.empty() && is_composite(type)) {
            enter_member(tried, types, member);
            if (find_member(tried, types, type, wanted, local)) {
                path = std::move(tried);
                return true;
            }
        } else if (!wanted.name.empty() && member.name == wanted.name) {
            if (!fields_are_compatible(local, wanted.type, types, member.type)) {
                return false;
            }
            enter_member(tried, types, member);
            path = std::move(tried);
            return true;
        }
    }
    return false;
}

} // namespace

Result<std::vector<std::uint32_t>> parse_access(std::string_view text) {
    std::vector<std::uint32_t> numbers;
    const char* at = text.data();
    const char* end = text.data() + text.size();
    while (true) {
        std::uint32_t number = 0;
        const auto [rest, problem] = std::from_chars(at, end, number);
        if (problem != std::errc() || numbers.size() >= kMaxSteps) {
            return fail(Code::invalid_input,
                        fmt::format("'{}' is no access path", text.substr(0, 80)));
        }
        numbers.push_back(number);
        if (rest == end) {
            return numbers;
        }
        if (*rest != ':') {
            return fail(Code::invalid_input,
                        fmt::format("'{}' is no access path", text.substr(0, 80)));
        }
        at = rest + 1;
    }
}

Result<AccessPath> local_path(const Btf& types, TypeId root,
                              const std::vector<std::uint32_t>& access) {
    AccessPath path;
    path.root = root;
    path.field_type = root;
    if (!enter_element(path, types, root, access.front())) {
        return fail(Code::invalid_input,
                    fmt::format("{} has no size to count in", types.where(root)));
    }
    path.steps.push_back({{}, access.front(), true, root});
    for (std::size_t i = 1; i < access.size(); ++i) {
        const btf::Type& type = types.type(types.resolve(path.field_type));
        if (is_composite(type)) {
            if (access[i] >= type.members.size()) {
                return fail(Code::invalid_input,
                            fmt::format("member {} of '{}', which has {}", access[i], type.name,
                                        type.members.size()));
            }
            const btf::Member& member = type.members[access[i]];
            enter_member(path, types, member);
            if (!member.name.empty()) {
                path.steps.push_back({member.name, access[i], false, member.type});
            }
        } else if (type.kind == Kind::array) {
            if (access[i] >= type.count && !is_flexible(type)) {
                return fail(Code::invalid_input,
                            fmt::format("element {} of an array of {}", access[i], type.count));
            }
            const TypeId element = type.target;
            if (!enter_element(path, types, element, access[i])) {
                return fail(Code::invalid_input, "an array of what has no size");
            }
            path.steps.push_back({{}, access[i], true, element});
        } else {
            return fail(
                Code::invalid_input,
                fmt::format("{} has nothing within", types.where(types.resolve(path.field_type))));
        }
    }
    return path;
}

std::optional<AccessPath> target_path(const Btf& local, const AccessPath& path, const Btf& target,
                                      TypeId candidate) {
    AccessPath found;
    found.root = candidate;
    found.field_type = candidate;
    for (std::size_t i = 0; i < path.steps.size(); ++i) {
        const Step& step = path.steps[i];
        const btf::Type& type = target.type(target.resolve(found.field_type));
        if (i == 0) {
            if (!enter_element(found, target, candidate, step.index)) {
                return std::nullopt;
            }
        } else if (step.is_element) {
            if (type.kind != Kind::array || (step.index >= type.count && !is_flexible(type)) ||
                !enter_element(found, target, type.target, step.index)) {
                return std::nullopt;
            }
        } else {
            if (!is_composite(type) || !find_member(found, target, type, step, local)) {
                return std::nullopt;
            }
        }
    }
    return found;
}

} // namespace skep::load::core
