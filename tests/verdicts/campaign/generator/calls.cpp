// SPDX-License-Identifier: Apache-2.0
//
// Pieces that call: look-ups with their tests, any helper by its row, subprograms and callbacks.
#include <algorithm>

#include "skep/spec/helpers.hpp"
#include "skep/spec/helpers/callbacks.hpp"
#include "tests/verdicts/campaign/generator/pieces.hpp"

namespace skep::tests::campaign {
namespace {

using spec::ArgKind;
using spec::ResultKind;

constexpr std::int32_t kLookUp = 1;

struct MapShape {
    unsigned key = 0;
    unsigned value = 0;
};

MapShape shape_of(std::int32_t map) {
    static const load::ObjectSpec kWorld = generated_world_object();
    const spec::MapSpec& spec = kWorld.maps.at(static_cast<std::size_t>(map)).spec;
    return {spec.key_size_bytes, spec.value_size_bytes};
}

std::int32_t any_map_for(Writer& writer, const Site& site, std::int32_t helper) {
    static const load::ObjectSpec kWorld = generated_world_object();
    const spec::MapTypeSet set = spec::maps_of_helper(static_cast<std::uint32_t>(helper));
    std::int32_t map = 0;
    for (unsigned tries = 0; tries < 20; ++tries) {
        map = static_cast<std::int32_t>(writer.below(kGeneratedMapCount));
        // A program array keeps the type of the first program that names it.
        if (map == kProgramsMap && site.program.type != spec::ProgramType::xdp) {
            map = kArrayMap;
        }
        if (set.contains(kWorld.maps.at(static_cast<std::size_t>(map)).spec.type) ||
            writer.wrong()) {
            break;
        }
    }
    return map;
}

// One argument after the other, into R1 to R5.
class Arguments {
  public:
    Arguments(Writer& writer, const Site& site, const spec::HelperRow& row)
        : writer_(writer), site_(site), row_(row), kinds_(spec::arguments(row, site.program.type)) {
    }

    // False when an argument cannot be had.
    bool write() {
        for (std::size_t at = 0; at < kinds_.size(); ++at) {
            if (!write_one(at) && !writer_.one_in(40)) {
                return false;
            }
        }
        return true;
    }

  private:
    bool write_one(std::size_t at) {
        const auto reg = static_cast<Reg>(at + 1);
        const ArgKind kind = kinds_.at(at).kind;
        const unsigned fixed = kinds_.at(at).bytes;
        if (kind == ArgKind::none) {
            return true;
        }
        if (kind == ArgKind::map_key) {
            return memory(reg, shape_of(map_).key, true);
        }
        if (kind == ArgKind::map_value || kind == ArgKind::map_value_or_null) {
            return memory(reg, shape_of(map_).value, true);
        }
        if (kind == ArgKind::uninit_map_value) {
            return memory(reg, shape_of(map_).value, false);
        }
        if (kind == ArgKind::mem || kind == ArgKind::mem_or_null || kind == ArgKind::uninit_mem) {
            size_ = 1 + writer_.below(64);
            return memory(reg, size_, kind != ArgKind::uninit_mem);
        }
        if (kind == ArgKind::fixed_mem || kind == ArgKind::uninit_fixed_mem) {
            return memory(reg, fixed, kind == ArgKind::fixed_mem);
        }
        if (kind == ArgKind::const_size || kind == ArgKind::const_size_or_zero ||
            kind == ArgKind::const_alloc_size_or_zero) {
            return size(reg, kind);
        }
        return write_other(reg, kind);
    }

    bool write_other(Reg reg, ArgKind kind) {
        if (kind == ArgKind::anything) {
            const auto small = static_cast<std::int32_t>(writer_.below(3));
            writer_.code.add(writer_.one_in(3) ? mov(reg, safe_source(reg)) : mov_imm(reg, small));
            return done(reg, Kind::number);
        }
        if (kind == ArgKind::const_map_ptr) {
            map_ = any_map_for(writer_, site_, static_cast<std::int32_t>(row_.id));
            writer_.code.add(wide(reg, WideSource::map_index, static_cast<std::uint32_t>(map_)));
            return done(reg, Kind::map);
        }
        if (kind == ArgKind::ctx || kind == ArgKind::ctx_or_null) {
            return from(reg, Kind::context);
        }
        if (kind == ArgKind::const_str) {
            writer_.code.add(wide(reg, WideSource::map_value_index,
                                  writer_.one_in(2) ? kConstantMap : kFormatMap));
            return done(reg, Kind::value);
        }
        if (kind == ArgKind::func) {
            return callback(reg);
        }
        if (kind == ArgKind::stack_ptr_or_null && writer_.one_in(2)) {
            writer_.code.add(mov_imm(reg, 0));
            return done(reg, Kind::number);
        }
        if (kind == ArgKind::stack_ptr_or_null) {
            return memory(reg, 8 * (1 + writer_.below(4)), true);
        }
        static constexpr ArgKind kObjects[] = {ArgKind::sock_common,
                                               ArgKind::socket_or_null,
                                               ArgKind::btf_id_sock_common,
                                               ArgKind::btf_id_sock_common_or_null,
                                               ArgKind::btf_id,
                                               ArgKind::btf_id_or_null};
        const bool object =
            std::find(std::begin(kObjects), std::end(kObjects), kind) != std::end(kObjects);
        return object && from(reg, Kind::object);
    }

    bool callback(Reg reg) {
        Pending pending;
        pending.label = writer_.code.label();
        pending.depth = site_.depth + 1;
        pending.is_callback = true;
        callback_arguments(pending.arguments);
        writer_.code.add(wide(reg, WideSource::function, 0), pending.label);
        site_.pending->push_back(pending);
        return done(reg, Kind::number);
    }

    static Known handed(spec::CallbackArgument argument, MapShape shape) {
        using spec::CallbackArgument;
        if (argument == CallbackArgument::number) {
            return {Kind::number, kNoLimit};
        }
        if (argument == CallbackArgument::key || argument == CallbackArgument::value) {
            return {Kind::value, argument == CallbackArgument::key ? shape.key : shape.value};
        }
        return argument == CallbackArgument::context ? Known{Kind::memory, 8} : Known{};
    }

    void callback_arguments(std::array<Known, 5>& arguments) const {
        const spec::CallbackRow* row = spec::find_callback(row_.id);
        for (std::size_t at = 0; row != nullptr && at < arguments.size(); ++at) {
            arguments.at(at) = handed(row->arguments.at(at), shape_of(map_));
        }
    }

    // A register that no earlier argument was put into.
    Reg safe_source(Reg reg) {
        const Reg source = writer_.any_set();
        return source < reg && source != 0 ? Reg{kFramePointer} : source;
    }

    bool from(Reg reg, Kind kind) {
        const auto source = writer_.holding(kind);
        if (!source.has_value()) {
            return false;
        }
        if (*source != reg) {
            writer_.code.add(mov(reg, *source));
        }
        return done(reg, writer_.of(*source).kind);
    }

    bool memory(Reg reg, unsigned bytes, bool filled) {
        const auto value = writer_.holding(Kind::value);
        const auto packet = writer_.holding(Kind::packet);
        if (value.has_value() && *value >= 6 && writer_.of(*value).limit >= bytes &&
            writer_.one_in(3)) {
            writer_.code.add(mov(reg, *value));
        } else if (packet.has_value() && *packet >= 6 && writer_.of(*packet).limit >= bytes &&
                   writer_.one_in(3)) {
            writer_.code.add(mov(reg, *packet));
        } else {
            write_stack_address(writer_, reg, bytes == 0 ? 8 : bytes, filled);
        }
        return done(reg, Kind::memory);
    }

    bool size(Reg reg, ArgKind kind) {
        if (kind != ArgKind::const_alloc_size_or_zero && writer_.one_in(3)) {
            const auto number = writer_.holding(Kind::number);
            if (number.has_value() && *number >= 6) {
                writer_.code.add(mov(reg, *number));
                write_bound(writer_, site_, reg, size_);
                return done(reg, Kind::number);
            }
        }
        writer_.code.add(
            mov_imm(reg, static_cast<std::int32_t>(size_ + (writer_.one_in(25) ? 1 : 0))));
        return done(reg, Kind::number);
    }

    bool done(Reg reg, Kind kind) {
        writer_.set(reg, kind, 0);
        return true;
    }

    Writer& writer_;
    const Site& site_;
    const spec::HelperRow& row_;
    const spec::Arguments& kinds_;
    std::int32_t map_ = 0;
    unsigned size_ = 8;
};

Known result_of(ResultKind kind) {
    if (kind == ResultKind::nothing) {
        return {};
    }
    if (kind == ResultKind::integer || kind == ResultKind::count_or_error ||
        kind == ResultKind::cpu_number) {
        return {Kind::number, kNoLimit};
    }
    if (kind == ResultKind::map_value) {
        return {Kind::value, 8};
    }
    if (kind == ResultKind::map_value_or_null || kind == ResultKind::ringbuf_mem_or_null ||
        kind == ResultKind::dynptr_mem_or_null) {
        return {Kind::value_or_null, 8};
    }
    const bool sure = kind == ResultKind::btf_id || kind == ResultKind::trusted_btf_id ||
                      kind == ResultKind::rdonly_mem_or_btf_id;
    return {sure ? Kind::object : Kind::object_or_null, 16};
}

void after_moving_packet(Writer& writer) {
    for (Reg reg = 0; reg < kRegisters; ++reg) {
        const Kind kind = writer.of(reg).kind;
        if ((kind == Kind::packet || kind == Kind::packet_end) && !writer.wrong()) {
            writer.set(reg, Kind::number);
        }
    }
    for (Known& slot : writer.frame.slots) {
        slot = slot.kind == Kind::packet || slot.kind == Kind::packet_end
                   ? Known{Kind::number, kNoLimit}
                   : slot;
    }
}

// Takes a record or a socket, uses it, gives it back.
void write_borrowed(Writer& writer, std::int32_t give_back, std::uint64_t limit) {
    const Draft::Label end = writer.code.label();
    const Reg kept = writer.free(true);
    writer.code.add(branch_imm(JumpOp::jeq, Width::w64, 0, 0), end);
    writer.code.add(mov(kept, 0));
    writer.set(0, Kind::unset);
    writer.set(kept, Kind::value, limit);
    for (unsigned piece = writer.below(4); piece > 0; --piece) {
        const unsigned size = writer.size();
        const std::int16_t offset = writer.offset_within(limit, size);
        writer.code.add(give_back == 86
                            ? load(4, 0, kept, static_cast<std::int16_t>(4 * (offset / 4)))
                            : store_imm(size, kept, offset, 1));
    }
    if (!writer.one_in(60)) {
        writer.code.add(mov(1, kept));
        writer.code.add(mov_imm(2, 0));
        writer.code.add(call_helper(give_back));
    }
    writer.set(kept, Kind::unset);
    if (!writer.one_in(60)) {
        writer.code.place(end);
    } else { // in the wrong place: someone leaves with it, or gives back what is null
        writer.code.add(mov_imm(0, 0));
        writer.code.place(end);
    }
    writer.after_call();
    writer.set(0, Kind::unset);
}

void write_record(Writer& writer) {
    constexpr std::int32_t kReserve = 131, kSubmit = 132, kDiscard = 133;
    const std::uint32_t bytes = 8 * (1 + writer.below(8));
    writer.code.add(wide(1, WideSource::map_index, kRingMap));
    writer.code.add(mov_imm(2, static_cast<std::int32_t>(bytes)));
    writer.code.add(mov_imm(3, 0));
    writer.code.add(call_helper(kReserve));
    write_borrowed(writer, writer.one_in(2) ? kSubmit : kDiscard, bytes);
}

void write_socket(Writer& writer) {
    constexpr std::int32_t kFindTcp = 84, kFindUdp = 85, kRelease = 86;
    const auto context = writer.holding(Kind::context);
    if (!context.has_value()) {
        return;
    }
    if (*context != 1) {
        writer.code.add(mov(1, *context));
    }
    write_stack_address(writer, 2, 12, true);
    writer.code.add(mov_imm(3, 12));
    writer.code.add(mov_imm(4, -1));
    writer.code.add(mov_imm(5, 0));
    writer.code.add(call_helper(writer.one_in(2) ? kFindTcp : kFindUdp));
    write_borrowed(writer, kRelease, 32);
}

} // namespace

void write_look_up(Writer& writer, const Site& site) {
    static constexpr std::int32_t kMaps[] = {kArrayMap,    kArrayMap,    kHashMap, kPerCpuMap,
                                             kWordMap,     kTrieMap,     kLruMap,  kOuterMap,
                                             kConstantMap, kWriteOnlyMap};
    const std::int32_t map = kMaps[writer.below(std::size(kMaps))];
    if (writer.one_in(5)) { // the value's address, by which no test is needed
        const Reg dst = writer.free(true);
        const std::int32_t direct = writer.one_in(4) ? kConstantMap : kWordMap;
        const std::uint32_t offset = writer.one_in(3) ? writer.below(9) : 0;
        const unsigned bytes = shape_of(direct).value;
        writer.code.add(
            wide(dst, WideSource::map_value_index,
                 (static_cast<std::uint64_t>(offset) << 32) | static_cast<std::uint32_t>(direct)));
        writer.set(dst, Kind::value, bytes - std::min(bytes, offset));
        return;
    }
    const MapShape shape = shape_of(map);
    write_stack_address(writer, 2, shape.key, true);
    writer.code.add(wide(1, WideSource::map_index, static_cast<std::uint32_t>(map)));
    writer.code.add(call_helper(kLookUp));
    writer.after_call();
    writer.set(0, Kind::value_or_null, shape.value);
    const Reg kept = writer.free(true);
    if (!writer.one_in(3)) {
        writer.code.add(mov(kept, 0));
        writer.set(kept, Kind::value_or_null, shape.value);
    }
    if (!writer.one_in(8)) {
        write_null_check(writer, site, writer.one_in(2) ? Reg{0} : kept);
    }
}

void write_null_check(Writer& writer, const Site& site, Reg reg) {
    const Known before = writer.of(reg);
    if (before.kind != Kind::value_or_null && before.kind != Kind::object_or_null) {
        return;
    }
    const Kind sure = before.kind == Kind::value_or_null ? Kind::value : Kind::object;
    const unsigned form = writer.below(8);
    if (form == 0) { // through a register that holds zero
        const Reg zero = writer.free(false);
        if (zero == reg) {
            return;
        }
        writer.code.add(mov_imm(zero, 0));
        writer.set(zero, Kind::number, 0);
        writer.code.add(branch(JumpOp::jeq, Width::w64, reg, zero), site.out);
    } else if (form == 1) {
        const Draft::Label sure_label = writer.code.label();
        writer.code.add(branch_imm(JumpOp::jne, Width::w64, reg, 0), sure_label);
        Insn leave = of_kind(InsnKind::jump_always);
        writer.code.add(leave, site.out);
        writer.code.place(sure_label);
    } else {
        const Width width = writer.one_in(60) ? Width::w32 : Width::w64;
        writer.code.add(branch_imm(JumpOp::jeq, width, reg, writer.wrong() ? 1 : 0), site.out);
    }
    for (Reg other = 0; other < kRegisters; ++other) { // copies are tested with it
        Known& known = writer.of(other);
        if (other == reg || (known.kind == before.kind && known.limit == before.limit)) {
            known.kind = sure;
        }
    }
}

void write_helper_call(Writer& writer, const Site& site) {
    const auto context = writer.holding(Kind::context);
    if (context.has_value() && *context < 6) { // would be lost
        writer.code.add(mov(6, *context));
        writer.set(6, Kind::context);
    }
    if (writer.one_in(6)) {
        write_record(writer);
        return;
    }
    if (writer.one_in(8) && site.program.type == spec::ProgramType::sched_cls) {
        write_socket(writer);
        return;
    }
    spec::CallerSite caller;
    caller.type = site.program.type;
    caller.attach_type = static_cast<spec::AttachType>(site.program.expected_attach_type);
    caller.sleepable = site.program.flags != 0;
    for (unsigned tries = 0; tries < 6; ++tries) {
        const auto rows = spec::helpers();
        const spec::HelperRow& row = rows[writer.below(static_cast<std::uint32_t>(rows.size()))];
        if (!spec::is_offered(row, caller) && !writer.wrong()) {
            continue;
        }
        // A kernel may be built or locked down so that nobody is offered these.
        const bool by_config =
            row.id == spec::Helper::probe_write_user || row.id == spec::Helper::override_return;
        const bool holds =
            row.effects.has(spec::Effect::acquires) || row.effects.has(spec::Effect::locks);
        if (by_config || (holds && !writer.one_in(30))) {
            continue; // its own pieces above give it back
        }
        if (!Arguments(writer, site, row).write()) {
            continue;
        }
        writer.code.add(call_helper(static_cast<std::int32_t>(row.id)));
        writer.after_call();
        writer.of(0) = result_of(row.result.kind);
        if (row.effects.has(spec::Effect::moves_packet)) {
            after_moving_packet(writer);
        }
        return;
    }
}

void write_subprogram_call(Writer& writer, const Site& site) {
    if (site.depth >= 3 || site.pending->size() >= 4) {
        return;
    }
    Pending pending;
    pending.depth = site.depth + 1;
    pending.label = writer.code.label();
    pending.is_global = writer.one_in(4);
    for (Reg reg = 1; reg <= 2 && pending.is_global; ++reg) {
        writer.code.add(mov(reg, writer.a_number()));
        writer.set(reg, Kind::number);
    }
    for (Reg reg = 1; reg <= 5; ++reg) {
        if (pending.is_global && reg > 2) {
            break;
        }
        if (writer.of(reg).kind == Kind::unset && reg < 3) {
            const Reg source = writer.any_set();
            if (source == kFramePointer) {
                write_stack_address(writer, reg, 16, true);
            } else {
                writer.code.add(mov(reg, source));
                writer.of(reg) = writer.of(source);
            }
        }
        pending.arguments.at(reg - 1U) = writer.of(reg);
    }
    writer.code.add(of_kind(InsnKind::call_subprogram), pending.label);
    site.pending->push_back(pending);
    writer.after_call();
    writer.set(0, Kind::number);
}

} // namespace skep::tests::campaign
