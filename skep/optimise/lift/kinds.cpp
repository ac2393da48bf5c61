// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lift/kinds.hpp"

#include "skep/spec/helpers.hpp"

namespace skep::optimise {
namespace {

constexpr RegBits kArgumentBits = 0x3e; // r1 to r5
constexpr RegBits kFrameBit = bit_of(kFramePointer);

// half: a number below 2^32; hidden: mixed, as a number
enum class Kind : std::uint8_t { half, number, hidden, address, mixed };

Held with(Held held, Reg reg, Kind kind) {
    const RegBits bit = bit_of(reg);
    const bool as_address = kind == Kind::address || kind == Kind::mixed;
    const bool is_mixed = kind == Kind::hidden || kind == Kind::mixed;
    return {static_cast<RegBits>(as_address ? held.addresses | bit : held.addresses & ~bit),
            static_cast<RegBits>(is_mixed ? held.mixed | bit : held.mixed & ~bit),
            static_cast<RegBits>(kind == Kind::half ? held.halves | bit : held.halves & ~bit)};
}

Kind kind_in(Held held, Reg reg) {
    if (held.is_address(reg)) {
        return held.is_mixed(reg) ? Kind::mixed : Kind::address;
    }
    if (held.is_mixed(reg)) {
        return Kind::hidden;
    }
    return held.is_half(reg) ? Kind::half : Kind::number;
}

Kind kind_of(std::uint64_t number) { return number >> 32 == 0 ? Kind::half : Kind::number; }

// What may be null is a number on the way on which it is.
Kind helper_gives(std::int32_t helper) {
    const auto* row = spec::find_helper(static_cast<std::uint32_t>(helper));
    if (row == nullptr) {
        return Kind::hidden;
    }
    using spec::ResultKind;
    switch (row->result.kind) {
    case ResultKind::nothing:
    case ResultKind::integer:
    case ResultKind::count_or_error:
    case ResultKind::cpu_number:
        return Kind::number;
    case ResultKind::map_value:
    case ResultKind::btf_id:
    case ResultKind::trusted_btf_id:
    case ResultKind::rdonly_mem_or_btf_id:
        return Kind::address;
    case ResultKind::map_value_or_null:
    case ResultKind::socket_or_null:
    case ResultKind::sock_common_or_null:
    case ResultKind::tcp_sock_or_null:
    case ResultKind::ringbuf_mem_or_null:
    case ResultKind::dynptr_mem_or_null:
    case ResultKind::btf_id_or_null:
    case ResultKind::kptr_or_null:
    case ResultKind::rdonly_mem_or_btf_id_or_null:
        return Kind::mixed;
    }
    return Kind::hidden;
}

// Of sums that nothing was proved of. Never fewer addresses, nor surer ones, of more.
Kind sum_of(const Insn& insn, Held before) {
    const Kind dst = kind_in(before, insn.dst);
    const Kind src = insn.source == Source::reg ? kind_in(before, insn.src) : Kind::number;
    const auto is_number = [](Kind kind) { return kind == Kind::half || kind == Kind::number; };
    if (insn.alu_op == AluOp::sub && src == Kind::address) {
        return Kind::number; // what lies between two addresses
    }
    if (is_number(dst) && is_number(src)) {
        return Kind::number;
    }
    const bool as_address =
        before.is_address(insn.dst) ||
        (insn.alu_op == AluOp::add && insn.source == Source::reg && before.is_address(insn.src));
    return as_address ? Kind::mixed : Kind::hidden;
}

// Of 64 bits, and neither a move nor a sum. What results of halves is one where no bit can rise.
Kind bits_of(const Insn& insn, Held before) {
    const bool by_reg = insn.source == Source::reg;
    const bool dst = before.is_half(insn.dst);
    const bool src = by_reg ? before.is_half(insn.src) : insn.imm >= 0;
    const AluOp op = insn.alu_op;
    const bool is_half = op == AluOp::and_                       ? dst || src
                         : op == AluOp::or_ || op == AluOp::xor_ ? dst && src
                         : op == AluOp::rsh ? dst || (!by_reg && (insn.imm & 63) >= 32)
                         : op == AluOp::mod ? dst || (!by_reg && insn.imm > 0)
                                            : dst && (op == AluOp::arsh || op == AluOp::div);
    return is_half ? Kind::half : Kind::number;
}

Kind alu_gives(const Insn& insn, const verify::InsnFacts& facts, Held before) {
    if (facts.constant.has_value()) {
        return kind_of(*facts.constant);
    }
    const spec::Operand form = spec::row(insn.alu_op).operand;
    if (form == spec::Operand::order_le || form == spec::Operand::order_be ||
        form == spec::Operand::order_swap) { // of a width of their own
        const bool is_whole = insn.alu_op == AluOp::le64 || insn.alu_op == AluOp::be64 ||
                              insn.alu_op == AluOp::bswap64;
        return is_whole ? Kind::number : Kind::half;
    }
    if (insn.width != Width::w64) {
        return Kind::half;
    }
    if (facts.produces_pointer) {
        return Kind::address;
    }
    if (insn.alu_op == AluOp::mov) {
        return insn.source == Source::reg
                   ? kind_in(before, insn.src)
                   : kind_of(static_cast<std::uint64_t>(std::int64_t{insn.imm}));
    }
    const bool is_sum = insn.alu_op == AluOp::add || insn.alu_op == AluOp::sub;
    return is_sum ? sum_of(insn, before) : bits_of(insn, before);
}

Kind load_gives(const Insn& insn, const verify::InsnFacts& facts) {
    if (facts.constant.has_value()) {
        return kind_of(*facts.constant);
    }
    if (insn.size_bytes != 8) {
        return insn.extend == Extend::zero ? Kind::half : Kind::number;
    }
    return facts.produces_pointer && !facts.fault_reads_zero ? Kind::address : Kind::hidden;
}

class Walk {
  public:
    Walk(const verify::VerifiedProgram& program, const run::jit::Plan& plan)
        : program_(program), plan_(plan) {
        kinds_.before.resize(plan.insns.size());
        kinds_.arguments.resize(plan.functions.size());
        kinds_.address_taken.resize(plan.functions.size());
        seen_.resize(plan.insns.size());
        is_called_.resize(plan.functions.size());
    }

    Kinds run() {
        const auto slots = static_cast<std::uint32_t>(plan_.insns.size());
        for (std::uint32_t at = 0; at < slots; at += plan_.insns[at].slots()) {
            const Insn& insn = plan_.insns[at];
            if (insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function) {
                kinds_.address_taken[function_at(std::int64_t{at} + 1 + insn.imm)] = true;
            }
        }
        for (std::size_t i = 0; i < plan_.functions.size(); ++i) {
            kinds_.arguments[i].addresses = i == 0 ? bit_of(1) : RegBits{0};
            kinds_.arguments[i].mixed = kinds_.address_taken[i] ? kArgumentBits : RegBits{0};
            arrive(plan_.functions[i].start, kinds_.arguments[i]);
        }
        while (!open_.empty()) {
            const std::uint32_t at = open_.back();
            open_.pop_back();
            step(at);
        }
        return std::move(kinds_);
    }

  private:
    [[nodiscard]] std::size_t function_at(std::int64_t slot) const {
        return plan_.function_at(static_cast<std::uint32_t>(slot));
    }

    void arrive(std::int64_t slot, Held held) {
        const auto at = static_cast<std::size_t>(slot);
        if (slot < 0 || at >= plan_.insns.size()) {
            return;
        }
        held.addresses |= kFrameBit;
        const Held both = seen_[at] ? joined(kinds_.before[at], held) : held;
        if (!seen_[at] || both != kinds_.before[at]) {
            seen_[at] = true;
            kinds_.before[at] = both;
            open_.push_back(static_cast<std::uint32_t>(at));
        }
    }

    void step(std::uint32_t at) {
        const Insn& insn = plan_.insns[at];
        const Held before = kinds_.before[at];
        const Held after = kinds_after(insn, program_.facts()[at], before);
        const std::int64_t next = std::int64_t{at} + insn.slots();
        if (insn.kind == InsnKind::exit) {
            return;
        }
        if (insn.kind == InsnKind::jump || insn.kind == InsnKind::jump_always ||
            insn.kind == InsnKind::may_goto) {
            arrive(insn.target(InsnIndex{at}), after);
        }
        if (insn.kind == InsnKind::call_subprogram) {
            hand_over(insn.target(InsnIndex{at}), before);
        }
        if (insn.kind != InsnKind::jump_always) {
            arrive(next, after);
        }
    }

    void hand_over(std::int64_t target, Held before) {
        const std::size_t callee = function_at(target);
        if (kinds_.address_taken[callee] || callee == 0) {
            return;
        }
        before.addresses &= kArgumentBits;
        before.mixed &= kArgumentBits;
        before.halves = 0; // they are handed over whole
        Held& arguments = kinds_.arguments[callee];
        arguments = is_called_[callee] ? joined(arguments, before) : before;
        is_called_[callee] = true;
        arrive(target, arguments);
    }

    const verify::VerifiedProgram& program_;
    const run::jit::Plan& plan_;
    Kinds kinds_;
    std::vector<bool> seen_;
    std::vector<bool> is_called_; // by function: its arguments are known from a call
    std::vector<std::uint32_t> open_;
};

} // namespace

Kinds kinds_of(const verify::VerifiedProgram& program, const run::jit::Plan& plan) {
    return Walk(program, plan).run();
}

Held joined(Held one, Held other) {
    return {static_cast<RegBits>(one.addresses | other.addresses),
            static_cast<RegBits>(one.mixed | other.mixed | (one.addresses ^ other.addresses)),
            static_cast<RegBits>(one.halves & other.halves)};
}

Held kinds_after(const Insn& insn, const verify::InsnFacts& facts, Held before) {
    switch (insn.kind) {
    case InsnKind::alu:
        return with(before, insn.dst, alu_gives(insn, facts, before));
    case InsnKind::load:
        return with(before, insn.dst, load_gives(insn, facts));
    case InsnKind::load_wide:
        return with(before, insn.dst,
                    insn.wide_source == WideSource::number     ? kind_of(insn.imm64())
                    : insn.wide_source == WideSource::function ? Kind::hidden
                                                               : Kind::address);
    case InsnKind::address_space_cast:
        return with(before, insn.dst, kind_in(before, insn.src));
    case InsnKind::atomic:
        if (insn.atomic_op == AtomicOp::load_acq) {
            return with(before, insn.dst, Kind::hidden);
        }
        if (spec::row(insn.atomic_op).form != spec::AtomicForm::fetch) {
            return before;
        }
        return with(before, insn.atomic_op == AtomicOp::cmpxchg ? Reg{0} : insn.src, Kind::hidden);
    case InsnKind::call_helper:
        return with(before, 0, helper_gives(insn.imm));
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
        return with(before, 0, Kind::number);
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
        return with(before, 0, Kind::hidden);
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::jump:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
    case InsnKind::exit:
        return before;
    }
    return before;
}

// The result is an address on every way, and of an address and a number: what is surely an address
// is the base, and so is what stands beside a sure number. From a number no address is subtracted.
std::optional<Reg> base_of_sum(const Insn& insn, const verify::InsnFacts& facts, Held before) {
    if (!facts.produces_pointer) {
        return std::nullopt;
    }
    if (insn.source == Source::imm || insn.alu_op == AluOp::sub ||
        before.is_surely_address(insn.dst) || before.is_surely_number(insn.src)) {
        return insn.dst;
    }
    if (before.is_surely_address(insn.src) || before.is_surely_number(insn.dst)) {
        return insn.src;
    }
    return std::nullopt;
}

} // namespace skep::optimise
