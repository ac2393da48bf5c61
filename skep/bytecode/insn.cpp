// SPDX-License-Identifier: Apache-2.0
//
// Decoding goes by class, then by mode or operation row; encoding is its inverse. Fields that an
// instruction does not use must be zero (RFC 9669, 3), and a decoder that let them pass would make
// two encodings of one instruction.
#include "skep/bytecode/insn.hpp"

#include <bit>
#include <optional>

#include <fmt/format.h>

namespace skep {
namespace {

using spec::InsnClass;
using spec::Mode;
using spec::Operand;
using Decoded = std::variant<Insn, DecodeError>;

constexpr std::uint8_t kSourceRegister = 0x08;
constexpr std::uint8_t kJumpAlways = 0x00;
constexpr std::uint8_t kCall = 0x80;
constexpr std::uint8_t kExit = 0x90;
constexpr std::uint8_t kMayGoto = 0xe0;
constexpr Reg kCallSubprogram = 1;
constexpr Reg kCallKfunc = 2;

InsnClass class_of(const RawInsn& raw) { return static_cast<InsnClass>(raw.opcode & 0x07); }
Mode mode_of(const RawInsn& raw) { return static_cast<Mode>(raw.opcode & 0xe0); }

constexpr std::array<std::uint8_t, 4> kSizes{4, 2, 1, 8}; // by the size bits

std::uint8_t size_of(const RawInsn& raw) { return kSizes[(raw.opcode >> 3) & 3]; }

std::uint8_t size_bits(std::uint8_t size_bytes) {
    switch (size_bytes) {
    case 1:
        return 0x10;
    case 2:
        return 0x08;
    case 4:
        return 0x00;
    default:
        return 0x18;
    }
}

// Linux refuses what is wrong with an opcode before it walks the program, and what is wrong with
// the fields of a known opcode when the walk reaches it.
DecodeError refused_before_walk(std::string message) { return {22, std::move(message), false}; }
DecodeError refused_when_reached(std::string message) { return {22, std::move(message), true}; }

DecodeError unknown_opcode(const RawInsn& raw) {
    return refused_before_walk(fmt::format("unknown opcode {:02x}", raw.opcode));
}
DecodeError reserved(std::string_view what) {
    return refused_when_reached(fmt::format("{} uses reserved fields", what));
}

Operand order_of(const RawInsn& raw) {
    if (class_of(raw) == InsnClass::alu64) {
        return Operand::order_swap;
    }
    return (raw.opcode & kSourceRegister) != 0 ? Operand::order_be : Operand::order_le;
}

Decoded decode_byte_order(const RawInsn& raw, Insn insn) {
    if (class_of(raw) == InsnClass::alu64 && (raw.opcode & kSourceRegister) != 0) {
        return unknown_opcode(raw);
    }
    if (raw.src() != 0 || raw.offset != 0) {
        return reserved("BPF_END");
    }
    for (const spec::AluRow& row : spec::kAluRows) {
        if (row.operand == order_of(raw) && row.selector == raw.imm) {
            insn.alu_op = row.op;
            insn.width = Width::w64; // the result is the whole register, whatever the class
            insn.source = Source::imm;
            insn.src = 0;
            return insn;
        }
    }
    return reserved("BPF_END");
}

// Whether an operation has the form in which it was written.
bool allows(Operand operand, const Insn& insn) {
    const bool by_register = insn.source == Source::reg;
    return operand == Operand::register64  ? by_register && insn.width == Width::w64
           : operand == Operand::register_ ? by_register
                                           : true;
}

Decoded decode_alu(const RawInsn& raw, Insn insn) {
    const std::uint8_t code = raw.opcode & 0xf0;
    insn.kind = InsnKind::alu;
    if (code == spec::row(AluOp::bswap16).code) {
        return decode_byte_order(raw, insn);
    }
    const bool by_register = insn.source == Source::reg;
    if (code == spec::row(AluOp::mov).code && insn.width == Width::w64 && by_register &&
        raw.offset == 1) {
        insn.kind = InsnKind::address_space_cast;
        return insn;
    }
    const spec::AluRow* known = nullptr; // some operation with this code
    for (const spec::AluRow& row : spec::kAluRows) {
        if (row.code != code || row.operand >= Operand::order_le) {
            continue;
        }
        known = &row;
        if (row.operand == Operand::unary && by_register) {
            return unknown_opcode(raw);
        }
        const bool unused_zero =
            by_register ? raw.imm == 0
                        : raw.src() == 0 && (row.operand != Operand::unary || raw.imm == 0);
        if (row.selector == raw.offset && unused_zero && allows(row.operand, insn)) {
            insn.alu_op = row.op;
            return insn;
        }
    }
    if (known == nullptr) {
        return unknown_opcode(raw);
    }
    return reserved(known->operand == Operand::unary     ? "BPF_NEG"
                    : code == spec::row(AluOp::mov).code ? "BPF_MOV"
                                                         : "BPF_ALU");
}

Decoded decode_call(const RawInsn& raw, Insn insn) {
    if (insn.source == Source::reg) {
        if (raw.src() != 0 || raw.offset != 0 || raw.imm != 0) {
            return reserved("BPF_CALL");
        }
        insn.kind = InsnKind::call_register;
        return insn;
    }
    if (raw.dst() != 0 || raw.src() > kCallKfunc || (raw.src() != kCallKfunc && raw.offset != 0)) {
        return reserved("BPF_CALL");
    }
    insn.kind = raw.src() == kCallSubprogram ? InsnKind::call_subprogram
                : raw.src() == kCallKfunc    ? InsnKind::call_kfunc
                                             : InsnKind::call_helper;
    insn.jump_slots = insn.kind == InsnKind::call_subprogram ? raw.imm : 0;
    insn.src = 0;
    return insn;
}

Decoded decode_jump_always(const RawInsn& raw, Insn insn) {
    if (insn.source == Source::reg) {
        return unknown_opcode(raw);
    }
    insn.long_jump = insn.width == Width::w32;
    const bool unused_zero = insn.long_jump ? raw.offset == 0 : raw.imm == 0;
    if (raw.registers != 0 || !unused_zero) {
        return reserved("BPF_JA");
    }
    insn.kind = InsnKind::jump_always;
    insn.jump_slots = insn.long_jump ? raw.imm : raw.offset;
    return insn;
}

Decoded decode_jump(const RawInsn& raw, Insn insn) {
    const std::uint8_t code = raw.opcode & 0xf0;
    // Linux does not look at the offset of an exit, so it is kept.
    insn.offset = code == kCall || code == kExit ? raw.offset : std::int16_t{0};
    if (code == kJumpAlways) {
        return decode_jump_always(raw, insn);
    }
    if (code == kCall && insn.width == Width::w64) {
        return decode_call(raw, insn);
    }
    const bool by_immediate = insn.source == Source::imm;
    if (code == kExit && insn.width == Width::w64 && by_immediate) {
        if (raw.registers != 0 || raw.imm != 0) {
            return reserved("BPF_EXIT");
        }
        insn.kind = InsnKind::exit;
        return insn;
    }
    if (code == kMayGoto && insn.width == Width::w64 && by_immediate) {
        if (raw.registers != 0 || raw.imm != 0) {
            return refused_when_reached(fmt::format("invalid may_goto imm {}", raw.imm));
        }
        insn.kind = InsnKind::may_goto;
        insn.jump_slots = raw.offset;
        return insn;
    }
    for (const spec::JumpRow& row : spec::kJumpRows) {
        if (row.code == code) {
            if (insn.source == Source::reg ? raw.imm != 0 : raw.src() != 0) {
                return reserved("BPF_JMP/JMP32");
            }
            insn.kind = InsnKind::jump;
            insn.jump_op = row.op;
            insn.jump_slots = raw.offset;
            return insn;
        }
    }
    return unknown_opcode(raw);
}

Decoded decode_wide(std::span<const RawInsn> program, InsnIndex at, Insn insn) {
    const RawInsn& raw = program[at.value];
    if (raw.opcode != (0x18)) {
        return unknown_opcode(raw);
    }
    if (at.value + 1 >= program.size()) {
        return refused_before_walk("invalid bpf_ld_imm64 insn");
    }
    const RawInsn& high = program[at.value + 1];
    if (high.opcode != 0 || high.registers != 0 || high.offset != 0) {
        return refused_before_walk("invalid bpf_ld_imm64 insn");
    }
    for (const spec::WideRow& row : spec::kWideRows) {
        const bool whole_map =
            row.source == WideSource::map_fd || row.source == WideSource::map_index;
        if (row.src == raw.src() && !(whole_map && high.imm != 0)) {
            if (raw.offset != 0) {
                return reserved("BPF_LD_IMM64");
            }
            insn.kind = InsnKind::load_wide;
            insn.wide_source = row.source;
            insn.imm_high = static_cast<std::uint32_t>(high.imm);
            insn.src = 0;
            insn.size_bytes = 0;
            return insn;
        }
    }
    return refused_before_walk("unrecognized bpf_ld_imm64 insn");
}

Decoded decode_load_class(std::span<const RawInsn> program, InsnIndex at, Insn insn) {
    const RawInsn& raw = program[at.value];
    if (mode_of(raw) == Mode::imm) {
        return decode_wide(program, at, insn);
    }
    if ((mode_of(raw) != Mode::abs && mode_of(raw) != Mode::ind) || insn.size_bytes == 8) {
        return unknown_opcode(raw);
    }
    const bool indirect = mode_of(raw) == Mode::ind;
    if (raw.dst() != 0 || raw.offset != 0 || (!indirect && raw.src() != 0)) {
        return reserved("BPF_LD_[ABS|IND]");
    }
    insn.kind = indirect ? InsnKind::packet_indirect : InsnKind::packet_absolute;
    return insn;
}

Decoded decode_atomic(const RawInsn& raw, Insn insn) {
    for (const spec::AtomicRow& row : spec::kAtomicRows) {
        if (row.imm != raw.imm) {
            continue;
        }
        const bool any_size = row.op == AtomicOp::load_acq || row.op == AtomicOp::store_rel;
        if (insn.size_bytes < 4 && !any_size) {
            return refused_when_reached("invalid atomic operand size");
        }
        insn.kind = InsnKind::atomic;
        insn.atomic_op = row.op;
        return insn;
    }
    return refused_when_reached(fmt::format("BPF_ATOMIC uses invalid atomic opcode {:02x}",
                                            static_cast<std::uint32_t>(raw.imm)));
}

Decoded decode_memory(const RawInsn& raw, Insn insn) {
    const InsnClass cls = class_of(raw);
    if (cls == InsnClass::ldx) {
        const bool signed_load = mode_of(raw) == Mode::memsx;
        if ((!signed_load && mode_of(raw) != Mode::mem) || raw.imm != 0) {
            return refused_before_walk("BPF_LDX uses reserved fields");
        }
        if (signed_load && insn.size_bytes == 8) {
            return unknown_opcode(raw);
        }
        insn.kind = InsnKind::load;
        insn.extend = signed_load ? Extend::sign : Extend::zero;
        return insn;
    }
    if (cls == InsnClass::st && mode_of(raw) == Mode::mem) {
        insn.kind = InsnKind::store_imm;
        return raw.src() == 0 ? Decoded(insn) : Decoded(reserved("BPF_ST"));
    }
    if (cls == InsnClass::stx && mode_of(raw) == Mode::mem) {
        insn.kind = InsnKind::store_reg;
        return raw.imm == 0 ? Decoded(insn) : Decoded(reserved("BPF_STX"));
    }
    if (cls == InsnClass::stx && mode_of(raw) == Mode::atomic) {
        return decode_atomic(raw, insn);
    }
    return unknown_opcode(raw);
}

RawInsn raw_of(std::uint8_t opcode, const Insn& insn) {
    return {opcode, static_cast<std::uint8_t>(insn.dst | (insn.src << 4)), insn.offset, insn.imm};
}

std::uint8_t source_bit(const Insn& insn) {
    return insn.source == Source::reg ? kSourceRegister : 0;
}

RawInsn encode_alu(const Insn& insn) {
    const spec::AluRow& row = spec::row(insn.alu_op);
    if (row.operand >= Operand::order_le) {
        RawInsn raw = raw_of(row.code, insn);
        raw.opcode |= static_cast<std::uint8_t>(
            row.operand == Operand::order_swap ? InsnClass::alu64 : InsnClass::alu);
        raw.opcode |= row.operand == Operand::order_be ? kSourceRegister : 0;
        raw.imm = row.selector;
        return raw;
    }
    const InsnClass cls = insn.width == Width::w64 ? InsnClass::alu64 : InsnClass::alu;
    RawInsn raw = raw_of(
        static_cast<std::uint8_t>(row.code | source_bit(insn) | static_cast<std::uint8_t>(cls)),
        insn);
    raw.offset = row.selector;
    return raw;
}

RawInsn encode_jump(const Insn& insn, std::uint8_t code) {
    const InsnClass cls = insn.width == Width::w64 ? InsnClass::jmp : InsnClass::jmp32;
    RawInsn raw = raw_of(
        static_cast<std::uint8_t>(code | source_bit(insn) | static_cast<std::uint8_t>(cls)), insn);
    if (insn.kind == InsnKind::jump || insn.kind == InsnKind::may_goto ||
        (insn.kind == InsnKind::jump_always && !insn.long_jump)) {
        raw.offset = static_cast<std::int16_t>(insn.jump_slots);
    } else if (insn.kind == InsnKind::jump_always || insn.kind == InsnKind::call_subprogram) {
        raw.imm = insn.jump_slots;
    }
    return raw;
}

RawInsn encode_memory(const Insn& insn, InsnClass cls, Mode mode) {
    return raw_of(static_cast<std::uint8_t>(static_cast<std::uint8_t>(cls) |
                                            static_cast<std::uint8_t>(mode) |
                                            size_bits(insn.size_bytes)),
                  insn);
}

RawInsn encode_call(const Insn& insn, Reg kind) {
    RawInsn raw = encode_jump(insn, kCall);
    raw.registers = static_cast<std::uint8_t>(kind << 4);
    return raw;
}

Decoded decode_fields(std::span<const RawInsn> program, InsnIndex at) {
    const RawInsn& raw = program[at.value];
    const InsnClass cls = class_of(raw);
    Insn insn;
    insn.dst = raw.dst();
    insn.src = raw.src();
    insn.imm = raw.imm;
    if (cls == InsnClass::ld || cls == InsnClass::ldx || cls == InsnClass::st ||
        cls == InsnClass::stx) {
        insn.size_bytes = size_of(raw);
        insn.offset = cls == InsnClass::ld ? std::int16_t{0} : raw.offset;
        return cls == InsnClass::ld ? decode_load_class(program, at, insn)
                                    : decode_memory(raw, insn);
    }
    insn.source = (raw.opcode & kSourceRegister) != 0 ? Source::reg : Source::imm;
    insn.width = cls == InsnClass::alu64 || cls == InsnClass::jmp ? Width::w64 : Width::w32;
    if (cls == InsnClass::alu || cls == InsnClass::alu64) {
        return decode_alu(raw, insn);
    }
    return decode_jump(raw, insn);
}

// Fields that an instruction does not use are zero by now, so every register named is one it uses.
// Linux looks at the source first, except in a conditional jump.
std::optional<DecodeError> check_registers(const Insn& insn) {
    const bool jump = insn.kind == InsnKind::jump;
    for (const Reg reg : {jump ? insn.dst : insn.src, jump ? insn.src : insn.dst}) {
        if (reg > kFramePointer) {
            return refused_when_reached(fmt::format("R{} is invalid", reg));
        }
    }
    return std::nullopt;
}

// What an opcode alone says, for those that make up nearly all of a program: arithmetic with two
// operands, loads, stores, jumps, calls of helpers and exits, in the form that leaves unused fields
// zero. Made from the rows; whatever does not fit goes the long way, and is understood or refused
// there.
struct PlainForm {
    Insn insn;
    bool is_plain = false;
    // Masks: decoding goes on without a branch for each field.
    RawInsn unused;                // bits that must be zero
    std::int16_t displacement = 0; // all or nothing: the offset is one
    std::int16_t distance = 0;     // all or nothing: the offset is one
};

constexpr PlainForm with_operand(PlainForm form, Source source) {
    form.insn.source = source;
    form.unused.registers = source == Source::reg ? 0 : 0xf0;
    form.unused.imm = source == Source::reg ? -1 : 0;
    return form;
}

constexpr PlainForm plain_alu(const spec::AluRow& row, Source source, Width width) {
    PlainForm form;
    form.insn.kind = InsnKind::alu;
    form.insn.alu_op = row.op;
    form.insn.width = width;
    form.is_plain = row.operand == Operand::binary && row.selector == 0;
    form.unused.offset = -1;
    return with_operand(form, source);
}

constexpr PlainForm plain_jump(const spec::JumpRow& row, Source source, Width width) {
    PlainForm form;
    form.insn.kind = InsnKind::jump;
    form.insn.jump_op = row.op;
    form.insn.width = width;
    form.is_plain = true;
    form.distance = -1;
    return with_operand(form, source);
}

constexpr PlainForm plain_access(InsnKind kind, std::uint8_t size_bytes) {
    PlainForm form;
    form.insn.kind = kind;
    form.insn.size_bytes = size_bytes;
    form.is_plain = true;
    form.displacement = -1;
    form.unused.registers = kind == InsnKind::store_imm ? 0xf0 : 0;
    form.unused.imm = kind == InsnKind::store_imm ? 0 : -1;
    return form;
}

constexpr PlainForm plain_control(InsnKind kind, RawInsn unused) {
    PlainForm form;
    form.insn.kind = kind;
    form.is_plain = true;
    form.unused = unused;
    form.distance = kind == InsnKind::jump_always ? -1 : 0;
    form.displacement = kind == InsnKind::exit ? -1 : 0; // at which Linux does not look
    return form;
}

constexpr std::array<PlainForm, 256> plain_forms() {
    std::array<PlainForm, 256> forms{};
    const auto place = [&forms](InsnClass cls, unsigned rest, const PlainForm& form) {
        forms[static_cast<std::uint8_t>(cls) | rest] = form;
    };
    for (const Source source : {Source::imm, Source::reg}) {
        const unsigned bit = source == Source::reg ? kSourceRegister : 0U;
        for (const spec::AluRow& row : spec::kAluRows) {
            if (row.operand == Operand::binary && row.selector == 0) {
                place(InsnClass::alu, row.code | bit, plain_alu(row, source, Width::w32));
                place(InsnClass::alu64, row.code | bit, plain_alu(row, source, Width::w64));
            }
        }
        for (const spec::JumpRow& row : spec::kJumpRows) {
            place(InsnClass::jmp32, row.code | bit, plain_jump(row, source, Width::w32));
            place(InsnClass::jmp, row.code | bit, plain_jump(row, source, Width::w64));
        }
    }
    const auto control = [&](std::uint8_t code, InsnKind kind, RawInsn unused) {
        place(InsnClass::jmp, code, plain_control(kind, unused));
    };
    control(kJumpAlways, InsnKind::jump_always, {.registers = 0xff, .imm = -1});
    control(kExit, InsnKind::exit, {.registers = 0xff, .imm = -1});
    control(kCall, InsnKind::call_helper, {.registers = 0xff, .offset = -1});
    for (unsigned size = 0; size < kSizes.size(); ++size) {
        const unsigned rest = static_cast<unsigned>(Mode::mem) | size << 3;
        place(InsnClass::ldx, rest, plain_access(InsnKind::load, kSizes[size]));
        place(InsnClass::st, rest, plain_access(InsnKind::store_imm, kSizes[size]));
        place(InsnClass::stx, rest, plain_access(InsnKind::store_reg, kSizes[size]));
    }
    return forms;
}

constexpr std::array<PlainForm, 256> kPlainForms = plain_forms();

// Whether the instruction is of the plain form that its opcode has.
bool fits(const RawInsn& raw, const PlainForm& form) {
    constexpr std::uint8_t kLastSource = kFramePointer << 4 | 0x0f;
    const std::uint64_t used_anyway =
        std::bit_cast<std::uint64_t>(raw) & std::bit_cast<std::uint64_t>(form.unused);
    const bool names_registers = raw.dst() <= kFramePointer && raw.registers <= kLastSource;
    return form.is_plain && names_registers && used_anyway == 0;
}

// Precondition: fits(raw, form), and `insn` is the form's.
void put_fields(const RawInsn& raw, const PlainForm& form, Insn& insn) {
    insn.dst = raw.dst();
    insn.src = raw.src();
    insn.imm = raw.imm;
    insn.offset = static_cast<std::int16_t>(raw.offset & form.displacement);
    insn.jump_slots = raw.offset & form.distance;
}

} // namespace

Decoded decode(std::span<const RawInsn> program, InsnIndex at) {
    const RawInsn& raw = program[at.value];
    if (const PlainForm& form = kPlainForms[raw.opcode]; fits(raw, form)) {
        Decoded plain(form.insn);
        put_fields(raw, form, *std::get_if<Insn>(&plain));
        return plain;
    }
    Decoded decoded = decode_fields(program, at);
    if (const Insn* insn = std::get_if<Insn>(&decoded)) {
        if (std::optional<DecodeError> error = check_registers(*insn)) {
            return *std::move(error);
        }
    }
    return decoded;
}

Result<std::vector<Insn>> decode_all(std::span<const RawInsn> program) {
    std::vector<Insn> decoded;
    decoded.reserve(program.size());
    for (std::uint32_t slot = 0; slot < program.size();) {
        const RawInsn& raw = program[slot];
        if (const PlainForm& form = kPlainForms[raw.opcode]; fits(raw, form)) {
            put_fields(raw, form, decoded.emplace_back(form.insn));
            ++slot;
            continue;
        }
        const InsnIndex at{slot};
        Decoded one = decode(program, at);
        if (const auto* error = std::get_if<DecodeError>(&one)) {
            return fail(Code::invalid_input,
                        fmt::format("instruction {}: {}", at.value, error->message));
        }
        const Insn& insn = std::get<Insn>(one);
        decoded.insert(decoded.end(), insn.slots(), insn);
        slot += insn.slots();
    }
    return decoded;
}

std::array<RawInsn, 2> encode(const Insn& insn) {
    switch (insn.kind) {
    case InsnKind::alu:
        return {encode_alu(insn), {}};
    case InsnKind::address_space_cast: {
        RawInsn raw = raw_of(0xbf, insn);
        raw.offset = 1;
        return {raw, {}};
    }
    case InsnKind::load_wide: {
        RawInsn raw = raw_of(0x18, insn);
        raw.registers =
            static_cast<std::uint8_t>(insn.dst | (spec::row(insn.wide_source).src << 4));
        return {raw, RawInsn{0, 0, 0, static_cast<std::int32_t>(insn.imm_high)}};
    }
    case InsnKind::load:
        return {encode_memory(insn, InsnClass::ldx,
                              insn.extend == Extend::sign ? Mode::memsx : Mode::mem),
                {}};
    case InsnKind::store_imm:
        return {encode_memory(insn, InsnClass::st, Mode::mem), {}};
    case InsnKind::store_reg:
        return {encode_memory(insn, InsnClass::stx, Mode::mem), {}};
    case InsnKind::atomic: {
        RawInsn raw = encode_memory(insn, InsnClass::stx, Mode::atomic);
        raw.imm = spec::row(insn.atomic_op).imm;
        return {raw, {}};
    }
    case InsnKind::packet_absolute:
        return {encode_memory(insn, InsnClass::ld, Mode::abs), {}};
    case InsnKind::packet_indirect:
        return {encode_memory(insn, InsnClass::ld, Mode::ind), {}};
    case InsnKind::jump:
        return {encode_jump(insn, spec::row(insn.jump_op).code), {}};
    case InsnKind::jump_always:
        return {encode_jump(insn, kJumpAlways), {}};
    case InsnKind::may_goto:
        return {encode_jump(insn, kMayGoto), {}};
    case InsnKind::call_helper:
        return {encode_call(insn, 0), {}};
    case InsnKind::call_subprogram:
        return {encode_call(insn, kCallSubprogram), {}};
    case InsnKind::call_kfunc:
        return {encode_call(insn, kCallKfunc), {}};
    case InsnKind::call_register:
        return {encode_jump(insn, kCall), {}};
    case InsnKind::exit:
        return {encode_jump(insn, kExit), {}};
    }
    return {};
}

void append(std::vector<RawInsn>& program, const Insn& insn) {
    const std::array<RawInsn, 2> raw = encode(insn);
    program.insert(program.end(), raw.begin(), raw.begin() + insn.slots());
}

} // namespace skep
