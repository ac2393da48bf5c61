// SPDX-License-Identifier: Apache-2.0
//
// The helper table, put together from its families, and its laws.
#include "skep/spec/helpers.hpp"

#include <algorithm>

namespace skep::spec {
namespace {

// The words of the result and argument columns.
namespace words {

constexpr Arg none{};
constexpr Arg anything{ArgKind::anything};
constexpr Arg const_map_ptr{ArgKind::const_map_ptr};
constexpr Arg map_key{ArgKind::map_key, ArgAccess::read};
constexpr Arg map_value{ArgKind::map_value, ArgAccess::read};
constexpr Arg map_value_or_null{ArgKind::map_value_or_null, ArgAccess::read};
constexpr Arg uninit_map_value{ArgKind::uninit_map_value, ArgAccess::write};
constexpr Arg rdonly_mem{ArgKind::mem, ArgAccess::read};
constexpr Arg rdonly_mem_or_null{ArgKind::mem_or_null, ArgAccess::read};
constexpr Arg write_mem{ArgKind::mem, ArgAccess::read_write};
constexpr Arg write_mem_or_null{ArgKind::mem_or_null, ArgAccess::read_write};
constexpr Arg uninit_mem{ArgKind::uninit_mem, ArgAccess::write};
constexpr Arg fixed_mem(std::uint16_t bytes) {
    return {ArgKind::fixed_mem, ArgAccess::read, bytes};
}
constexpr Arg write_fixed_mem(std::uint16_t bytes) {
    return {ArgKind::fixed_mem, ArgAccess::read_write, bytes};
}
constexpr Arg uninit_fixed_mem(std::uint16_t bytes) {
    return {ArgKind::uninit_fixed_mem, ArgAccess::write, bytes};
}
constexpr Arg const_size{ArgKind::const_size};
constexpr Arg const_size_or_zero{ArgKind::const_size_or_zero};
constexpr Arg const_alloc_size_or_zero{ArgKind::const_alloc_size_or_zero};
constexpr Arg const_str{ArgKind::const_str, ArgAccess::read};
constexpr Arg ctx{ArgKind::ctx};
constexpr Arg ctx_or_null{ArgKind::ctx_or_null};
constexpr Arg sock_common{ArgKind::sock_common};
constexpr Arg socket_or_null{ArgKind::socket_or_null};
constexpr Arg btf_id_sock_common{ArgKind::btf_id_sock_common};
constexpr Arg btf_id_sock_common_or_null{ArgKind::btf_id_sock_common_or_null};
constexpr Arg btf_id(std::string_view type) { return {ArgKind::btf_id, ArgAccess::none, 0, type}; }
constexpr Arg btf_id_or_null(std::string_view type) {
    return {ArgKind::btf_id_or_null, ArgAccess::none, 0, type};
}
constexpr Arg percpu_btf_id{ArgKind::percpu_btf_id};
constexpr Arg ringbuf_mem{ArgKind::ringbuf_mem};
constexpr Arg spin_lock{ArgKind::spin_lock};
constexpr Arg timer{ArgKind::timer};
constexpr Arg kptr{ArgKind::kptr};
constexpr Arg kptr_or_null{ArgKind::kptr_or_null};
constexpr Arg func{ArgKind::func};
constexpr Arg stack_ptr_or_null{ArgKind::stack_ptr_or_null};
constexpr Arg dynptr{ArgKind::dynptr};
constexpr Arg ringbuf_dynptr{ArgKind::ringbuf_dynptr};
constexpr Arg new_local_dynptr{ArgKind::new_local_dynptr};
constexpr Arg new_ringbuf_dynptr{ArgKind::new_ringbuf_dynptr};

} // namespace words

namespace results {

constexpr ResultRule nothing{ResultKind::nothing};
constexpr ResultRule integer{ResultKind::integer};
constexpr ResultRule count_or_error(std::uint8_t argument) {
    return {ResultKind::count_or_error, argument};
}
constexpr ResultRule cpu_number{ResultKind::cpu_number};
constexpr ResultRule map_value{ResultKind::map_value};
constexpr ResultRule map_value_or_null{ResultKind::map_value_or_null};
constexpr ResultRule socket_or_null{ResultKind::socket_or_null};
constexpr ResultRule sock_common_or_null{ResultKind::sock_common_or_null};
constexpr ResultRule tcp_sock_or_null{ResultKind::tcp_sock_or_null};
constexpr ResultRule ringbuf_mem_or_null{ResultKind::ringbuf_mem_or_null};
constexpr ResultRule dynptr_mem_or_null{ResultKind::dynptr_mem_or_null};
constexpr ResultRule btf_id(std::string_view type) { return {ResultKind::btf_id, 0, type}; }
constexpr ResultRule btf_id_or_null(std::string_view type) {
    return {ResultKind::btf_id_or_null, 0, type};
}
constexpr ResultRule trusted_btf_id(std::string_view type) {
    return {ResultKind::trusted_btf_id, 0, type};
}
constexpr ResultRule kptr_or_null{ResultKind::kptr_or_null};
constexpr ResultRule rdonly_mem_or_btf_id{ResultKind::rdonly_mem_or_btf_id};
constexpr ResultRule rdonly_mem_or_btf_id_or_null{ResultKind::rdonly_mem_or_btf_id_or_null};

} // namespace results

namespace effect_words {

constexpr Effects of(Effect effect) { return {static_cast<std::uint16_t>(effect), 0}; }
constexpr Effects no_effect{};
constexpr Effects acquires = of(Effect::acquires);
constexpr Effects moves_packet = of(Effect::moves_packet);
constexpr Effects may_sleep = of(Effect::may_sleep);
constexpr Effects calls_back = of(Effect::calls_back);
constexpr Effects locks = of(Effect::locks);
constexpr Effects unlocks = of(Effect::unlocks);
constexpr Effects fastcall = of(Effect::fastcall);
constexpr Effects releases(std::uint8_t argument) {
    return {static_cast<std::uint16_t>(Effect::releases), argument};
}

} // namespace effect_words

constexpr PacketPointers packet = PacketPointers::allowed;
constexpr PacketPointers no_packet = PacketPointers::refused;
constexpr Licence any_licence = Licence::any;
constexpr Licence gpl_only = Licence::gpl_only;

// Sets of callers. Their limits are gathered per set, so that a row can point at its own.
namespace caller_types {
using namespace program_sets;
#define CALLERS(name, types) constexpr ProgramTypeSet name = types;
#include "skep/spec/helpers/callers.def"
} // namespace caller_types

enum class CallerSetId : std::uint8_t {
#define CALLERS(name, types) name,
#include "skep/spec/helpers/callers.def"
};

struct LimitOfSet {
    CallerSetId set;
    CallerLimit limit;
};

constexpr auto limits_by_set() {
    using namespace attach_sets;
    std::array rows{
#define CALLERS_ONLY(name, type, attach_types, target)                                             \
    LimitOfSet{CallerSetId::name, CallerLimit{ProgramType::type, attach_types, target}},
#include "skep/spec/helpers/callers.def"
    };
    return rows;
}
constexpr auto kLimits = limits_by_set();
static_assert(std::ranges::is_sorted(kLimits, {}, &LimitOfSet::set),
              "CALLERS_ONLY rows stand in the order of the sets");

constexpr std::array kLimitRows = [] {
    std::array<CallerLimit, kLimits.size()> rows{};
    for (std::size_t i = 0; i < kLimits.size(); ++i) {
        rows[i] = kLimits[i].limit;
    }
    return rows;
}();

constexpr std::span<const CallerLimit> limits_of(CallerSetId set) {
    std::size_t first = 0;
    while (first < kLimits.size() && kLimits[first].set < set) {
        ++first;
    }
    std::size_t last = first;
    while (last < kLimits.size() && kLimits[last].set == set) {
        ++last;
    }
    return std::span(kLimitRows).subspan(first, last - first);
}

// Every set, in order; then each by its name, for the rows to point at.
constexpr std::array kCallerSets{
#define CALLERS(name, types) CallerSet{#name, caller_types::name, limits_of(CallerSetId::name)},
#include "skep/spec/helpers/callers.def"
};

namespace caller_rows {
// NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared stands in no parentheses
#define CALLERS(name, types)                                                                       \
    constexpr const CallerSet& name = kCallerSets[static_cast<std::size_t>(CallerSetId::name)];
// NOLINTEND(bugprone-macro-parentheses)
#include "skep/spec/helpers/callers.def"
} // namespace caller_rows

constexpr auto helper_rows() {
    using namespace words;
    using namespace effect_words;
    std::array rows{
#define HELPER(id, name, result, a1, a2, a3, a4, a5, packet, effects, licence, callers, support,   \
               since, says)                                                                        \
    HelperRow{Helper::name,                                                                        \
              "bpf_" #name,                                                                        \
              results::result,                                                                     \
              Arguments{a1, a2, a3, a4, a5},                                                       \
              packet,                                                                              \
              effects,                                                                             \
              licence,                                                                             \
              &caller_rows::callers,                                                               \
              support,                                                                             \
              since,                                                                               \
              says},
#include "skep/spec/helpers/all.def"
    };
    std::ranges::sort(rows, {}, &HelperRow::id);
    return rows;
}
constexpr auto kHelpers = helper_rows();

struct VariantRow {
    std::uint32_t id = 0;
    ProgramTypeSet types;
    Arguments arguments;
};

// The columns of a variant speak two vocabularies, so they are read twice.
constexpr auto variant_types() {
    using namespace program_sets;
    return std::array{
#define HELPER_VARIANT(id, a1, a2, a3, a4, a5, types) ProgramTypeSet(types),
#include "skep/spec/helpers/all.def"
    };
}

constexpr auto variant_rows() {
    using namespace words;
    constexpr auto types_of_rows = variant_types();
    std::array rows{
#define HELPER_VARIANT(id, a1, a2, a3, a4, a5, types)                                              \
    VariantRow{id, {}, Arguments{a1, a2, a3, a4, a5}},
#include "skep/spec/helpers/all.def"
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].types = types_of_rows[i];
    }
    return rows;
}
constexpr auto kVariants = variant_rows();

// The laws: ids are dense, so that a number is an index; a size follows memory and nothing else;
// what is released is an argument that can carry a reference; every row is offered to somebody.
constexpr bool takes_memory(ArgKind kind) {
    return kind == ArgKind::mem || kind == ArgKind::mem_or_null || kind == ArgKind::uninit_mem;
}
constexpr bool is_size(ArgKind kind) {
    return kind == ArgKind::const_size || kind == ArgKind::const_size_or_zero;
}

constexpr bool arguments_are_lawful(const Arguments& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const bool before_is_memory = i > 0 && takes_memory(arguments[i - 1].kind);
        if (before_is_memory != is_size(arguments[i].kind)) {
            return false;
        }
        if (i > 0 && arguments[i - 1].kind == ArgKind::none && arguments[i].kind != ArgKind::none) {
            return false;
        }
    }
    return !takes_memory(arguments[4].kind);
}

constexpr bool helper_rows_are_lawful() {
    for (std::size_t i = 0; i < kHelpers.size(); ++i) {
        const HelperRow& row = kHelpers[i];
        if (static_cast<std::size_t>(row.id) != i + 1 || row.says.empty() || row.since.empty() ||
            row.callers->types.empty() || !arguments_are_lawful(row.arguments) ||
            row.effects.has(Effect::releases) != (row.effects.released_argument != 0)) {
            return false;
        }
    }
    return true;
}
static_assert(kHelpers.size() == kHighestHelper);
static_assert(helper_rows_are_lawful());
static_assert([] {
    for (const VariantRow& row : kVariants) {
        if (row.id == 0 || row.id > kHighestHelper || !arguments_are_lawful(row.arguments)) {
            return false;
        }
    }
    return true;
}());

constexpr std::array kArgNames = std::to_array<std::string_view>({
    "none",
    "anything",
    "const_map_ptr",
    "map_key",
    "map_value",
    "map_value_or_null",
    "uninit_map_value",
    "mem",
    "mem_or_null",
    "uninit_mem",
    "fixed_mem",
    "uninit_fixed_mem",
    "const_size",
    "const_size_or_zero",
    "const_alloc_size_or_zero",
    "const_str",
    "ctx",
    "ctx_or_null",
    "sock_common",
    "socket_or_null",
    "btf_id_sock_common",
    "btf_id_sock_common_or_null",
    "btf_id",
    "btf_id_or_null",
    "percpu_btf_id",
    "ringbuf_mem",
    "spin_lock",
    "timer",
    "kptr",
    "kptr_or_null",
    "func",
    "stack_ptr_or_null",
    "dynptr",
    "ringbuf_dynptr",
    "new_local_dynptr",
    "new_ringbuf_dynptr",
});
static_assert(kArgNames.size() == static_cast<std::size_t>(ArgKind::new_ringbuf_dynptr) + 1);

constexpr std::array kResultNames = std::to_array<std::string_view>({
    "nothing",
    "integer",
    "count_or_error",
    "cpu_number",
    "map_value",
    "map_value_or_null",
    "socket_or_null",
    "sock_common_or_null",
    "tcp_sock_or_null",
    "ringbuf_mem_or_null",
    "dynptr_mem_or_null",
    "btf_id",
    "btf_id_or_null",
    "trusted_btf_id",
    "kptr_or_null",
    "rdonly_mem_or_btf_id",
    "rdonly_mem_or_btf_id_or_null",
});
static_assert(kResultNames.size() ==
              static_cast<std::size_t>(ResultKind::rdonly_mem_or_btf_id_or_null) + 1);

// "tcp|unix" names either; "tcp_congestion_ops except release" names a structure and a member that
// stays out: a target is then "tcp_congestion_ops.release".
bool target_fits(std::string_view rule, std::string_view target) {
    constexpr std::string_view kExcept = " except ";
    if (const std::size_t at = rule.find(kExcept); at != std::string_view::npos) {
        const std::string_view member = rule.substr(at + kExcept.size());
        if (target.ends_with(member) && target.size() > member.size() &&
            target[target.size() - member.size() - 1] == '.') {
            return false;
        }
        rule = rule.substr(0, at);
    }
    const std::string_view whole = target.substr(0, target.find('.'));
    while (!rule.empty()) {
        const std::size_t bar = rule.find('|');
        if (rule.substr(0, bar) == whole) {
            return true;
        }
        rule = bar == std::string_view::npos ? std::string_view{} : rule.substr(bar + 1);
    }
    return false;
}

} // namespace

std::span<const CallerSet> caller_sets() { return kCallerSets; }

std::span<const HelperRow> helpers() { return kHelpers; }

const HelperRow* find_helper(std::uint32_t id) {
    return id >= 1 && id <= kHelpers.size() ? &kHelpers[id - 1] : nullptr;
}

const HelperRow* helper_named(std::string_view name) {
    const auto at = std::ranges::find(kHelpers, name, &HelperRow::name);
    return at == kHelpers.end() ? nullptr : &*at;
}

const Arguments& arguments(const HelperRow& row, ProgramType type) {
    for (const VariantRow& variant : kVariants) {
        if (variant.id == static_cast<std::uint32_t>(row.id) && variant.types.contains(type)) {
            return variant.arguments;
        }
    }
    return row.arguments;
}

bool is_offered(const HelperRow& row, const CallerSite& caller) {
    if (!row.callers->types.contains(caller.type)) {
        return false;
    }
    return std::ranges::all_of(row.callers->limits, [&](const CallerLimit& limit) {
        return limit.type != caller.type ||
               (limit.attach_types.contains(caller.attach_type) &&
                (limit.target.empty() || target_fits(limit.target, caller.target)));
    });
}

std::string_view name_of(ArgKind kind) { return kArgNames[static_cast<std::size_t>(kind)]; }
std::string_view name_of(ResultKind kind) { return kResultNames[static_cast<std::size_t>(kind)]; }

} // namespace skep::spec
