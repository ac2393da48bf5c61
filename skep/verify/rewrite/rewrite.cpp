// SPDX-License-Identifier: Apache-2.0
//
// Each original instruction becomes none, one or a few running ones. Jumps are laid out last, when
// all places are known; a jump to a removed instruction goes to the next kept one, which is where
// the removed ones led (only jumps that go nowhere are removed from the middle of reached code).
#include "skep/verify/rewrite/rewrite.hpp"

#include <fmt/format.h>

#include <limits>

#include "skep/verify/explain/refusal.hpp"

namespace skep::verify {
namespace {

class Rewriter {
  public:
    Rewriter(const Subject& subject, const RunningFacts& running)
        : subject_(subject), running_(running) {}

    Ruling<Rewritten> run() {
        result_.starts.resize(subject_.insns.size() + 1);
        result_.insns.reserve(subject_.insns.size());
        result_.origins.reserve(subject_.insns.size());
        for (std::uint32_t at = 0; at < subject_.insns.size(); at += subject_.insns[at].slots()) {
            for (std::uint32_t slot = at; slot < at + subject_.insns[at].slots(); ++slot) {
                result_.starts[slot] = InsnIndex{static_cast<std::uint32_t>(result_.insns.size())};
            }
            if (running_.reached[at]) {
                TRY(one(InsnIndex{at}));
            } else if (is_named_but_unused(InsnIndex{at})) {
                stand_in(InsnIndex{at});
            }
        }
        result_.starts.back() = InsnIndex{static_cast<std::uint32_t>(result_.insns.size())};
        TRY(lay_out_jumps());
        return std::move(result_);
    }

  private:
    // A jump whose distance is still that of the original.
    struct Pending {
        std::uint32_t at;
        Insn insn;
        std::int64_t target;
    };

    // A function whose address is taken, and that is never called: the address must lead somewhere.
    [[nodiscard]] bool is_named_but_unused(InsnIndex at) const {
        const auto subprogram = subject_.subprogram_at(at);
        return subprogram.has_value() && subject_.subprograms[*subprogram].is_callback;
    }
    void stand_in(InsnIndex at) {
        Insn zero;
        zero.kind = InsnKind::alu;
        zero.alu_op = AluOp::mov;
        emit(zero, at);
        emit(Insn{}, at); // exit
    }

    void emit(const Insn& insn, InsnIndex from) {
        append(result_.insns, insn);
        result_.origins.resize(result_.insns.size(), from);
    }
    void emit_raw(const RawInsn& raw, InsnIndex from) {
        result_.insns.push_back(raw);
        result_.origins.push_back(from);
    }
    void emit_jump(const Insn& insn, InsnIndex from) {
        pending_.push_back(
            {static_cast<std::uint32_t>(result_.insns.size()), insn, insn.target(from)});
        emit_raw({}, from); // until the jumps are laid out
    }

    Ruling<void> one(InsnIndex at) {
        const Insn& insn = subject_.insn(at);
        const InsnFacts& facts = running_.facts[at.value];
        switch (insn.kind) {
        case InsnKind::jump:
            conditional(insn, at, facts);
            return {};
        case InsnKind::jump_always:
            if (insn.jump_slots != 0) {
                emit_jump(insn, at);
            }
            return {};
        case InsnKind::may_goto:
        case InsnKind::call_subprogram:
            emit_jump(insn, at);
            return {};
        case InsnKind::load_wide:
            return wide(insn, at);
        case InsnKind::load:
        case InsnKind::store_imm:
        case InsnKind::store_reg:
            return facts.region == Region::context ? context(insn, at) : plain(insn, at);
        case InsnKind::alu:
        case InsnKind::atomic:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::call_helper:
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
        case InsnKind::exit:
        case InsnKind::address_space_cast:
            return plain(insn, at);
        }
        return {};
    }
    // As it was.
    Ruling<void> plain(const Insn& insn, InsnIndex at) {
        for (std::uint32_t slot = 0; slot < insn.slots(); ++slot) {
            emit_raw(subject_.program.insns[at.value + slot], at);
        }
        return {};
    }
    void conditional(const Insn& insn, InsnIndex at, const InsnFacts& facts) {
        if (facts.never_taken) {
            return;
        }
        if (!facts.always_taken) {
            emit_jump(insn, at);
            return;
        }
        Insn always;
        always.kind = InsnKind::jump_always;
        always.jump_slots = insn.jump_slots;
        if (always.jump_slots != 0) {
            emit_jump(always, at);
        }
    }
    Ruling<void> wide(const Insn& insn, InsnIndex at) {
        if (insn.wide_source == WideSource::function) {
            pending_.push_back({static_cast<std::uint32_t>(result_.insns.size()), insn,
                                std::int64_t{at.value} + 1 + insn.imm});
        }
        return plain(insn, at);
    }

    // The field of the host's record, then the part of it that the program asked for.
    Ruling<void> context(const Insn& insn, InsnIndex at) {
        ContextAccess access;
        access.reg = insn.kind == InsnKind::load ? insn.src : insn.dst;
        access.offset = insn.offset;
        access.size_bytes = insn.size_bytes;
        access.direction = insn.kind == InsnKind::load ? Direction::read : Direction::write;
        access.sign_extended = insn.kind == InsnKind::load && insn.extend == Extend::sign;
        access.immediate = insn.kind == InsnKind::store_imm;
        const std::optional<HostAccess> host = host_access(subject_, access);
        if (!host.has_value()) {
            return plain(insn, at); // no engine here has this context; who runs it says so
        }
        Insn moved = insn;
        moved.offset = static_cast<std::int16_t>(host->offset);
        moved.size_bytes = static_cast<std::uint8_t>(host->size_bytes);
        const bool whole = host->shift_bits == 0 && host->mask == ~0ULL;
        if (!whole) {
            moved.extend = Extend::zero;
        }
        emit(moved, at);
        if (insn.kind == InsnKind::load && !whole) {
            narrow(insn, *host, at);
        }
        return {};
    }
    void narrow(const Insn& insn, const HostAccess& host, InsnIndex at) {
        Insn step;
        step.kind = InsnKind::alu;
        step.width = Width::w64;
        step.source = Source::imm;
        step.dst = insn.dst;
        if (host.shift_bits != 0) {
            step.alu_op = AluOp::rsh;
            step.imm = static_cast<std::int32_t>(host.shift_bits);
            emit(step, at);
        }
        if (host.mask != ~0ULL) {
            // The mask is that of the bytes asked for: shifting the rest out needs no wide
            // immediate.
            const unsigned unused = 64U - insn.size_bytes * 8U;
            step.imm = static_cast<std::int32_t>(unused);
            step.alu_op = AluOp::lsh;
            emit(step, at);
            step.alu_op = insn.extend == Extend::sign ? AluOp::arsh : AluOp::rsh;
            emit(step, at);
        }
    }

    Ruling<void> lay_out_jumps() {
        for (const Pending& pending : pending_) {
            Insn insn = pending.insn;
            const std::int64_t target =
                result_.starts[static_cast<std::size_t>(pending.target)].value;
            const std::int64_t distance = target - (std::int64_t{pending.at} + 1);
            if (insn.kind == InsnKind::load_wide) {
                insn.imm = static_cast<std::int32_t>(distance);
            } else {
                insn.jump_slots = static_cast<std::int32_t>(distance);
            }
            const bool is_short = insn.kind == InsnKind::jump || insn.kind == InsnKind::may_goto ||
                                  (insn.kind == InsnKind::jump_always && !insn.long_jump);
            if (is_short && (distance < std::numeric_limits<std::int16_t>::min() ||
                             distance > std::numeric_limits<std::int16_t>::max())) {
                if (insn.kind != InsnKind::jump_always) {
                    return refuse(
                        {.code = FindingCode::wrong_control_flow,
                         .os_errno = ERANGE,
                         .kernel = "insn_delta too large",
                         .because =
                             "a jump became too long when context accesses were translated"});
                }
                insn.long_jump = true;
            }
            result_.insns[pending.at] = encode(insn)[0];
        }
        return {};
    }

    const Subject& subject_;
    const RunningFacts& running_;
    Rewritten result_;
    std::vector<Pending> pending_;
};

} // namespace

Ruling<Rewritten> rewrite(const Subject& subject, const RunningFacts& running) {
    return Rewriter(subject, running).run();
}

} // namespace skep::verify
