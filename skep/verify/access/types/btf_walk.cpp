// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/types/btf_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "skep/spec/contexts/typed_contexts.hpp"
#include "skep/spec/limits.hpp"
#include "skep/spec/rights/licences.hpp"
#include "skep/verify/access/special_fields.hpp"
#include "skep/verify/access/types/kernel_types.hpp"
#include "skep/verify/explain/codes.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

constexpr int kMaxDepth =
    spec::limits::btf_depth; // of structures in structures; BTF that was parsed nests no deeper

// A place inside a type during the walk.
struct Place {
    btf::TypeId type = 0;     // a structure or union
    std::uint32_t offset = 0; // inside it
    std::uint32_t size = 0;   // of the access
    bool through_union = false;
};

// Where the walk ended.
struct Found {
    btf::TypeId pointee = 0; // the structure that a loaded pointer points at; 0: a number
    std::uint32_t flags = 0; // kUser, kPercpu, kRcu from the pointer's tags
    bool through_union = false;
    bool is_plain_pointer = false; // to numbers, to anything, to a function
    std::string_view member = {};  // the pointer that was loaded
};

struct Walk {
    const Subject& subject;
    const btf::Btf& types;
    const TypedAccess& access;
};

std::string_view structure_name(const Walk& walk, btf::TypeId type) {
    const std::string_view name = walk.types.type(type).name;
    return name.empty() ? "(anon)" : name;
}

Finding beyond(const Walk& walk, const Place& place) {
    const std::string_view name = structure_name(walk, place.type);
    return refuse(
        FindingCode::object_access, EACCES,
        fmt::format("access beyond struct {} at off {} size {}", name, place.offset, place.size),
        fmt::format("struct {} has {} bytes", name, walk.types.type(place.type).size_bytes));
}

Finding across(const Walk& walk, const Place& place, const btf::Member& member, std::uint32_t end) {
    const std::string_view name = structure_name(walk, place.type);
    return refuse(
        FindingCode::object_access, EACCES,
        fmt::format("access beyond the end of member {} (mend:{}) in struct {} with off {} size {}",
                    member.name, end, name, place.offset, place.size),
        fmt::format("the access reaches past member {} of struct {}", member.name, name));
}

// What the tags between a pointer and its structure say (BTF type tags user, percpu, rcu).
std::uint32_t tag_flags(const btf::Btf& types, btf::TypeId id) {
    std::uint32_t flags = 0;
    while (types.type(id).kind != btf::Kind::pointer && types.type(id).target != 0 &&
           types.type(id).kind != btf::Kind::structure) {
        id = types.type(id).target; // typedefs and modifiers around the pointer
    }
    for (id = types.type(id).target; id != 0; id = types.type(id).target) {
        const btf::Type& type = types.type(id);
        const bool is_modifier =
            type.kind == btf::Kind::type_tag || type.kind == btf::Kind::const_ ||
            type.kind == btf::Kind::volatile_ || type.kind == btf::Kind::restrict_ ||
            type.kind == btf::Kind::typedef_;
        if (!is_modifier) {
            break;
        }
        if (type.kind == btf::Kind::type_tag) {
            flags |= type.name == "user"     ? kUser
                     : type.name == "percpu" ? kPercpu
                     : type.name == "rcu"    ? kRcu
                                             : 0U;
        }
    }
    return flags;
}

Ruling<Found> at_pointer(const Walk& walk, const Place& place, const btf::Member& member) {
    const btf::Btf& types = walk.types;
    if (place.size != 8 || place.offset != member.bit_offset / 8) {
        return refuse(
            FindingCode::object_access, EACCES,
            fmt::format("cannot access ptr member {} with moff {} in struct {} with off {} size {}",
                        member.name, member.bit_offset / 8, structure_name(walk, place.type),
                        place.offset, place.size),
            fmt::format("member {} is a pointer and is read whole or not at all", member.name));
    }
    const btf::TypeId pointer = types.resolve(member.type);
    const btf::TypeId target = types.resolve(types.type(pointer).target);
    Found found;
    found.through_union = place.through_union;
    if (types.type(target).kind == btf::Kind::structure) {
        found.pointee = target;
        found.flags = tag_flags(types, member.type);
        found.member = member.name;
    } else {
        found.is_plain_pointer = true;
    }
    return found;
}

// One array element deep: the place inside it, when elements are structures.
btf::TypeId element_of(const btf::Btf& types, btf::TypeId id, std::uint32_t& offset) {
    for (int depth = 0; types.type(id).kind == btf::Kind::array && depth < kMaxDepth; ++depth) {
        id = types.resolve(types.type(id).target);
        const Result<std::uint32_t> size = types.size_of(id);
        if (!size.ok() || *size == 0) {
            return id;
        }
        offset %= *size;
    }
    return id;
}

Ruling<Found> walk_structure(const Walk& walk, Place place, int depth);

Ruling<Found> at_member(const Walk& walk, const Place& place, const btf::Member& member,
                        int depth) {
    const btf::Btf& types = walk.types;
    const btf::TypeId whole = types.resolve(member.type);
    std::uint32_t inside = place.offset - member.bit_offset / 8;
    const btf::TypeId type = element_of(types, whole, inside);
    const btf::Kind kind = types.type(type).kind;
    if (kind == btf::Kind::structure || kind == btf::Kind::union_) {
        return walk_structure(
            walk, {type, inside, place.size, place.through_union || kind == btf::Kind::union_},
            depth + 1);
    }
    if (kind == btf::Kind::pointer && type == whole) {
        return at_pointer(walk, place, member);
    }
    return Found{.through_union = place.through_union};
}

// A structure that ends in an array of any length goes on past its size.
Ruling<Found> walk_open_end(const Walk& walk, const Place& place, int depth) {
    const btf::Btf& types = walk.types;
    const btf::Type& type = types.type(place.type);
    if (type.members.empty()) {
        return beyond(walk, place);
    }
    const btf::Member& last = type.members.back();
    const btf::Type& array = types.type(types.resolve(last.type));
    const std::uint32_t begin = last.bit_offset / 8;
    if (array.kind != btf::Kind::array || array.count != 0 || place.offset < begin) {
        return beyond(walk, place);
    }
    const btf::TypeId element = types.resolve(array.target);
    const btf::Type& inner = types.type(element);
    if (inner.kind == btf::Kind::integer) {
        return Found{.through_union = place.through_union};
    }
    if (inner.kind != btf::Kind::structure || inner.size_bytes == 0) {
        return beyond(walk, place);
    }
    return walk_structure(
        walk, {element, (place.offset - begin) % inner.size_bytes, place.size, place.through_union},
        depth + 1);
}

Ruling<Found> walk_structure(const Walk& walk, Place place, int depth) {
    const btf::Btf& types = walk.types;
    const btf::Type& type = types.type(place.type);
    if (depth > kMaxDepth) {
        return beyond(walk, place);
    }
    if (std::uint64_t{place.offset} + place.size > type.size_bytes) {
        return walk_open_end(walk, place, depth);
    }
    const bool is_union = type.kind == btf::Kind::union_;
    for (const btf::Member& member : type.members) {
        const std::uint32_t begin = member.bit_offset / 8;
        const Result<std::uint32_t> size = types.size_of(member.type);
        const std::uint32_t bytes = member.bit_size != 0
                                        ? (member.bit_offset % 8 + member.bit_size + 7) / 8
                                    : size.ok() ? *size
                                                : 0;
        if (place.offset < begin || place.offset >= begin + bytes) {
            continue;
        }
        if (member.bit_size != 0) {
            return Found{.through_union =
                             place.through_union}; // the bits are taken out of the whole number
        }
        const btf::Kind kind = types.type(types.resolve(member.type)).kind;
        // A pointer is judged as one, whatever part of it is meant.
        const bool goes_inside =
            kind == btf::Kind::structure || kind == btf::Kind::union_ || kind == btf::Kind::pointer;
        if (place.offset + place.size > begin + bytes && (is_union || !goes_inside)) {
            if (is_union) {
                continue;
            }
            return across(walk, place, member, begin + bytes);
        }
        return at_member(walk, place, member, depth);
    }
    return Found{.through_union = place.through_union}; // padding
}

// The row of a member that keeps what it points at alive; null for all others.
const spec::KeptRow* kept_row(const Walk& walk, const Found& found) {
    const std::string_view structure = walk.types.type(walk.access.value.type_id()).name;
    for (const spec::KeptRow& row : spec::kKept) {
        if (row.structure == structure && row.member == found.member) {
            return &row;
        }
    }
    return nullptr;
}

// What a loaded pointer may be relied upon. One out of an object that is alive is in general only
// as good as the moment of the load: it may be read through (reads that fail give zero) and handed
// to helpers that take such, but not to functions that need a trusted one.
std::uint32_t reliance(const Walk& walk, const State& state, const Found& found) {
    const Value& from = walk.access.value;
    const spec::KeptRow* row = kept_row(walk, found);
    const bool by_rcu = row != nullptr && (row->yields == spec::SlotYield::rcu ||
                                           row->yields == spec::SlotYield::rcu_or_null);
    if (row != nullptr && from.has(kTrusted | kRcu) && (!by_rcu || state.in_rcu_section())) {
        const bool may_be_null = row->yields == spec::SlotYield::trusted_or_null ||
                                 row->yields == spec::SlotYield::rcu_or_null;
        return (by_rcu ? kRcu : kTrusted) | (may_be_null ? kMaybeNull : 0U);
    }
    if ((found.flags & kRcu) != 0 && from.has(kTrusted | kRcu) && state.in_rcu_section()) {
        return kRcu | kMaybeNull;
    }
    const bool is_loose =
        from.has(kUntrusted) || found.through_union || by_rcu || (found.flags & kRcu) != 0;
    return is_loose ? kUntrusted : 0U;
}

Value loaded_object(const Walk& walk, const State& state, const Found& found) {
    Value value = Value::pointer(ValueKind::btf_object,
                                 reliance(walk, state, found) | (found.flags & (kUser | kPercpu)),
                                 found.pointee);
    value.instance = walk.access.value.instance;
    return value;
}

// The structure of functions that the program implements one of.
std::string_view implemented_interface(const Walk& walk) {
    const ProgramSpec& program = walk.subject.program;
    const bool is_known = program.type == spec::ProgramType::struct_ops &&
                          walk.access.value.instance == 0 && walk.types.has(program.attach_btf_id);
    return is_known ? walk.types.type(program.attach_btf_id).name : std::string_view{};
}

// A member by its path ("icsk_ack.pending"), with its place in the structure.
struct Reached {
    const btf::Member* member = nullptr;
    std::int64_t begin = 0;
};
Reached reach(const btf::Btf& types, btf::TypeId structure, std::string_view path) {
    Reached reached;
    while (!path.empty()) {
        const std::string_view word = path.substr(0, path.find('.'));
        path = word.size() < path.size() ? path.substr(word.size() + 1) : std::string_view{};
        const std::span<const btf::Member> members = types.type(structure).members;
        const auto found = std::ranges::find(members, word, &btf::Member::name);
        if (found == members.end()) {
            return {};
        }
        reached = {&*found, reached.begin + found->bit_offset / 8};
        structure = types.resolve(found->type);
    }
    return reached;
}

bool lies_in_writable(const Walk& walk, btf::TypeId structure, std::int64_t place) {
    const std::string_view interface = implemented_interface(walk);
    for (const spec::WritableRow& row : spec::kWritable) {
        if (row.interface != interface || row.structure != walk.types.type(structure).name) {
            continue;
        }
        const Reached reached = reach(walk.types, structure, row.member);
        if (reached.member == nullptr || reached.member->bit_size != 0) {
            continue;
        }
        const Result<std::uint32_t> size = walk.types.size_of(reached.member->type);
        // Numbers from their beginning; arrays anywhere in them.
        const bool is_array =
            walk.types.type(walk.types.resolve(reached.member->type)).kind == btf::Kind::array;
        if (size.ok() && (is_array ? place >= reached.begin : place == reached.begin) &&
            place + walk.access.size_bytes <= reached.begin + *size) {
            return true;
        }
    }
    return false;
}

std::int64_t place_of(const TypedAccess& access) {
    return std::int64_t{access.value.offset} +
           static_cast<std::int64_t>(access.value.number.value()) + access.offset;
}

// An interface that lets its functions write to some members says which is none of them.
std::string refused_write(const Walk& walk) {
    const std::string_view interface = implemented_interface(walk);
    const std::string_view name = walk.types.type(walk.access.value.type_id()).name;
    const bool has_writable =
        std::ranges::any_of(spec::kWritable, [&](const spec::WritableRow& row) {
            return row.interface == interface && row.structure == name;
        });
    return has_writable
               ? fmt::format("no write support to {} at off {}", name, place_of(walk.access))
               : "only read is supported";
}

// A structure begins with others; each of them may have members to write to.
bool is_writable(const Walk& walk) {
    const TypedAccess& access = walk.access;
    const bool writes =
        access.accessor == Accessor::atomic ||
        (access.accessor == Accessor::load_store && access.direction == Direction::write);
    const bool is_plain = writes && access.value.has(kTrusted) &&
                          !access.value.has(kUntrusted | kMaybeNull | kUser | kPercpu | kReadOnly);
    if (!is_plain || !walk.subject.environment.capabilities.perfmon) {
        return false;
    }
    const std::int64_t place = place_of(access);
    btf::TypeId structure = walk.types.resolve(access.value.type_id());
    for (int depth = 0; depth < kMaxDepth; ++depth) {
        if (lies_in_writable(walk, structure, place)) {
            return true;
        }
        const btf::Type& type = walk.types.type(structure);
        if (type.kind != btf::Kind::structure || type.members.empty() ||
            type.members.front().bit_offset != 0) {
            return false;
        }
        structure = walk.types.resolve(type.members.front().type);
    }
    return false;
}

Ruling<void> check_whole(const Walk& walk) {
    const TypedAccess& access = walk.access;
    if (is_writable(walk)) {
        return {};
    }
    if (access.direction == Direction::write || access.accessor == Accessor::atomic) {
        if (access.value.has(kAllocated) && !access.value.has(kUser | kPercpu | kUntrusted)) {
            return {};
        }
        return refuse(FindingCode::object_access, EACCES, refused_write(walk),
                      fmt::format("R{} points at a kernel's struct {}", access.reg,
                                  walk.types.type(access.value.type_id()).name));
    }
    if (access.value.has(kUser | kPercpu)) {
        return refuse(FindingCode::object_access, EACCES,
                      fmt::format("R{} is ptr_{} access {} memory: off={}", access.reg,
                                  walk.types.type(access.value.type_id()).name,
                                  access.value.has(kUser) ? "user" : "percpu", access.offset),
                      "memory of user space or of another CPU is reached by helpers only");
    }
    return {};
}

// The kernel's objects are for loaders that may see addresses and for programs under its licence;
// what the program made itself is its own, and maps show their structure to programs of any
// licence.
Ruling<void> check_may_look(const Subject& subject, const TypedAccess& access,
                            std::string_view name) {
    if (!subject.environment.capabilities.perfmon) {
        return refuse(FindingCode::not_permitted, EPERM,
                      fmt::format("'struct {}' access is allowed only to CAP_PERFMON and "
                                  "CAP_SYS_ADMIN",
                                  name),
                      fmt::format("R{} points at a struct {} of the kernel, which holds addresses",
                                  access.reg, name));
    }
    const bool is_kernels = access.value.instance == 0 && !access.behind_map;
    if (is_kernels && !spec::is_gpl_compatible(subject.program.license)) {
        return refuse(FindingCode::licence, EINVAL,
                      fmt::format("Cannot access kernel 'struct {}' from non-GPL compatible "
                                  "program",
                                  name),
                      fmt::format("objects of the kernel are only for GPL-compatible programs, and "
                                  "the licence is \"{}\"",
                                  subject.program.license));
    }
    return {};
}

} // namespace

Ruling<Value> check_btf_access(const Subject& subject, const State& state,
                               const TypedAccess& access) {
    const btf::Btf* types = types_of(subject, access.value);
    if (types == nullptr) {
        return refuse(
            FindingCode::not_known_yet, EACCES,
            fmt::format("R{} invalid mem access '{}'", access.reg, kind_text(access.value)),
            "the type of the object is not known: no kernel types were given");
    }
    const Walk walk{subject, *types, access};
    const std::string name(types->type(access.value.type_id()).name);
    TRY(check_may_look(subject, access, name));
    if (!access.value.at_fixed_offset()) {
        return refuse(FindingCode::object_access, EACCES,
                      fmt::format("R{} is ptr_{} invalid variable offset: off={}, var_off={}",
                                  access.reg, name, access.value.offset + access.offset,
                                  bits_text(access.value.number.bits)),
                      "the place in the object is not known");
    }
    const std::int64_t place = std::int64_t{access.value.offset} +
                               static_cast<std::int64_t>(access.value.number.value()) +
                               access.offset;
    if (place < 0) {
        return refuse(
            FindingCode::object_access, EACCES,
            fmt::format("R{} is ptr_{} invalid negative access: off={}", access.reg, name, place),
            "the place lies before the object");
    }
    TRY(check_whole(walk));
    if (access.value.has(kAllocated)) {
        TRY(check_object_fields(subject, access.value, place, access.size_bytes));
    }
    const Found found =
        TRY(walk_structure(walk,
                           {types->resolve(access.value.type_id()),
                            static_cast<std::uint32_t>(place), access.size_bytes, false},
                           0));
    if (access.direction == Direction::write) {
        return Value::uninitialised();
    }
    if (found.is_plain_pointer && !access.sign_extended) {
        return untrusted_memory();
    }
    // What an object of the program points at is not known to be of that type.
    if (found.pointee == 0 || access.sign_extended || access.value.has(kAllocated)) {
        return loaded_number(access.size_bytes, access.sign_extended);
    }
    return loaded_object(walk, state, found);
}

} // namespace skep::verify
