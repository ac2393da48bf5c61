// SPDX-License-Identifier: Apache-2.0
//
// The context tables, put together, and their laws.
#include "skep/spec/contexts/contexts.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::spec {
namespace {

// The words of the load and store columns.
namespace widths {
constexpr Widths operator|(Widths a, Widths b) {
    return static_cast<Widths>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Widths none = kNoWidth;
constexpr Widths byte = kAligned1;
constexpr Widths word = kAligned4;
constexpr Widths quad = kAligned8;
constexpr Widths half_word = kAligned2 | kAligned4;
constexpr Widths word_quad = kAligned4 | kAligned8;
constexpr Widths narrow = kAligned1 | kAligned2 | kAligned4;
constexpr Widths narrow_quad = narrow | kAligned8;
constexpr Widths head = kFirst1 | kFirst2 | kAligned4;
constexpr Widths port = kAligned1 | kAligned2 | kFirst4;
constexpr Widths unaligned = kUnaligned;
} // namespace widths

namespace yields_words {
constexpr Yield number{YieldKind::number};
constexpr Yield packet{YieldKind::packet};
constexpr Yield packet_end{YieldKind::packet_end};
constexpr Yield packet_meta{YieldKind::packet_meta};
constexpr Yield socket{YieldKind::socket};
constexpr Yield socket_or_null{YieldKind::socket_or_null};
constexpr Yield sock_common_or_null{YieldKind::sock_common_or_null};
constexpr Yield flow_keys{YieldKind::flow_keys};
constexpr Yield tracepoint_buffer{YieldKind::tracepoint_buffer};
constexpr Yield trusted(std::string_view type) { return {YieldKind::trusted, type}; }
} // namespace yields_words

// The words of the programs column beside the program types themselves.
namespace caller_words {
using namespace program_sets;
constexpr ProgramTypeSet any_program{~0ULL};
constexpr ProgramTypeSet tc = sched_cls | sched_act;
constexpr ProgramTypeSet lwt = lwt_in | lwt_out | lwt_xmit | lwt_seg6local;
constexpr ProgramTypeSet skb_readers = socket_filter | tc | cgroup_skb | lwt | sk_skb;
} // namespace caller_words

constexpr std::array kContexts{
#define CONTEXT(context, structure, bytes, says)                                                   \
    Context{ContextId::context, #context, structure, bytes, says},
#include "skep/spec/contexts/all.def"
};

// The host's record of a context; a context without one has only no_host cells.
struct NoRecord {};
template <ContextId id>
struct HostRecord {
    using Type = NoRecord;
};
template <>
struct HostRecord<ContextId::xdp> {
    using Type = HostXdp;
};
template <>
struct HostRecord<ContextId::skb> {
    using Type = HostSkb;
};
template <ContextId id>
using HostOf = typename HostRecord<id>::Type;

constexpr HostField no_host{};

#define HOST(field)                                                                                \
    HostField { offsetof(Record, field), sizeof(Record::field) }
constexpr std::array kFields{
#define FIELD(context, field, offset, bytes, host, says)                                           \
    [] {                                                                                           \
        using Record [[maybe_unused]] = HostOf<ContextId::context>;                                \
        return ContextField{ContextId::context, #field, offset, bytes, host, says};                \
    }(),
#include "skep/spec/contexts/all.def"
};
#undef HOST

constexpr const ContextField* field_named(ContextId context, std::string_view name) {
    for (const ContextField& field : kFields) {
        if (field.context == context && field.name == name) {
            return &field;
        }
    }
    return nullptr;
}

// The columns speak three vocabularies with words in common, so they are read one by one.
constexpr std::array kFieldColumn{
#define ACCESS(context, field, load, store, yields, programs, ...)                                 \
    field_named(ContextId::context, #field),
#include "skep/spec/contexts/all.def"
};
constexpr std::array kLoadColumn = [] {
    using namespace widths;
    return std::array{
#define ACCESS(context, field, load, store, yields, programs, ...) load,
#include "skep/spec/contexts/all.def"
    };
}();
constexpr std::array kStoreColumn = [] {
    using namespace widths;
    return std::array{
#define ACCESS(context, field, load, store, yields, programs, ...) store,
#include "skep/spec/contexts/all.def"
    };
}();
constexpr std::array kYieldColumn{
#define ACCESS(context, field, load, store, yields, programs, ...) Yield(yields_words::yields),
#include "skep/spec/contexts/all.def"
};
constexpr std::array kProgramColumn = [] {
    using namespace caller_words;
    return std::array{
#define ACCESS(context, field, load, store, yields, programs, ...) ProgramTypeSet(programs),
#include "skep/spec/contexts/all.def"
    };
}();
constexpr std::array kAttachColumn = [] {
    using namespace attach_sets;
    return std::array{
#define ACCESS(context, field, load, store, yields, programs, ...) AttachTypeSet(__VA_ARGS__),
#include "skep/spec/contexts/all.def"
    };
}();

constexpr std::array kAccesses = [] {
    std::array<AccessRow, kFieldColumn.size()> rows{};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = {kFieldColumn[i], kLoadColumn[i],    kStoreColumn[i],
                   kYieldColumn[i], kProgramColumn[i], kAttachColumn[i]};
    }
    return rows;
}();

// The laws: contexts stand in the order of their ids; every access names a field of its context;
// fields lie inside their structure.
static_assert([] {
    for (std::size_t i = 0; i < kContexts.size(); ++i) {
        if (static_cast<std::size_t>(kContexts[i].id) != i + 1 || kContexts[i].says.empty()) {
            return false;
        }
    }
    return true;
}());
static_assert([] {
    for (const ContextField& field : kFields) {
        const Context& context = kContexts[static_cast<std::size_t>(field.context) - 1];
        if (field.says.empty() || field.bytes == 0 || field.offset + field.bytes > context.bytes) {
            return false;
        }
    }
    return std::ranges::is_sorted(kFields, {}, &ContextField::context);
}());
static_assert([] {
    for (const AccessRow& row : kAccesses) {
        if (row.field == nullptr || row.programs.empty() || row.attach_types.empty() ||
            (row.load == kNoWidth && row.store == kNoWidth)) {
            return false;
        }
    }
    return std::ranges::is_sorted(kAccesses, {},
                                  [](const AccessRow& row) { return row.field->context; });
}());

// By context: the first row of it or of a later one, since a verifier asks at every access.
constexpr auto kFirstAccess = [] {
    std::array<std::uint16_t, kContexts.size() + 2> first{};
    for (std::size_t id = 0; id < first.size(); ++id) {
        while (first[id] < kAccesses.size() &&
               static_cast<std::size_t>(kAccesses[first[id]].field->context) < id) {
            ++first[id];
        }
    }
    return first;
}();

template <class Row, class Projection>
std::span<const Row> rows_of(std::span<const Row> rows, ContextId id, Projection context_of) {
    // Not equal_range: its answer, a subrange, is beyond clang 14 with this library.
    const auto first = std::ranges::lower_bound(rows, id, {}, context_of);
    const auto last = std::ranges::upper_bound(rows, id, {}, context_of);
    return {first, last};
}

bool width_fits(Widths allowed, const ContextField& field, const AccessQuery& query) {
    const auto offset = static_cast<std::uint64_t>(query.offset);
    const bool inside = offset + query.bytes <= std::uint64_t{field.offset} + field.bytes;
    if ((allowed & kUnaligned) != 0) {
        return inside;
    }
    const unsigned index = query.bytes == 1 ? 0 : query.bytes == 2 ? 1 : query.bytes == 4 ? 2 : 3;
    if ((allowed & (static_cast<unsigned>(kAligned1) << index)) != 0 && inside &&
        offset % query.bytes == 0) {
        return true;
    }
    return index < 3 && (allowed & (static_cast<unsigned>(kFirst1) << index)) != 0 &&
           offset == field.offset;
}

} // namespace

std::span<const Context> contexts() { return kContexts; }

const Context& context(ContextId id) { return kContexts[static_cast<std::size_t>(id) - 1]; }

std::span<const ContextField> fields(ContextId id) {
    return rows_of(std::span<const ContextField>(kFields), id, &ContextField::context);
}

std::span<const AccessRow> accesses(ContextId id) {
    const auto first = kFirstAccess.begin() + static_cast<std::ptrdiff_t>(id);
    return std::span<const AccessRow>(kAccesses).subspan(first[0], first[1] - first[0]);
}

const AccessRow* find_access(const AccessQuery& query) {
    for (const AccessRow& row : accesses(query.context)) {
        const ContextField& field = *row.field;
        if (query.offset < field.offset ||
            query.offset >= std::int64_t{field.offset} + field.bytes ||
            !row.programs.contains(query.program) || !row.attach_types.contains(query.attach)) {
            continue;
        }
        if (width_fits(query.direction == AccessDirection::load ? row.load : row.store, field,
                       query)) {
            return &row;
        }
    }
    return nullptr;
}

} // namespace skep::spec
