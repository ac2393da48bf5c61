// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/liveness.hpp"

#include <algorithm>
#include <array>
#include <deque>

#include "skep/spec/helpers.hpp"
#include "skep/verify/shape/control_flow.hpp"
#include "skep/verify/state/stack.hpp"

namespace skep::verify {
namespace {

// What a register may hold, as far as the frame's address is concerned.
enum class Holds : std::uint8_t { never, number, frame_address, perhaps };
struct Held {
    Holds holds = Holds::never;
    std::int64_t number = 0; // number: which; frame_address: offset from the frame's top

    bool operator==(const Held&) const = default;
    [[nodiscard]] Held join(const Held& other) const {
        if (*this == other) {
            return *this;
        }
        const bool frame = may_be_frame() || other.may_be_frame();
        return {frame ? Holds::perhaps : Holds::never, 0};
    }
    [[nodiscard]] bool may_be_frame() const {
        return holds == Holds::frame_address || holds == Holds::perhaps;
    }
};
using Registers = std::array<Held, 11>;

// Slots that hold a byte of [first, last], offsets from the frame's top.
SlotSet slots_between(std::int64_t first, std::int64_t last) {
    first = std::max<std::int64_t>(first, -kStackBytes);
    last = std::min<std::int64_t>(last, -1);
    SlotSet set = kNoSlots;
    for (std::int64_t slot = -last - 1; first <= last && slot <= -first - 1; ++slot) {
        set |= SlotSet{1} << (static_cast<std::uint64_t>(slot) / kSlotBytes);
    }
    return set;
}

struct Use {
    SlotSet read = kNoSlots;
    SlotSet overwritten = kNoSlots;
};

// One subprogram's forward pass and both backward ones.
class Analysis {
  public:
    Analysis(const Subject& subject, const Subprogram& subprogram, Liveness& result)
        : subject_(subject), subprogram_(subprogram), result_(result),
          before_(subprogram.end.value - subprogram.start.value), reached_(before_.size(), false),
          uses_(before_.size()), predecessors_(before_.size()) {}

    void run() {
        find_frame_addresses();
        if (escaped_) { // now it is known that loads may bring the address back
            reached_.assign(reached_.size(), false);
            find_frame_addresses();
        }
        for (std::uint32_t at = subprogram_.start.value; at < subprogram_.end.value;
             at += subject_.insns[at].slots()) {
            uses_[local(at)] = use_of(InsnIndex{at});
        }
        go_backwards();
    }

  private:
    [[nodiscard]] std::uint32_t local(std::uint32_t at) const {
        return at - subprogram_.start.value;
    }

    void find_frame_addresses() {
        std::deque<std::uint32_t> work{subprogram_.start.value};
        Registers entry{};
        // Arguments may be addresses of a caller's frame, never of this one.
        entry[kFramePointer] = {Holds::frame_address, 0};
        before_[0] = entry;
        reached_[0] = true;
        while (!work.empty()) {
            const std::uint32_t at = work.front();
            work.pop_front();
            const Registers after = stepped(before_[local(at)], subject_.insns[at]);
            const Successors next = successors(subject_, InsnIndex{at});
            for (unsigned i = 0; i < next.count; ++i) {
                flow(after, next.list[i].value, work);
            }
        }
    }
    void flow(const Registers& after, std::uint32_t to, std::deque<std::uint32_t>& work) {
        Registers& there = before_[local(to)];
        if (!reached_[local(to)]) {
            reached_[local(to)] = true;
            there = after;
            work.push_back(to);
            return;
        }
        bool changed = false;
        for (std::size_t reg = 0; reg < there.size(); ++reg) {
            const Held joined = there[reg].join(after[reg]);
            changed = changed || !(joined == there[reg]);
            there[reg] = joined;
        }
        if (changed) {
            work.push_back(to);
        }
    }

    Registers stepped(Registers regs, const Insn& insn) {
        note_escape(regs, insn);
        const RegSet written = writes(insn);
        const Held result = result_of(regs, insn);
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            if ((written & only(reg)) != 0) {
                regs[reg] = result;
            }
        }
        return regs;
    }
    // Once the address is stored, whatever is loaded may be it. (A callee cannot keep it: it may
    // not store addresses of the stack in a caller's frame.)
    void note_escape(const Registers& regs, const Insn& insn) {
        const bool stores = insn.kind == InsnKind::store_reg || insn.kind == InsnKind::atomic;
        escaped_ = escaped_ || (stores && regs[insn.src].may_be_frame());
    }
    [[nodiscard]] static bool is_given_frame(const Registers& regs) {
        return std::any_of(regs.begin() + 1, regs.begin() + 6,
                           [](const Held& held) { return held.may_be_frame(); });
    }
    Held result_of(const Registers& regs, const Insn& insn) const {
        switch (insn.kind) {
        case InsnKind::alu:
            return alu_result(regs, insn);
        case InsnKind::load_wide:
            return insn.wide_source == WideSource::number
                       ? Held{Holds::number, static_cast<std::int64_t>(insn.imm64())}
                       : Held{};
        case InsnKind::load:
        case InsnKind::atomic:
            return {escaped_ ? Holds::perhaps : Holds::never, 0};
        case InsnKind::call_subprogram:
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
            return {escaped_ || is_given_frame(regs) ? Holds::perhaps : Holds::never, 0};
        case InsnKind::store_imm:
        case InsnKind::store_reg:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::jump:
        case InsnKind::jump_always:
        case InsnKind::may_goto:
        case InsnKind::call_helper:
        case InsnKind::exit:
        case InsnKind::address_space_cast:
            return {};
        }
        return {};
    }
    static Held alu_result(const Registers& regs, const Insn& insn) {
        const Held second =
            insn.source == Source::reg ? regs[insn.src] : Held{Holds::number, insn.imm};
        const Held first = regs[insn.dst];
        if (insn.alu_op == AluOp::mov) {
            const bool kept =
                insn.width == Width::w64 || (second.holds == Holds::number && second.number >= 0);
            return kept ? second : Held{};
        }
        if (insn.alu_op == AluOp::add && insn.width == Width::w64) {
            if (first.holds == Holds::frame_address && second.holds == Holds::number) {
                return {Holds::frame_address, wrapping_sum(first.number, second.number)};
            }
            if (second.holds == Holds::frame_address && first.holds == Holds::number) {
                return {Holds::frame_address, wrapping_sum(first.number, second.number)};
            }
        }
        const bool frame = first.may_be_frame() || second.may_be_frame();
        return {frame ? Holds::perhaps : Holds::never, 0};
    }
    static std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) +
                                         static_cast<std::uint64_t>(b));
    }

    // The slots that an access of `bytes` through the register may touch.
    [[nodiscard]] SlotSet touched(const Held& base, std::int64_t displacement,
                                  std::int64_t bytes) const {
        if (base.holds == Holds::frame_address) {
            return slots_between(base.number + displacement,
                                 base.number + displacement + bytes - 1);
        }
        return base.may_be_frame() ? kAllSlots : kNoSlots;
    }

    [[nodiscard]] Use use_of(InsnIndex at) const {
        const Insn& insn = subject_.insn(at);
        const Registers& regs = before_[local(at.value)];
        Use use;
        switch (insn.kind) {
        case InsnKind::load:
            use.read = touched(regs[insn.src], insn.offset, insn.size_bytes);
            break;
        case InsnKind::atomic:
            use.read = touched(regs[insn.dst], insn.offset, insn.size_bytes) |
                       touched(regs[insn.src], insn.offset, insn.size_bytes);
            break;
        case InsnKind::store_imm:
        case InsnKind::store_reg:
            use.overwritten = overwritten(regs[insn.dst], insn);
            break;
        case InsnKind::call_helper:
            use.read = read_by_helper(regs, insn);
            break;
        case InsnKind::call_kfunc:
        case InsnKind::call_subprogram:
        case InsnKind::call_register:
            use.read = read_by_anyone(regs);
            break;
        case InsnKind::alu:
        case InsnKind::load_wide:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::jump:
        case InsnKind::jump_always:
        case InsnKind::may_goto:
        case InsnKind::exit:
        case InsnKind::address_space_cast:
            break;
        }
        return use;
    }
    [[nodiscard]] static SlotSet overwritten(const Held& base, const Insn& insn) {
        const std::int64_t offset = base.number + insn.offset;
        const bool whole_slot =
            base.holds == Holds::frame_address && insn.size_bytes == kSlotBytes && offset % 8 == 0;
        return whole_slot ? slots_between(offset, offset + 7) : kNoSlots;
    }
    [[nodiscard]] SlotSet read_by_anyone(const Registers& regs) const {
        return escaped_ || is_given_frame(regs) ? kAllSlots : kNoSlots;
    }
    // A helper reads upwards from the address it is given, and only what its arguments say.
    [[nodiscard]] SlotSet read_by_helper(const Registers& regs, const Insn& insn) const {
        const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
        if (row == nullptr || row->effects.has(spec::Effect::calls_back)) {
            return read_by_anyone(regs);
        }
        const spec::Arguments& arguments = spec::arguments(*row, subject_.program.type);
        SlotSet read = kNoSlots;
        for (Reg reg = 1; reg <= 5; ++reg) {
            const bool taken = arguments[reg - 1U].kind != spec::ArgKind::none;
            if (!taken || !regs[reg].may_be_frame()) {
                continue;
            }
            const bool sized = regs[reg].holds == Holds::frame_address && reg < 5 &&
                               regs[reg + 1U].holds == Holds::number &&
                               (arguments[reg].kind == spec::ArgKind::const_size ||
                                arguments[reg].kind == spec::ArgKind::const_size_or_zero);
            if (sized) {
                read |=
                    slots_between(regs[reg].number, regs[reg].number + regs[reg + 1U].number - 1);
            } else {
                read |= regs[reg].holds == Holds::frame_address
                            ? slots_between(regs[reg].number, -1)
                            : kAllSlots;
            }
        }
        return read;
    }

    [[nodiscard]] RegSet regs_read(const Insn& insn) const {
        if (insn.kind != InsnKind::call_helper) {
            return reads(insn);
        }
        const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
        if (row == nullptr) {
            return kArguments;
        }
        const spec::Arguments& arguments = spec::arguments(*row, subject_.program.type);
        RegSet read = kNoRegs;
        for (Reg reg = 1; reg <= 5; ++reg) {
            read |= arguments[reg - 1U].kind != spec::ArgKind::none ? only(reg) : kNoRegs;
        }
        return read;
    }

    void go_backwards() {
        std::deque<std::uint32_t> work;
        for (std::uint32_t at = subprogram_.start.value; at < subprogram_.end.value;
             at += subject_.insns[at].slots()) {
            const Successors next = successors(subject_, InsnIndex{at});
            for (unsigned i = 0; i < next.count; ++i) {
                predecessors_[local(next.list[i].value)].push_back(at);
            }
            work.push_front(at);
        }
        while (!work.empty()) {
            const std::uint32_t at = work.front();
            work.pop_front();
            if (update(at)) {
                for (const std::uint32_t before : predecessors_[local(at)]) {
                    work.push_back(before);
                }
            }
        }
    }
    bool update(std::uint32_t at) {
        const Insn& insn = subject_.insns[at];
        const Successors next = successors(subject_, InsnIndex{at});
        RegSet regs = kNoRegs;
        SlotSet slots = kNoSlots;
        for (unsigned i = 0; i < next.count; ++i) {
            regs |= result_.regs[next.list[i].value];
            slots |= result_.slots[next.list[i].value];
        }
        const Use& use = uses_[local(at)];
        regs = static_cast<RegSet>((regs & ~writes(insn)) | regs_read(insn));
        slots = (slots & ~use.overwritten) | use.read;
        const bool changed = regs != result_.regs[at] || slots != result_.slots[at];
        result_.regs[at] = regs;
        result_.slots[at] = slots;
        return changed;
    }

    const Subject& subject_;
    const Subprogram& subprogram_;
    Liveness& result_;
    std::vector<Registers> before_;
    std::vector<bool> reached_;
    std::vector<Use> uses_;
    std::vector<std::vector<std::uint32_t>> predecessors_;
    bool escaped_ = false;
};

} // namespace

Liveness find_liveness(const Subject& subject) {
    Liveness result;
    result.regs.assign(subject.insns.size() + 1, kNoRegs);
    result.slots.assign(subject.insns.size() + 1, kNoSlots);
    for (const Subprogram& subprogram : subject.subprograms) {
        Analysis(subject, subprogram, result).run();
    }
    return result;
}

} // namespace skep::verify
