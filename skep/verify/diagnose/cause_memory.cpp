// SPDX-License-Identifier: Apache-2.0
//
// Causes of refused accesses: pointers that may be null, packets, bounds, what was never written.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "skep/spec/helpers.hpp"
#include "skep/verify/diagnose/cause.hpp"

namespace skep::verify {
namespace {

bool is_packet_comparison(const Trail& trail, std::size_t step, std::uint32_t id) {
    const Insn& insn = trail.insn(step);
    if (insn.kind != InsnKind::jump || insn.source != Source::reg) {
        return false;
    }
    const State& before = trail.steps()[step].before;
    const Value& a = before.reg(insn.dst);
    const Value& b = before.reg(insn.src);
    const Value& pointer = a.is(ValueKind::packet_end) ? b : a;
    const Value& end = a.is(ValueKind::packet_end) ? a : b;
    return end.is(ValueKind::packet_end) && pointer.is_any_packet() && pointer.id == id;
}

bool moves_packet(const Insn& insn) {
    const spec::HelperRow* row = insn.kind == InsnKind::call_helper
                                     ? spec::find_helper(static_cast<std::uint32_t>(insn.imm))
                                     : nullptr;
    return row != nullptr && row->effects.has(spec::Effect::moves_packet);
}

// The type of what a map value or a typed object points at, for names of fields.
Field field_of(const Cause& cause, const Value& pointer, std::int64_t offset) {
    const btf::Btf* types = cause.subject.environment.program_types;
    if (!pointer.is(ValueKind::map_value) || types == nullptr || offset < 0 ||
        offset > std::numeric_limits<std::uint32_t>::max()) {
        return {};
    }
    const spec::MapSpec& map = cause.subject.map(pointer.map());
    return map.btf_value_type_id == 0 || !types->has(map.btf_value_type_id)
               ? Field{}
               : field_at(*types, map.btf_value_type_id, static_cast<std::uint32_t>(offset));
}

std::string_view end_of_packet(const Cause& cause) {
    return cause.value.is(ValueKind::packet_meta) ? "data" : "data_end";
}

// By the variable that the line goes through, whole, as `(void *)(eth + 1) > data_end`: its other
// fields are there then too. Without one, by the packet's start when the place is fixed.
std::string packet_test(const Cause& cause, std::int64_t needed) {
    const Place& place = cause.finding.place;
    const std::string context = context_name(cause.subject);
    const std::string end = fmt::format("(void *)(long){}->{}", context, end_of_packet(cause));
    if (const auto element = constant_element(place.source, place.column)) {
        return fmt::format("if ((void *)({} + {}) > {}) {}", element->array, element->index + 1,
                           end, cause.leave());
    }
    if (const auto name = dereferenced_name(place.source, place.column)) {
        return fmt::format("if ((void *)({} + 1) > {}) {}", *name, end, cause.leave());
    }
    const bool from_start = cause.value.id == 0 && cause.value.number.is_zero() &&
                            !cause.value.is(ValueKind::packet_meta);
    return from_start ? fmt::format("if ((void *)(long){}->data + {} > {}) {}", context, needed,
                                    end, cause.leave())
                      : std::string{};
}

} // namespace

void explain_null(Cause& cause) {
    const auto name = cause.name();
    const std::string called = cause.name_or_register();
    if (cause.made.has_value()) {
        const std::string callee = cause.callee(*cause.made);
        const std::string map = cause.value.is(ValueKind::map_value)
                                    ? cause.subject.map(cause.value.map()).name
                                    : std::string{};
        cause.note(*cause.made,
                   callee.empty() ? fmt::format("{} comes from here", called)
                   : map.empty()
                       ? fmt::format("{} is what {} gives, or null", called, callee)
                       : fmt::format("{} is what {} gives: null when map `{}` has no such entry",
                                     called, callee, map));
    }
    cause.finding.because = fmt::format("{} is {}, and no test on this path has told which", called,
                                        described(cause.subject, cause.value));
    if (name.has_value()) {
        const std::string test = fmt::format("if (!{}) {}", *name, cause.leave());
        cause.finding.suggestion = fmt::format("test it before this line: {}", test);
        cause.insert_before(cause.finding.place, test);
    }
}

void explain_packet(Cause& cause) {
    if (!cause.value.is_any_packet() || cause.value.number.s.min < 0) {
        return;
    }
    const bool is_access = cause.insn.kind == InsnKind::load ||
                           cause.insn.kind == InsnKind::store_reg ||
                           cause.insn.kind == InsnKind::store_imm;
    const std::int64_t needed =
        is_access ? std::int64_t{cause.value.offset} + cause.insn.offset + cause.insn.size_bytes
                  : 0;
    const auto compared = cause.trail.last(cause.step, [&cause](std::size_t step) {
        return is_packet_comparison(cause.trail, step, cause.value.id);
    });
    const std::string from = cause.value.id == 0 ? "the packet's start" : "the pointer's base";
    if (compared.has_value()) {
        cause.note(*compared, fmt::format("this comparison proves {} bytes from {}",
                                          std::max(0, cause.value.range), from));
    } else if (cause.made.has_value()) {
        cause.note(*cause.made, fmt::format("{} comes from here, and is never compared with {}",
                                            cause.name_or_register(), end_of_packet(cause)));
    }
    if (!is_access) {
        return;
    }
    cause.finding.because =
        fmt::format("{} bytes from {} are needed, and {} were proved to be there", needed, from,
                    std::max(0, cause.value.range));
    const std::string test = packet_test(cause, needed);
    if (!test.empty()) {
        cause.finding.suggestion = fmt::format("before this line: {}", test);
        cause.insert_before(cause.finding.place, test);
    }
}

namespace {

// The number that takes a pointer out of bounds: where it was added, and where it came from.
struct Index {
    Trail::Moved moved;
    std::optional<std::size_t> begun;
    std::optional<std::string> name;
    bool may_be_negative = false;
};

std::optional<Index> index_of(const Cause& cause) {
    if (!cause.reg.has_value()) {
        return std::nullopt;
    }
    std::optional<Trail::Moved> moved = cause.trail.moved(cause.step, *cause.reg);
    if (cause.insn.kind == InsnKind::alu && cause.insn.source == Source::reg) { // refused as added
        const bool points = cause.refused.state.reg(cause.insn.dst).is_pointer();
        moved = Trail::Moved{cause.step, points ? cause.insn.src : cause.insn.dst};
    }
    if (!moved.has_value()) {
        return std::nullopt;
    }
    Index index{*moved, cause.trail.begun(moved->step, moved->index), std::nullopt, false};
    index.name = index_name(cause.finding.place.source, cause.finding.place.column);
    if (!index.name.has_value()) {
        index.name = index_name(cause.place(moved->step).source, 0);
    }
    const Value& added = cause.trail.steps()[moved->step].before.reg(moved->index);
    index.may_be_negative = added.is_scalar() && added.number.s.min < 0;
    return index;
}

void note_index(const Cause& cause, const Index& index, const std::string& called) {
    if (!index.begun.has_value()) {
        return;
    }
    const State& after = cause.trail.steps()[*index.begun + 1].before;
    cause.note(*index.begun, fmt::format("{} comes from here: {}", called,
                                         described(cause.subject,
                                                   after.reg(cause.trail.insn(*index.begun).dst))));
    const auto compared = cause.trail.last(index.moved.step, [&](std::size_t step) {
        const Insn& insn = cause.trail.insn(step);
        return insn.kind == InsnKind::jump && step > *index.begun &&
               cause.trail.begun(step, insn.dst) == index.begun;
    });
    if (compared.has_value()) {
        cause.note(*compared, index.may_be_negative
                                  ? "this comparison bounds it from above, not from below"
                                  : "this comparison does not bound it enough");
    }
}

} // namespace

void explain_bounds(Cause& cause) {
    const auto index = index_of(cause);
    if (!index.has_value()) {
        return;
    }
    const Value& pointer =
        cause.insn.kind == InsnKind::alu ? cause.refused.state.reg(cause.insn.dst) : cause.value;
    const std::string called =
        index->name.has_value() ? fmt::format("`{}`", *index->name) : "the index";
    note_index(cause, *index, called);
    const std::int32_t displacement = cause.insn.kind == InsnKind::alu ? 0 : cause.insn.offset;
    const Field field = field_of(cause, pointer, std::int64_t{pointer.offset} + displacement);
    const std::string array = field.array_count == 0
                                  ? std::string{}
                                  : fmt::format(", an array of {} elements", field.array_count);
    const std::string place =
        field.path.empty() ? std::string{} : fmt::format(" at `{}`{}", field.path, array);
    cause.finding.because = fmt::format(
        "{} moves {}{}, and {}", called, described(cause.subject, pointer), place,
        index->may_be_negative ? "may be negative" : "nothing on this path keeps it inside");
    if (index->name.has_value() && field.array_count != 0) {
        const std::string& name = *index->name;
        const std::string test =
            index->may_be_negative
                ? fmt::format("if ({0} < 0 || {0} >= {1}) {2}", name, field.array_count,
                              cause.leave())
                : fmt::format("if ({} >= {}) {}", name, field.array_count, cause.leave());
        cause.finding.suggestion = fmt::format("before this line: {}", test);
        cause.insert_before(cause.finding.place, test);
    }
}

// A number where a pointer was: made a number by a call that moves the packet, or never one.
void explain_wrong_pointer(Cause& cause) {
    if (!cause.value.is_scalar() || !cause.reg.has_value()) {
        return;
    }
    const auto moved = cause.trail.last(
        cause.step, [&cause](std::size_t step) { return moves_packet(cause.trail.insn(step)); });
    const bool was_packet = moved.has_value() && (!cause.made.has_value() || *cause.made < *moved);
    if (was_packet) {
        const std::string context = context_name(cause.subject);
        cause.note(*moved, fmt::format("{} may move the packet: pointers into it end here",
                                       cause.callee(*moved)));
        cause.finding.what = "a packet pointer is used after the packet may have moved";
        cause.finding.suggestion = fmt::format(
            "after the call take {0}->data and {0}->data_end again, and compare again", context);
        return;
    }
    if (cause.made.has_value()) {
        cause.note(*cause.made, fmt::format("{} comes from here, as {}", cause.name_or_register(),
                                            described(cause.subject, cause.value)));
    }
    cause.finding.because =
        fmt::format("{} is {}, and a number is no pointer", cause.name_or_register(),
                    described(cause.subject, cause.value));
}

void explain_unset(Cause& cause) {
    if (!cause.reg.has_value()) {
        return;
    }
    if (cause.insn.kind == InsnKind::exit) {
        cause.finding.what = "the function ends without returning a value";
        cause.finding.suggestion = "end it with a return on every path: return 0;";
    }
    if (!cause.made.has_value()) {
        return;
    }
    const Insn& maker = cause.trail.insn(*cause.made);
    const bool is_call = maker.kind == InsnKind::call_helper ||
                         maker.kind == InsnKind::call_kfunc ||
                         maker.kind == InsnKind::call_subprogram || maker.kind == InsnKind::exit;
    if (is_call) {
        cause.note(*cause.made,
                   *cause.reg == 0 ? "this call returns nothing" : "a call leaves R1 to R5 empty");
    }
}

void explain_stack(Cause& cause) {
    const std::string& source = cause.finding.place.source;
    const std::string callee = cause.callee(cause.step);
    if (callee.empty() || !cause.reg.has_value() || *cause.reg == 0) {
        return;
    }
    const auto call = call_in(source, callee);
    const std::size_t argument = *cause.reg - 1U;
    if (!call.has_value() || argument >= call->arguments.size()) {
        return;
    }
    const std::string& text = call->arguments[argument];
    if (!text.starts_with('&') || !is_identifier(std::string_view(text).substr(1))) {
        return;
    }
    const std::string name = text.substr(1);
    // The first store into it is where it begins to be filled.
    const Value& pointer = cause.value;
    std::size_t first = cause.step;
    for (std::size_t step = 0; step < cause.step; ++step) {
        const Insn& insn = cause.trail.insn(step);
        const bool stores = insn.kind == InsnKind::store_reg || insn.kind == InsnKind::store_imm;
        const Value base =
            stores ? cause.trail.steps()[step].before.reg(insn.dst) : Value::uninitialised();
        constexpr std::int64_t kNear = 64;
        const std::int64_t distance =
            std::int64_t{base.offset} + insn.offset - std::int64_t{pointer.offset};
        if (stores && base.is(ValueKind::stack) && base.frame == pointer.frame && distance >= 0 &&
            distance < kNear) {
            first = step;
            break;
        }
    }
    const std::string clear = fmt::format("__builtin_memset(&{0}, 0, sizeof({0}));", name);
    cause.finding.because = fmt::format(
        "{} reads all of `{}`, the padding between its fields too, and not all of it was written",
        callee, name);
    cause.finding.suggestion = fmt::format("clear it before it is filled: {}", clear);
    if (first != cause.step) {
        cause.note(first, fmt::format("`{}` begins to be filled here", name));
    }
    cause.insert_before(cause.place(first), clear);
}

void explain_mixed(Cause& cause) {
    if (cause.made.has_value()) {
        cause.note(*cause.made, fmt::format("on this path the address comes from here: {}",
                                            described(cause.subject, cause.value)));
    }
    cause.finding.suggestion =
        "keep the compiler from joining the two accesses: put asm volatile(\"\" ::: \"memory\"); "
        "after one of them, or do each in its own branch through a volatile pointer";
}

} // namespace skep::verify
