// SPDX-License-Identifier: Apache-2.0
#include "tests/support/witness.hpp"

#include <cstring>
#include <vector>

namespace skep::tests {
namespace {

constexpr std::size_t kFrameBytes = 512;
constexpr std::size_t kMaxFrames = 8;

class Witness {
  public:
    Witness(std::vector<Insn> insns, void* context)
        : insns_(std::move(insns)), stack_(kFrameBytes * kMaxFrames) {
        reg_[1] = reinterpret_cast<std::uint64_t>(context);
        reg_[kFramePointer] = reinterpret_cast<std::uint64_t>(stack_.data()) + kFrameBytes;
    }

    std::optional<std::uint64_t> run(std::uint64_t max_steps) {
        for (std::uint64_t step = 0; step < max_steps && !ended_; ++step) {
            if (at_ < 0 || at_ >= static_cast<std::int64_t>(insns_.size())) {
                return std::nullopt;
            }
            const Insn& insn = insns_[static_cast<std::size_t>(at_)];
            const InsnIndex here{static_cast<std::uint32_t>(at_)};
            at_ += insn.slots();
            if (!carry_out(insn, here)) {
                return std::nullopt;
            }
        }
        return ended_ ? std::optional(reg_[0]) : std::nullopt;
    }

  private:
    struct Frame {
        std::int64_t back;
        std::array<std::uint64_t, 4> saved;
    };

    [[nodiscard]] std::uint64_t second(const Insn& insn) const {
        return insn.source == Source::reg ? reg_[insn.src]
                                          : static_cast<std::uint64_t>(std::int64_t{insn.imm});
    }
    [[nodiscard]] void* place(Reg base, const Insn& insn) const {
        return reinterpret_cast<void*>(reg_[base] +
                                       static_cast<std::uint64_t>(std::int64_t{insn.offset}));
    }
    static std::uint64_t read(const void* from, std::uint8_t size_bytes) {
        std::uint64_t number = 0;
        std::memcpy(&number, from, size_bytes); // the hosts are little-endian
        return number;
    }

    void arithmetic(const Insn& insn) {
        reg_[insn.dst] = insn.width == Width::w64
                             ? spec::apply(insn.alu_op, reg_[insn.dst], second(insn))
                             : spec::apply(insn.alu_op, static_cast<std::uint32_t>(reg_[insn.dst]),
                                           static_cast<std::uint32_t>(second(insn)));
    }
    [[nodiscard]] bool taken(const Insn& insn) const {
        return insn.width == Width::w64
                   ? spec::taken(insn.jump_op, reg_[insn.dst], second(insn))
                   : spec::taken(insn.jump_op, static_cast<std::uint32_t>(reg_[insn.dst]),
                                 static_cast<std::uint32_t>(second(insn)));
    }
    void load(const Insn& insn) {
        const std::uint64_t number = read(place(insn.src, insn), insn.size_bytes);
        const unsigned unused = 64U - 8U * insn.size_bytes;
        reg_[insn.dst] =
            insn.extend == Extend::zero
                ? number
                : static_cast<std::uint64_t>(static_cast<std::int64_t>(number << unused) >> unused);
    }
    // One thread: atomic by nature.
    void atomic(const Insn& insn) {
        const spec::AtomicForm form = spec::row(insn.atomic_op).form;
        void* memory = place(form == spec::AtomicForm::load ? insn.src : insn.dst, insn);
        const std::uint64_t before = read(memory, insn.size_bytes);
        const std::uint64_t after =
            insn.size_bytes == 4 ? spec::stored(insn.atomic_op, static_cast<std::uint32_t>(before),
                                                static_cast<std::uint32_t>(reg_[insn.src]),
                                                static_cast<std::uint32_t>(reg_[0]))
                                 : spec::stored(insn.atomic_op, before, reg_[insn.src], reg_[0]);
        if (form == spec::AtomicForm::load) {
            reg_[insn.dst] = before;
            return;
        }
        std::memcpy(memory, &after, insn.size_bytes);
        if (form == spec::AtomicForm::fetch) {
            reg_[insn.atomic_op == AtomicOp::cmpxchg ? 0 : insn.src] = before;
        }
    }
    bool call(std::int64_t target) {
        if (frames_.size() + 1 == kMaxFrames) {
            return false;
        }
        frames_.push_back({at_, {reg_[6], reg_[7], reg_[8], reg_[9]}});
        reg_[kFramePointer] += kFrameBytes;
        at_ = target;
        return true;
    }
    void leave() {
        if (frames_.empty()) {
            ended_ = true;
            return;
        }
        at_ = frames_.back().back;
        std::copy(frames_.back().saved.begin(), frames_.back().saved.end(), reg_.begin() + 6);
        frames_.pop_back();
        reg_[kFramePointer] -= kFrameBytes;
    }

    bool carry_out(const Insn& insn, InsnIndex here) {
        switch (insn.kind) {
        case InsnKind::alu:
            arithmetic(insn);
            return true;
        case InsnKind::address_space_cast:
            reg_[insn.dst] = reg_[insn.src];
            return true;
        case InsnKind::load_wide:
            reg_[insn.dst] = insn.imm64();
            return insn.wide_source == WideSource::number;
        case InsnKind::load:
            load(insn);
            return true;
        case InsnKind::store_imm:
        case InsnKind::store_reg: {
            const auto imm = static_cast<std::uint64_t>(std::int64_t{insn.imm});
            const std::uint64_t number = insn.kind == InsnKind::store_reg ? reg_[insn.src] : imm;
            std::memcpy(place(insn.dst, insn), &number, insn.size_bytes);
            return true;
        }
        case InsnKind::atomic:
            atomic(insn);
            return true;
        case InsnKind::jump:
            at_ = taken(insn) ? insn.target(here) : at_;
            return true;
        case InsnKind::jump_always:
            at_ = insn.target(here);
            return true;
        case InsnKind::may_goto: // its budget outlasts the steps
            return true;
        case InsnKind::call_subprogram:
            return call(insn.target(here));
        case InsnKind::exit:
            leave();
            return true;
        case InsnKind::call_helper:
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
            return false;
        }
        return false;
    }

    std::vector<Insn> insns_;
    std::vector<std::uint8_t> stack_;
    std::array<std::uint64_t, 11> reg_{};
    std::vector<Frame> frames_;
    std::int64_t at_ = 0;
    bool ended_ = false;
};

} // namespace

std::optional<std::uint64_t> witness(std::span<const RawInsn> program, void* context,
                                     std::uint64_t max_steps) {
    Result<std::vector<Insn>> insns = decode_all(program);
    return insns.ok() ? Witness(*std::move(insns), context).run(max_steps) : std::nullopt;
}

} // namespace skep::tests
