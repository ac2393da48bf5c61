// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/probes/writer.hpp"

#include <optional>

#include "skep/spec/contexts/contexts.hpp"

namespace skep::tests::probes {
namespace {

using campaign::alu_imm;
using campaign::branch_imm;
using campaign::call_helper;
using campaign::load;
using campaign::mov;
using campaign::mov_imm;
using campaign::of_kind;
using campaign::store_imm;
using campaign::wide;
using spec::AccessRow;
using spec::Helper;
using spec::YieldKind;

constexpr std::int32_t kStackBytes = 64;
constexpr std::int32_t kDynptrAt = -80;

Insn call_of(Helper helper) { return call_helper(static_cast<std::int32_t>(helper)); }
Insn add_to(Reg reg, std::int32_t number) { return alu_imm(AluOp::add, Width::w64, reg, number); }

// The field of the caller's context that yields this, and how wide it is read.
struct Source {
    std::int16_t offset = -1;
    unsigned bytes = 0;
};
Source field_that_yields(const Caller& caller, YieldKind kind) {
    const spec::ContextId context = spec::find(caller.type)->context;
    if (context == spec::ContextId::none) {
        return {};
    }
    for (const AccessRow& row : spec::accesses(context)) {
        if (row.yields.kind == kind && row.programs.contains(caller.type) &&
            row.attach_types.contains(spec::AttachType{caller.attach_type})) {
            return {static_cast<std::int16_t>(row.field->offset),
                    (row.load & spec::kAligned8) != 0 ? 8U : 4U};
        }
    }
    return {};
}

} // namespace

std::string_view name_of(Offer offer) {
    constexpr std::array<std::string_view, kOffers> kNames{
        "unset",      "0",         "1",       "16",     "-1",
        "huge",       "unknown",   "0..15",   "fp-64",  "fp-8",
        "fp",         "fp-504",    "ctx",     "ctx+8",  "map",
        "value",      "value end", "value?",  "rodata", "packet",
        "packet end", "socket",    "socket?", "task",   "untrusted task",
        "record",     "record?",   "dynptr",  "lock",   "timer",
        "function",   "packet r=0"};
    return kNames.at(static_cast<std::size_t>(offer));
}

Writer::Writer(const Caller& caller)
    : caller_(caller), out_(draft_.label()), function_(draft_.label()) {
    add(mov(6, 1));
    for (std::int32_t at = -kStackBytes; at < 0; at += 8) {
        add(store_imm(8, kFramePointer, static_cast<std::int16_t>(at), 0));
    }
    add(wide(7, WideSource::map_value_index, kValueMap));
}

void Writer::unless_null(Reg reg) { draft_.add(branch_imm(JumpOp::jeq, Width::w64, reg, 0), out_); }

bool Writer::load_packet(bool checked) {
    const Source begin = field_that_yields(caller_, YieldKind::packet);
    const Source end = field_that_yields(caller_, YieldKind::packet_end);
    if (begin.offset < 0 || end.offset < 0) {
        return false;
    }
    add(load(begin.bytes, 8, 6, begin.offset));
    add(load(end.bytes, 0, 6, end.offset));
    if (checked) {
        add(mov(1, 8));
        add(add_to(1, kStackBytes));
        draft_.add(campaign::branch(JumpOp::jgt, Width::w64, 1, 0), out_);
    }
    return true;
}

bool Writer::load_socket(bool checked) {
    for (const YieldKind kind : {YieldKind::sock_common_or_null, YieldKind::socket_or_null}) {
        const Source socket = field_that_yields(caller_, kind);
        if (socket.offset >= 0) {
            add(load(socket.bytes, 8, 6, socket.offset));
            if (checked) {
                unless_null(8);
            }
            return true;
        }
    }
    return false;
}

bool Writer::load_packet_end() {
    const Source end = field_that_yields(caller_, YieldKind::packet_end);
    if (end.offset < 0) {
        return false;
    }
    add(load(end.bytes, 8, 6, end.offset));
    return true;
}

bool Writer::load_task(bool trusted) {
    constexpr std::int32_t kCurrentTask = 158; // bpf_get_current_task_btf
    const spec::CallerSite site{.type = caller_.type,
                                .attach_type = spec::AttachType{caller_.attach_type},
                                .sleepable = caller_.flags != 0,
                                .target = {}};
    if (!spec::is_offered(*spec::find_helper(kCurrentTask), site)) {
        return false;
    }
    add(call_helper(kCurrentTask));
    add(mov(8, 0));
    if (!trusted) {
        add(add_to(8, 8));
    }
    return true;
}

bool Writer::reserve_record(bool checked) {
    add(wide(1, WideSource::map_index, map_of_kind(spec::MapType::ringbuf)));
    add(mov_imm(2, kStackBytes));
    add(mov_imm(3, 0));
    add(call_of(Helper::ringbuf_reserve));
    add(mov(8, 0));
    if (checked) {
        unless_null(8);
    }
    return true;
}

bool Writer::make_dynptr() {
    add(mov(1, 7));
    add(mov_imm(2, kStackBytes));
    add(mov_imm(3, 0));
    add(mov(4, kFramePointer));
    add(add_to(4, kDynptrAt));
    add(call_of(Helper::dynptr_from_mem));
    return true;
}

bool Writer::look_up(std::uint32_t map, bool checked) {
    add(wide(1, WideSource::map_index, map));
    add(mov(2, kFramePointer));
    add(add_to(2, -kStackBytes));
    add(store_imm(4, kFramePointer, -kStackBytes, 7)); // not in the array: may be null
    add(call_of(Helper::map_lookup_elem));
    add(mov(8, 0));
    if (checked) {
        unless_null(8);
    }
    return true;
}

bool Writer::prepare(Offer offer) {
    if (offer == Offer::packet || offer == Offer::packet_unchecked) {
        return load_packet(offer == Offer::packet);
    }
    if (offer == Offer::packet_end) {
        return load_packet_end();
    }
    if (offer == Offer::socket || offer == Offer::socket_or_null) {
        return load_socket(offer == Offer::socket);
    }
    if (offer == Offer::task || offer == Offer::task_untrusted) {
        return load_task(offer == Offer::task);
    }
    if (offer == Offer::record || offer == Offer::record_or_null) {
        return reserve_record(offer == Offer::record);
    }
    if (offer == Offer::dynptr) {
        return make_dynptr();
    }
    const bool is_value = offer == Offer::map_value_or_null;
    return look_up(is_value ? kValueMap : offer == Offer::lock ? kLockMap : kTimerMap, !is_value);
}

void Writer::fill(Reg reg, Offer offer, std::uint32_t map) {
    struct Move {
        Offer offer;
        Reg from;
        std::int32_t added;
    };
    constexpr Move kMoves[] = {{Offer::stack, kFramePointer, -kStackBytes},
                               {Offer::stack_high, kFramePointer, -8},
                               {Offer::stack_end, kFramePointer, 0},
                               {Offer::unwritten_stack, kFramePointer, -504},
                               {Offer::dynptr, kFramePointer, kDynptrAt},
                               {Offer::context, 6, 0},
                               {Offer::context_moved, 6, 8},
                               {Offer::map_value, 7, 0},
                               {Offer::map_value_end, 7, kStackBytes - 4}};
    constexpr std::pair<Offer, std::int32_t> kNumbers[] = {{Offer::zero, 0},
                                                           {Offer::one, 1},
                                                           {Offer::sixteen, 16},
                                                           {Offer::minus_one, -1},
                                                           {Offer::huge, 1 << 20}};
    for (const Move& move : kMoves) {
        if (move.offer == offer) {
            add(mov(reg, move.from));
            if (move.added != 0) {
                add(add_to(reg, move.added));
            }
            return;
        }
    }
    for (const auto& [named, number] : kNumbers) {
        if (named == offer) {
            add(mov_imm(reg, number));
            return;
        }
    }
    if (offer == Offer::unknown_number || offer == Offer::small_number) {
        add(load(8, reg, 7, 0));
        if (offer == Offer::small_number) {
            add(alu_imm(AluOp::and_, Width::w64, reg, 15));
        }
    } else if (offer == Offer::map) {
        add(wide(reg, WideSource::map_index, map));
    } else if (offer == Offer::read_only_value) {
        add(wide(reg, WideSource::map_value_index, kTextMap));
    } else if (offer == Offer::function) {
        draft_.add(wide(reg, WideSource::function, 0), function_);
        function_named_ = true;
    } else if (offer != Offer::unset) {
        add(mov(reg, 8));
    }
}

ProgramSpec Writer::finish() {
    draft_.place(out_);
    add(mov_imm(0, allowed_answer(caller_)));
    add(of_kind(InsnKind::exit));
    draft_.place(function_);
    if (function_named_) {
        add(mov_imm(0, 0));
        add(of_kind(InsnKind::exit));
    }
    return program_of(caller_, draft_.link());
}

bool write_call(const Caller& caller, const CallProbe& call, Probe& probe) {
    Writer writer(caller);
    std::optional<Offer> kept; // R8 holds one thing
    for (const Offer offer : call.offers) {
        const bool is_made = offer == Offer::map_value_or_null || offer >= Offer::packet;
        if (!is_made || offer == Offer::function || offer == kept) {
            continue;
        }
        if ((offer != Offer::dynptr && kept.has_value()) || !writer.prepare(offer)) {
            return false;
        }
        if (offer != Offer::dynptr) {
            kept = offer;
        }
    }
    for (Reg reg = 5; reg >= 1; --reg) {
        writer.fill(reg, call.offers.at(reg - 1U), call.map);
    }
    writer.add(call.call);
    probe.program = writer.finish();
    return true;
}

} // namespace skep::tests::probes
