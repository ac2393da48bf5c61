// SPDX-License-Identifier: Apache-2.0
//
// Pieces that touch memory: the stack, values, the context, packets.
#include <algorithm>

#include "skep/spec/contexts/contexts.hpp"
#include "tests/verdicts/campaign/generator/pieces.hpp"

namespace skep::tests::campaign {
namespace {

std::int16_t offset_of_slot(unsigned slot) {
    return static_cast<std::int16_t>(-8 * (static_cast<int>(slot) + 1));
}

spec::ContextId context_of(const Site& site) { return spec::find(site.program.type)->context; }

// The field of the context that has this name, for packets.
const spec::ContextField* field_named(const Site& site, std::string_view name) {
    const spec::ContextId id = context_of(site);
    if (id == spec::ContextId::none) {
        return nullptr;
    }
    for (const spec::ContextField& field : spec::fields(id)) {
        if (field.name == name) {
            return &field;
        }
    }
    return nullptr;
}

Known yielded(spec::YieldKind kind) {
    using spec::YieldKind;
    if (kind == YieldKind::number) {
        return {Kind::number, kNoLimit};
    }
    if (kind == YieldKind::packet || kind == YieldKind::packet_meta) {
        return {Kind::packet, 0};
    }
    if (kind == YieldKind::packet_end) {
        return {Kind::packet_end, 0};
    }
    const bool may_be_null =
        kind == YieldKind::socket_or_null || kind == YieldKind::sock_common_or_null;
    return {may_be_null ? Kind::object_or_null : Kind::object, 16};
}

// The context in a register that outlives calls; nothing when it is lost.
std::optional<Reg> context_register(Writer& writer) { return writer.holding(Kind::context); }

void access(Writer& writer, Reg base, std::uint64_t limit) {
    const unsigned size = writer.size();
    const std::int16_t offset = writer.offset_within(limit, size);
    switch (writer.below(4)) {
    case 0: {
        const Reg src = writer.one_in(10) ? writer.any_set() : writer.a_number();
        writer.code.add(store(size, base, offset, src));
        break;
    }
    case 1:
        writer.code.add(store_imm(size, base, offset, writer.immediate()));
        break;
    default: {
        Insn insn = load(size, writer.free(writer.one_in(3)), base, offset);
        if (size < 8 && writer.one_in(5)) {
            insn.extend = Extend::sign;
        }
        writer.code.add(insn);
        writer.set(insn.dst, Kind::number,
                   size == 8 || insn.extend == Extend::sign ? kNoLimit : (1ULL << (8 * size)) - 1);
    }
    }
}

} // namespace

void write_stack_access(Writer& writer) {
    const unsigned slot = writer.below(kSlots);
    Known& known = writer.frame.slots.at(slot);
    const unsigned size = writer.one_in(3) ? writer.size() : 8;
    const auto offset = static_cast<std::int16_t>(
        offset_of_slot(slot) + (size == 8 ? 0 : static_cast<int>(writer.below(8 / size) * size)));
    const unsigned kind = writer.below(5);
    if (kind == 0) {
        writer.code.add(store_imm(size, kFramePointer, offset, writer.immediate()));
        known = {size == 8 || known.kind == Kind::number ? Kind::number : Kind::unset, kNoLimit};
    } else if (kind < 3) {
        const Reg src = writer.one_in(2) ? writer.any_set() : writer.a_number();
        if (size != 8 && src != kFramePointer && writer.of(src).kind != Kind::number &&
            !writer.wrong()) {
            return;
        }
        writer.code.add(store(size, kFramePointer, offset, src));
        const bool whole = size == 8 && src != kFramePointer;
        known = whole ? writer.of(src)
                      : Known{known.kind == Kind::number || size == 8 ? Kind::number : Kind::unset,
                              kNoLimit};
    } else if (known.kind != Kind::unset || writer.one_in(6)) {
        Insn insn = load(size, writer.free(writer.one_in(2)), kFramePointer, offset);
        insn.extend = size < 8 && writer.one_in(4) ? Extend::sign : Extend::zero;
        writer.code.add(insn);
        writer.set(insn.dst, size == 8 ? known.kind : Kind::number,
                   size == 8 ? known.limit : kNoLimit);
    }
}

void write_memory_access(Writer& writer, const Site& site) {
    static constexpr Kind kKinds[] = {Kind::value,  Kind::value,  Kind::packet,       Kind::packet,
                                      Kind::memory, Kind::object, Kind::value_or_null};
    if (writer.wrong()) {
        access(writer, writer.any_set(), kNoLimit);
        return;
    }
    const auto base = writer.holding(kKinds[writer.below(std::size(kKinds))]);
    if (!base.has_value()) {
        if (writer.one_in(3)) {
            write_look_up(writer, site);
        }
        return;
    }
    if (writer.of(*base).kind == Kind::value_or_null && !writer.wrong()) {
        write_null_check(writer, site, *base);
    }
    if (writer.of(*base).limit != 0 || writer.wrong()) {
        access(writer, *base, writer.of(*base).limit);
    }
}

void write_atomic(Writer& writer) {
    const spec::AtomicRow& row =
        spec::kAtomicRows[writer.below(static_cast<std::uint32_t>(spec::kAtomicRows.size()))];
    const bool any_size = row.form == spec::AtomicForm::load || row.form == spec::AtomicForm::store;
    const unsigned size = any_size ? writer.size() : 4U << writer.below(2);
    const auto value = writer.holding(Kind::value);
    const bool stack = !value.has_value() || writer.one_in(2);
    const Reg base = stack ? kFramePointer : *value;
    std::int16_t offset = stack ? offset_of_slot(writer.below(kSlots))
                                : writer.offset_within(writer.of(base).limit, size);
    if (!writer.one_in(30)) {
        offset =
            static_cast<std::int16_t>(offset / static_cast<int>(size) * static_cast<int>(size));
    }
    const Reg operand = writer.one_in(25) ? writer.any_set() : writer.a_number();
    Insn insn = store(size, base, offset, operand);
    if (row.form == spec::AtomicForm::load) {
        insn = load(size, writer.free(false), base, offset);
        writer.set(insn.dst, Kind::number);
    } else if (row.form == spec::AtomicForm::fetch) {
        writer.set(row.op == AtomicOp::cmpxchg ? Reg{0} : operand, Kind::number);
    }
    insn.kind = InsnKind::atomic;
    insn.atomic_op = row.op;
    writer.code.add(insn);
}

void write_pointer_arithmetic(Writer& writer, const Site& site) {
    static constexpr Kind kKinds[] = {Kind::value,  Kind::value,         Kind::packet,
                                      Kind::memory, Kind::value_or_null, Kind::object};
    const auto base = writer.holding(kKinds[writer.below(std::size(kKinds))]);
    const bool frame = !base.has_value() || writer.one_in(4);
    const Reg dst = writer.free(writer.one_in(2));
    const std::uint64_t limit = frame ? 0 : writer.of(*base).limit;
    if (base.has_value() && writer.of(*base).kind == Kind::value_or_null && !writer.wrong()) {
        return;
    }
    if (frame) {
        const auto start = static_cast<std::int32_t>(8 + 8 * writer.below(kSlots));
        writer.code.add(mov(dst, kFramePointer));
        writer.code.add(alu_imm(AluOp::add, Width::w64, dst, -start));
        writer.set(dst, Kind::memory, static_cast<std::uint64_t>(start));
    } else {
        writer.code.add(mov(dst, *base));
        writer.set(dst, writer.of(*base).kind, limit);
    }
    Known& known = writer.of(dst);
    if (writer.one_in(3)) {
        const auto step = static_cast<std::int32_t>(
            writer.one_in(20)
                ? writer.number()
                : writer.below(
                      static_cast<std::uint32_t>(std::min<std::uint64_t>(known.limit, 64)) + 1));
        writer.code.add(alu_imm(writer.one_in(6) ? AluOp::sub : AluOp::add, Width::w64, dst, step));
        known.limit -= std::min<std::uint64_t>(known.limit, static_cast<std::uint32_t>(step));
        return;
    }
    const Reg index = writer.a_number();
    if (index == dst || (writer.locked >> index & 1) != 0) {
        return;
    }
    const std::uint64_t most = known.limit / 2;
    if ((writer.of(index).limit > most || writer.one_in(4)) && !writer.one_in(60)) {
        write_bound(writer, site, index, writer.one_in(20) ? known.limit : most);
    }
    writer.code.add(writer.one_in(12) ? alu(AluOp::sub, Width::w64, dst, index)
                                      : alu(AluOp::add, Width::w64, dst, index));
    known.limit -= std::min(known.limit, writer.of(index).limit);
}

void write_context_load(Writer& writer, const Site& site) {
    const auto base = context_register(writer);
    const spec::ContextId id = context_of(site);
    if (!base.has_value()) {
        return;
    }
    const Reg dst = writer.free(writer.one_in(2));
    if (id == spec::ContextId::none || spec::accesses(id).empty() || writer.one_in(25)) {
        const unsigned size = writer.size();
        const auto offset = static_cast<std::int16_t>(writer.below(24) * size);
        writer.code.add(load(size, dst, *base, offset));
        writer.set(dst, Kind::number);
        return;
    }
    const auto rows = spec::accesses(id);
    for (unsigned tries = 0; tries < 6; ++tries) {
        const spec::AccessRow& row = rows[writer.below(static_cast<std::uint32_t>(rows.size()))];
        const unsigned size = writer.size();
        spec::AccessQuery query;
        query.context = id;
        query.program = site.program.type;
        query.attach = static_cast<spec::AttachType>(site.program.expected_attach_type);
        query.offset = row.field->offset + writer.below(2) * size;
        query.bytes = size;
        const bool stores = row.store != spec::kNoWidth && writer.one_in(4);
        query.direction = stores ? spec::AccessDirection::store : spec::AccessDirection::load;
        const spec::AccessRow* found = spec::find_access(query);
        if (found == nullptr && !writer.one_in(60)) {
            continue;
        }
        const auto offset = static_cast<std::int16_t>(query.offset);
        if (stores) {
            writer.code.add(store(size, *base, offset, writer.a_number()));
        } else {
            writer.code.add(load(size, dst, *base, offset));
            writer.of(dst) =
                found == nullptr ? Known{Kind::number, kNoLimit} : yielded(found->yields.kind);
        }
        return;
    }
}

void write_packet(Writer& writer, const Site& site) {
    const bool meta = writer.one_in(8);
    const spec::ContextField* begin = field_named(site, meta ? "data_meta" : "data");
    const spec::ContextField* end = field_named(site, meta ? "data" : "data_end");
    const auto base = context_register(writer);
    if (begin == nullptr || end == nullptr || !base.has_value()) {
        write_context_load(writer, site);
        return;
    }
    const Reg data = writer.free(!writer.one_in(3));
    writer.code.add(load(4, data, *base, static_cast<std::int16_t>(begin->offset)));
    writer.set(data, Kind::packet, 0);
    Reg limit = writer.free(false);
    limit = limit == data || limit == *base ? Reg{5} : limit;
    writer.code.add(load(4, limit, *base, static_cast<std::int16_t>(end->offset)));
    writer.set(limit, meta ? Kind::packet : Kind::packet_end, 0);
    Reg moved = writer.free(false);
    moved = moved == data || moved == limit || moved == *base ? Reg{4} : moved;
    if (data == moved || limit == moved || data == limit) {
        return;
    }
    if (writer.one_in(3)) { // a variable part first
        const Reg index = writer.a_number();
        if (index != data && index != limit) {
            write_bound(writer, site, index, 1ULL << writer.below(18));
            writer.code.add(alu(AluOp::add, Width::w64, data, index));
        }
    }
    const std::uint32_t bytes = 1 + writer.below(80);
    writer.code.add(mov(moved, data));
    writer.code.add(alu_imm(AluOp::add, Width::w64, moved, static_cast<std::int32_t>(bytes)));
    static constexpr JumpOp kFails[] = {JumpOp::jgt, JumpOp::jgt, JumpOp::jgt, JumpOp::jge};
    const JumpOp op = kFails[writer.below(4)];
    const bool swapped = writer.one_in(3);
    if (swapped) {
        writer.code.add(
            branch(op == JumpOp::jgt ? JumpOp::jlt : JumpOp::jle, Width::w64, limit, moved),
            site.out);
    } else {
        writer.code.add(branch(op, Width::w64, moved, limit), site.out);
    }
    writer.set(moved, Kind::packet, 0);
    writer.set(data, Kind::packet, bytes);
}

void write_packet_load(Writer& writer, const Site& site) {
    const auto context = context_register(writer);
    if (!context.has_value() ||
        spec::find(site.program.type)->packet_loads != spec::PacketLoads::allowed) {
        return;
    }
    if (*context != 6) {
        writer.code.add(mov(6, *context));
        writer.set(6, Kind::context);
    }
    Insn insn = of_kind(writer.one_in(2) ? InsnKind::packet_absolute : InsnKind::packet_indirect);
    insn.size_bytes = static_cast<std::uint8_t>(1U << writer.below(3));
    insn.imm = static_cast<std::int32_t>(writer.below(64));
    if (insn.kind == InsnKind::packet_indirect) {
        insn.src = writer.a_number();
    }
    writer.code.add(insn);
    writer.after_call();
    writer.set(0, Kind::number);
}

void write_stack_address(Writer& writer, Reg reg, unsigned bytes, bool filled) {
    const unsigned slots = std::min((bytes + 7) / 8, kSlots);
    const unsigned first = slots - 1 + writer.below(kSlots - slots + 1); // the lowest slot
    for (unsigned slot = 0; filled && slot < slots; ++slot) {
        Known& known = writer.frame.slots.at(first - slot);
        if (known.kind != Kind::number && !writer.wrong()) {
            writer.code.add(store_imm(8, kFramePointer, offset_of_slot(first - slot),
                                      static_cast<std::int32_t>(writer.below(4))));
            known = {Kind::number, kNoLimit};
        }
    }
    for (unsigned slot = 0; !filled && slot < slots; ++slot) {
        writer.frame.slots.at(first - slot) = {Kind::number, kNoLimit};
    }
    writer.code.add(mov(reg, kFramePointer));
    writer.code.add(alu_imm(AluOp::add, Width::w64, reg, offset_of_slot(first)));
    writer.set(reg, Kind::memory, slots * 8ULL);
}

} // namespace skep::tests::campaign
