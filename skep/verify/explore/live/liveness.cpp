// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/live/liveness.hpp"

#include <algorithm>
#include <array>

#include "skep/spec/helpers.hpp"
#include "skep/verify/explore/live/frame_addresses.hpp"
#include "skep/verify/explore/live/kfunc_reads.hpp"
#include "skep/verify/explore/live/worklist.hpp"
#include "skep/verify/shape/control_flow.hpp"
#include "skep/verify/state/stack.hpp"

namespace skep::verify {
namespace {

// What callers must know of a function: what it does through its arguments, and which it uses.
struct Summary {
    RegSet arguments = kNoRegs; // live at its beginning
    Escapes escapes = Escapes::unknown();
    bool known = false;
};

struct Use {
    SlotSet read = kNoSlots;
    SlotSet overwritten = kNoSlots;
    RegSet regs_read = kNoRegs;
    RegSet regs_written = kNoRegs;
};

// Of the function that is looked at: a use, what it reads of callers, and the instructions before:
// where they are listed, and two of them at most.
constexpr std::uint64_t kBytesForSlot =
    sizeof(Use) + sizeof(ArgumentReads) + 1 + 3 * sizeof(std::uint32_t);

// What is kept for each slot of the program. Arguments are read by functions beside the main one.
std::uint64_t kept_bytes(const Subject& subject) {
    const bool has_callers = subject.subprograms.size() > 1;
    return subject.insns.size() *
           (sizeof(RegSet) + sizeof(SlotSet) + (has_callers ? sizeof(ArgumentReads) : 0));
}

class Analysis {
  public:
    Analysis(const Subject& subject, std::uint32_t index, std::vector<Summary>& summaries,
             Liveness& result)
        : subject_(subject), subprogram_(subject.subprograms[index]), index_(index),
          summaries_(summaries), result_(result),
          uses_(subprogram_.end.value - subprogram_.start.value), begins_(uses_.size(), 0) {}

    void run() {
        for (const Summary& summary : summaries_) {
            escapes_.push_back(summary.escapes);
        }
        const FrameAddresses addresses(subject_, subprogram_, escapes_);
        flow_ = addresses.flow();
        addresses_ = &addresses;
        addresses.each([this](InsnIndex at, const HeldRegisters& regs) {
            looked_at_ = local(at.value);
            begins_[looked_at_] = 1;
            Use& use = uses_[looked_at_];
            find_slots(use, at, regs);
            use.regs_read = regs_read(subject_.insn(at), at);
            use.regs_written = writes(subject_.insn(at));
        });
        go_backwards();
        summary_.arguments =
            static_cast<RegSet>(result_.regs[subprogram_.start.value] & kArguments);
        summary_.escapes.returned = flow_.escapes.returned;
        summary_.escapes.stored = flow_.escapes.stored;
        // What was stored may be read through memory; what is returned the caller knows of.
        for (Reg reg = 1; reg <= 5; ++reg) {
            if ((flow_.escapes.stored & (1U << reg)) != 0) {
                summary_.escapes.read[reg].add_all();
            }
        }
        summary_.escapes.reads_found =
            summary_.escapes.reads_found || (flow_.escapes.stored & kFoundFrame) != 0;
        summary_.known = true;
        summaries_[index_] = summary_;
        result_.analysis_bytes = std::max(result_.analysis_bytes,
                                          uses_.size() * kBytesForSlot + addresses.memory_bytes());
        note_argument_reads();
    }

  private:
    [[nodiscard]] std::uint32_t local(std::uint32_t at) const {
        return at - subprogram_.start.value;
    }

    // Notes that [from, to) counted from what `base` holds is read; answers with the own slots.
    SlotSet reads_through(const Held& base, std::int64_t from, std::int64_t to) {
        const bool near = base.is_near_address();
        from = std::max(from, -ReadBytes::kFar);
        to = std::min(to, ReadBytes::kFar);
        const std::int64_t first = near ? base.number + from : -ReadBytes::kFar;
        const std::int64_t end = near ? base.greatest() + to : ReadBytes::kFar;
        if ((base.bases & kCallersFrames) != 0) {
            note_callers_read(base.bases, first, end);
        }
        return (base.bases & kOwnFrame) != 0 ? slots_between(first, end) : kNoSlots;
    }
    void note_callers_read(Bases bases, std::int64_t first, std::int64_t end) {
        callers_reads_.resize(uses_.size()); // few functions read so
        ArgumentReads& reading = callers_reads_[looked_at_];
        for (Reg reg = 1; reg <= 5; ++reg) {
            if ((bases & (1U << reg)) != 0) {
                summary_.escapes.read[reg].add(first, end);
                reading.reaches[reg - 1U].add(first, end);
            }
        }
        if ((bases & kFoundFrame) != 0) {
            summary_.escapes.reads_found = true;
            reading.found = true;
        }
    }

    void find_slots(Use& use, InsnIndex at, const HeldRegisters& regs) {
        const Insn& insn = subject_.insn(at);
        switch (insn.kind) {
        case InsnKind::load:
            use.read = reads_through(regs[insn.src], insn.offset, insn.offset + insn.size_bytes);
            break;
        case InsnKind::atomic:
            use.read = reads_through(regs[insn.dst], insn.offset, insn.offset + insn.size_bytes);
            if (insn.atomic_op == AtomicOp::load_acq) {
                use.read |=
                    reads_through(regs[insn.src], insn.offset, insn.offset + insn.size_bytes);
            }
            break;
        case InsnKind::store_imm:
        case InsnKind::store_reg:
            use.overwritten = overwritten(regs[insn.dst], insn);
            break;
        case InsnKind::call_helper:
            use.read = read_by_helper(regs, insn);
            break;
        case InsnKind::call_subprogram:
            use.read = read_by_callee(regs, insn, at);
            break;
        case InsnKind::call_kfunc:
            use.read = read_by_kfunc(regs, at);
            break;
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
    }
    [[nodiscard]] static SlotSet overwritten(const Held& base, const Insn& insn) {
        const std::int64_t offset = base.number + insn.offset;
        const bool whole_slot = base.is_address() && base.bases == kOwnFrame &&
                                insn.size_bytes == kSlotBytes && offset % 8 == 0;
        return whole_slot ? slots_between(offset, offset + 8) : kNoSlots;
    }
    SlotSet read_by_anyone(const HeldRegisters& regs) {
        return read_by_function(regs, Escapes::unknown());
    }
    [[nodiscard]] Escapes callee_escapes(const Insn& insn, InsnIndex at) const {
        const auto callee =
            subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(insn.target(at))});
        return callee.has_value() ? summaries_[*callee].escapes : Escapes::unknown();
    }
    SlotSet read_by_callee(const HeldRegisters& regs, const Insn& insn, InsnIndex at) {
        const Escapes callee = callee_escapes(insn, at);
        note_handed(regs, callee, at);
        return read_by_function(regs, callee);
    }
    SlotSet read_by_function(const HeldRegisters& regs, const Escapes& function) {
        SlotSet read = kNoSlots;
        for (Reg reg = 1; reg <= 5; ++reg) {
            const ReadBytes& extent = function.read[reg];
            if (!extent.is_empty()) {
                read |= reads_through(regs[reg], extent.first, extent.end);
            }
        }
        if (function.reads_found) {
            const Bases found = addresses_->found_by(regs, function.read);
            read |= reads_through({Holds::nothing, found, 0}, 0, 0);
        }
        return read;
    }

    SlotSet read_by_kfunc(const HeldRegisters& regs, InsnIndex at) {
        const std::optional<KfuncReads> reads = kfunc_reads(subject_, at);
        if (!reads.has_value()) {
            return read_by_anyone(regs);
        }
        SlotSet read = kNoSlots;
        for (Reg reg = 1; reg <= 5; ++reg) {
            const KfuncReads::Argument& argument = reads->arguments[reg - 1U];
            const bool known = argument.extent == KfuncReads::Extent::by_next &&
                               regs[reg + 1U].holds == Holds::number;
            if (argument.extent == KfuncReads::Extent::fixed) {
                read |= reads_through(regs[reg], 0, argument.bytes);
            } else if (argument.extent != KfuncReads::Extent::nothing) {
                read |=
                    reads_through(regs[reg], 0, known ? regs[reg + 1U].number : ReadBytes::kFar);
            }
        }
        return read;
    }

    // Whether a stack is read through an argument: of the rest the helper takes the address alone,
    // fills what it points at, or takes no address of a stack.
    static bool reads_memory(spec::ArgKind kind) {
        constexpr spec::ArgKind kRead[] = {
            spec::ArgKind::map_key, spec::ArgKind::map_value,      spec::ArgKind::map_value_or_null,
            spec::ArgKind::mem,     spec::ArgKind::mem_or_null,    spec::ArgKind::fixed_mem,
            spec::ArgKind::dynptr,  spec::ArgKind::ringbuf_dynptr, spec::ArgKind::uninit_map_value};
        return std::ranges::find(kRead, kind) != std::end(kRead);
    }
    // How many bytes a helper reads from the argument's address on; -1: it does not.
    [[nodiscard]] std::int64_t bytes_read(const HeldRegisters& regs,
                                          const spec::Arguments& arguments, Reg reg) const {
        const spec::Arg& argument = arguments[reg - 1U];
        if (!reads_memory(argument.kind)) {
            return -1;
        }
        if (argument.kind == spec::ArgKind::fixed_mem) {
            return argument.bytes;
        }
        if (argument.kind == spec::ArgKind::map_key || argument.kind == spec::ArgKind::map_value) {
            return map_bytes(regs, arguments, argument.kind == spec::ArgKind::map_key);
        }
        const bool size_follows =
            reg < 5 && (arguments[reg].kind == spec::ArgKind::const_size ||
                        arguments[reg].kind == spec::ArgKind::const_size_or_zero);
        return size_follows && regs[reg + 1U].holds == Holds::number ? regs[reg + 1U].number
                                                                     : ReadBytes::kFar;
    }
    [[nodiscard]] std::int64_t map_bytes(const HeldRegisters& regs,
                                         const spec::Arguments& arguments, bool key) const {
        for (Reg reg = 1; reg <= 5; ++reg) {
            if (arguments[reg - 1U].kind == spec::ArgKind::const_map_ptr &&
                regs[reg].holds == Holds::map) {
                const spec::MapSpec& map =
                    subject_.map(MapRef{static_cast<std::uint32_t>(regs[reg].number)});
                return key ? map.key_size_bytes : map.value_size_bytes;
            }
        }
        return ReadBytes::kFar;
    }
    SlotSet read_by_helper(const HeldRegisters& regs, const Insn& insn) {
        const spec::HelperRow* row = spec::find_helper(static_cast<std::uint32_t>(insn.imm));
        if (row == nullptr) {
            return read_by_anyone(regs);
        }
        const spec::Arguments& arguments = spec::arguments(*row, subject_.program.type);
        SlotSet read = row->effects.has(spec::Effect::calls_back)
                           ? read_by_function(regs, callback_escapes(subject_, escapes_))
                           : kNoSlots;
        for (Reg reg = 1; reg <= 5; ++reg) {
            const std::int64_t bytes = bytes_read(regs, arguments, reg);
            if (bytes >= 0) {
                read |= reads_through(regs[reg], 0, bytes);
            }
        }
        return read;
    }

    [[nodiscard]] RegSet regs_read(const Insn& insn, InsnIndex at) const {
        if (insn.kind == InsnKind::call_subprogram) {
            const auto callee =
                subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(insn.target(at))});
            const bool known = callee.has_value() && summaries_[*callee].known &&
                               !subject_.subprograms[*callee].is_global;
            return known ? summaries_[*callee].arguments : kArguments;
        }
        if (insn.kind == InsnKind::call_kfunc) {
            RegSet read = kNoRegs;
            for (unsigned reg = 1; reg <= kfunc_registers(subject_, at); ++reg) {
                read |= only(static_cast<Reg>(reg));
            }
            return read;
        }
        const spec::HelperRow* row = insn.kind == InsnKind::call_helper
                                         ? spec::find_helper(static_cast<std::uint32_t>(insn.imm))
                                         : nullptr;
        if (row == nullptr) {
            return reads(insn);
        }
        const spec::Arguments& arguments = spec::arguments(*row, subject_.program.type);
        RegSet read = kNoRegs;
        for (Reg reg = 1; reg <= 5; ++reg) {
            read |= arguments[reg - 1U].kind != spec::ArgKind::none ? only(reg) : kNoRegs;
        }
        return read;
    }

    void go_backwards() {
        if (goes_back()) {
            note_predecessors();
        }
        until_still([this](std::uint32_t at) { return update(at); });
    }
    // Whether there is a loop: else nothing is looked at before what comes after it.
    [[nodiscard]] bool goes_back() const {
        for (std::uint32_t at = subprogram_.start.value; at < subprogram_.end.value; ++at) {
            const Insn& insn = subject_.insns[at];
            if (insn.jump_slots < 0 && insn.kind != InsnKind::call_subprogram) {
                return true;
            }
        }
        return false;
    }
    // Looks at every instruction from the last to the first, and then once more at those before one
    // that changed after they were looked at.
    template <typename Update>
    void until_still(Update changes) {
        const bool has_loop = !first_before_.empty();
        BackwardWorklist work(has_loop ? uses_.size() : 0);
        for (auto here = static_cast<std::uint32_t>(uses_.size()); here-- > 0;) {
            if (begins_[here] != 0 && changes(subprogram_.start.value + here) && has_loop) {
                add_those_before(here, here, work);
            }
        }
        while (!work.empty()) {
            const std::uint32_t here = work.take();
            if (changes(subprogram_.start.value + here)) {
                add_those_before(here, 0, work);
            }
        }
    }
    void add_those_before(std::uint32_t here, std::uint32_t not_below, BackwardWorklist& work) {
        for (std::uint32_t i = first_before_[here]; i < first_before_[here + 1]; ++i) {
            if (before_[i] >= not_below) {
                work.add(before_[i]);
            }
        }
    }
    // before_[first_before_[n] ... first_before_[n + 1]): what may come right before the n-th.
    void note_predecessors() {
        first_before_.assign(uses_.size() + 1, 0);
        const auto each_edge = [this](auto note) {
            for (std::uint32_t at = subprogram_.start.value; at < subprogram_.end.value;
                 at += subject_.insns[at].slots()) {
                const Successors next = successors(subject_, InsnIndex{at});
                for (unsigned i = 0; i < next.count; ++i) {
                    note(local(at), local(next.list[i].value));
                }
            }
        };
        each_edge([this](std::uint32_t, std::uint32_t to) { ++first_before_[to]; });
        for (std::size_t n = 0, sum = 0; n < first_before_.size(); ++n) {
            sum += first_before_[n];
            first_before_[n] = static_cast<std::uint32_t>(sum);
        }
        before_.resize(first_before_.back());
        each_edge(
            [this](std::uint32_t from, std::uint32_t to) { before_[--first_before_[to]] = from; });
    }
    bool update(std::uint32_t at) {
        const Successors next = successors(subject_, InsnIndex{at});
        RegSet regs = kNoRegs;
        SlotSet slots = kNoSlots;
        for (unsigned i = 0; i < next.count; ++i) {
            regs |= result_.regs[next.list[i].value];
            slots |= result_.slots[next.list[i].value];
        }
        const Use& use = uses_[local(at)];
        regs = static_cast<RegSet>((regs & ~use.regs_written) | use.regs_read);
        slots = (slots & ~use.overwritten) | use.read;
        const bool changed = regs != result_.regs[at] || slots != result_.slots[at];
        result_.regs[at] = regs;
        result_.slots[at] = slots;
        return changed;
    }

    // What is read through arguments from each instruction on, for the frames they point into.
    void note_argument_reads() {
        ArgumentReads everywhere{};
        everywhere.found = (flow_.escapes.stored & kFoundFrame) != 0;
        bool any = summary_.escapes.reads_found;
        for (Reg reg = 1; reg <= 5; ++reg) {
            const bool leaks = (flow_.escapes.stored & (1U << reg)) != 0;
            if (leaks) {
                everywhere.reaches[reg - 1U].add_all();
            }
            any = any || !summary_.escapes.read[reg].is_empty();
        }
        if (!any) {
            return;
        }
        result_.argument_reads.resize(result_.regs.size());
        std::fill(result_.argument_reads.begin() + subprogram_.start.value,
                  result_.argument_reads.begin() + subprogram_.end.value, everywhere);
        until_still([this](std::uint32_t at) { return add_argument_reads(at); });
    }
    bool add_argument_reads(std::uint32_t at) {
        ArgumentReads& here = result_.argument_reads[at];
        const ArgumentReads before = here;
        const auto add = [&here](const ArgumentReads& more) {
            for (std::size_t argument = 0; argument < here.reaches.size(); ++argument) {
                here.reaches[argument].add(more.reaches[argument]);
            }
            here.found = here.found || more.found;
        };
        if (!callers_reads_.empty()) {
            add(callers_reads_[local(at)]);
        }
        const Successors next = successors(subject_, InsnIndex{at});
        for (unsigned i = 0; i < next.count; ++i) {
            add(result_.argument_reads[next.list[i].value]);
        }
        return here != before;
    }
    // What a call hands over, for live_frames().
    void note_handed(const HeldRegisters& regs, const Escapes& callee, InsnIndex at) {
        Handed handed;
        for (Reg reg = 1; reg <= 5; ++reg) {
            const bool near = regs[reg].number >= -Reach::kFar && regs[reg].number <= Reach::kFar;
            Handed::Argument& argument = handed.arguments[reg - 1U];
            argument.bases = regs[reg].bases;
            argument.is_exact = regs[reg].is_address() && near;
            argument.offset =
                argument.is_exact ? static_cast<std::int16_t>(regs[reg].number) : std::int16_t{0};
        }
        handed.found = addresses_->found_by(regs, callee.read);
        result_.handed.emplace(at.value, handed);
    }

    const Subject& subject_;
    const Subprogram& subprogram_;
    std::uint32_t index_;
    std::vector<Summary>& summaries_;
    Liveness& result_;
    Summary summary_{kNoRegs, Escapes{}, false};
    std::vector<Escapes> escapes_; // of each function, as far as they are known
    FrameFlow flow_;
    const FrameAddresses* addresses_ = nullptr; // while the instructions are gone over
    std::vector<Use> uses_;                     // by slot of the function
    std::vector<ArgumentReads> callers_reads_;  // the same; empty when there are none
    std::vector<std::uint8_t> begins_;          // whether an instruction begins in the slot
    std::uint32_t looked_at_ = 0;               // its slot, while the instructions are gone over
    std::vector<std::uint32_t> first_before_, before_; // when there is a loop
};

// Callees before callers; in a circle, somebody comes first and knows nothing of the others.
class CalleesFirst {
  public:
    explicit CalleesFirst(const Subject& subject)
        : subject_(subject), visited_(subject.subprograms.size(), false) {
        for (std::uint32_t index = 0; index < subject.subprograms.size(); ++index) {
            visit(index, 0);
        }
    }
    [[nodiscard]] const std::vector<std::uint32_t>& order() const { return order_; }

  private:
    void visit(std::uint32_t index, unsigned depth) {
        if (visited_[index]) {
            return;
        }
        visited_[index] = true;
        constexpr unsigned kDeepest = 256; // there are no more subprograms
        const Subprogram& subprogram = subject_.subprograms[index];
        for (std::uint32_t at = subprogram.start.value;
             depth < kDeepest && at < subprogram.end.value; ++at) {
            const Insn& insn = subject_.insns[at];
            const bool is_address =
                insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function;
            if (insn.kind == InsnKind::call_subprogram || is_address) {
                const std::int64_t target =
                    is_address ? std::int64_t{at} + insn.imm + 1 : insn.target(InsnIndex{at});
                const auto callee =
                    subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(target)});
                if (callee.has_value()) {
                    visit(*callee, depth + 1);
                }
            }
        }
        order_.push_back(index);
    }

    const Subject& subject_;
    std::vector<bool> visited_;
    std::vector<std::uint32_t> order_;
};

} // namespace

std::uint64_t liveness_analysis_bytes(const Subject& subject) {
    std::uint64_t most = 0;
    for (const Subprogram& subprogram : subject.subprograms) {
        const std::uint64_t slots = subprogram.end.value - subprogram.start.value;
        most = std::max(most, slots * kBytesForSlot + frame_addresses_bytes(subject, subprogram));
    }
    return most + kept_bytes(subject);
}

Liveness find_liveness(const Subject& subject) {
    Liveness result;
    result.regs.assign(subject.insns.size() + 1, kNoRegs);
    result.slots.assign(subject.insns.size() + 1, kNoSlots);
    std::vector<Summary> summaries(subject.subprograms.size());
    const CalleesFirst callees_first(subject);
    for (const std::uint32_t index : callees_first.order()) {
        Analysis(subject, index, summaries, result).run();
    }
    result.analysis_bytes += kept_bytes(subject);
    return result;
}

} // namespace skep::verify
