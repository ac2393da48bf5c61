// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/kernel_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "skep/bytecode/disassemble.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

constexpr std::size_t kStateColumn = 38;

constexpr char slot_letter(SlotByte byte) {
    switch (byte) {
    case SlotByte::invalid:
        return '?';
    case SlotByte::spill:
        return 'r';
    case SlotByte::misc:
        return 'm';
    case SlotByte::zero:
        return '0';
    case SlotByte::dynptr:
        return 'd';
    case SlotByte::iterator:
        return 'i';
    case SlotByte::irq_flag:
        return 'f';
    }
    return '?';
}

std::string frame_prefix(unsigned frame) {
    return frame == 0 ? "" : fmt::format(" frame{}:", frame);
}

std::string call_name(const Insn& insn, InsnIndex) {
    const spec::HelperRow* row = insn.kind == InsnKind::call_helper
                                     ? spec::find_helper(static_cast<std::uint32_t>(insn.imm))
                                     : nullptr;
    return row == nullptr ? std::string{} : std::string(row->name);
}

// Registers that an instruction names, which the log shows after it.
std::uint16_t named_registers(const Insn& insn) {
    const auto one = [](Reg reg) { return static_cast<std::uint16_t>(1U << reg); };
    switch (insn.kind) {
    case InsnKind::alu:
    case InsnKind::jump:
        return insn.source == Source::reg ? one(insn.dst) | one(insn.src) : one(insn.dst);
    case InsnKind::load:
    case InsnKind::store_reg:
    case InsnKind::atomic:
    case InsnKind::address_space_cast:
        return one(insn.dst) | one(insn.src);
    case InsnKind::load_wide:
    case InsnKind::store_imm:
        return one(insn.dst);
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::call_helper:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
        return one(0);
    case InsnKind::call_subprogram:
    case InsnKind::exit:
    case InsnKind::jump_always:
    case InsnKind::may_goto:
        return 0;
    }
    return 0;
}

} // namespace

std::string KernelLog::slot_text(const State& state, unsigned frame, std::uint32_t index) const {
    const Slot& slot = state.stack(frame).slot(index);
    const int offset = -static_cast<int>((index + 1) * kSlotBytes);
    if (slot.all(SlotByte::invalid)) {
        return {};
    }
    if (slot.is_spill()) {
        return fmt::format(" fp{}={}", offset, value_text(subject_, state, slot.value, false));
    }
    std::string letters;
    for (const SlotByte byte : slot.bytes) {
        letters += slot_letter(byte);
    }
    return fmt::format(" fp{}={}", offset, letters);
}

std::string KernelLog::state_text(const State& state, const Workspace& workspace) const {
    return frame_text(state, state.depth(), &workspace);
}

std::string KernelLog::frame_text(const State& state, unsigned frame,
                                  const Workspace* workspace) const {
    std::string text = frame_prefix(frame);
    for (Reg reg = 0; reg < kRegisters; ++reg) {
        const Value& value = state.frame(frame).regs[reg];
        if (value.is_initialised()) {
            const bool precise = workspace != nullptr && value.is_scalar() &&
                                 workspace->dependencies.is_needed(value.origin);
            text += fmt::format(" R{}={}", reg, value_text(subject_, state, value, precise));
        }
    }
    for (std::uint32_t index = 0; index < state.stack(frame).slot_count(); ++index) {
        text += slot_text(state, frame, index);
    }
    std::string references;
    for (const Resource& resource : state.resources.held) {
        references += fmt::format("{}{}", references.empty() ? " refs=" : ",", resource.id);
    }
    const bool is_callback = state.frame(frame).callback != CallbackKind::none;
    return text + references + (is_callback ? " cb" : "");
}

void KernelLog::begins_program(std::span<const std::uint16_t> live_regs) {
    if ((level_ & kLogAll) == 0) {
        return;
    }
    for (std::size_t index = 0; index < subject_.subprograms.size(); ++index) {
        line(fmt::format("func#{} @{}", index, subject_.subprograms[index].start.value));
    }
    line("Live regs before insn:");
    for (std::uint32_t at = 0; at < subject_.insns.size() && at < live_regs.size();
         at += subject_.insns[at].slots()) {
        std::string regs;
        for (Reg reg = 0; reg < kFramePointer; ++reg) {
            regs += (live_regs[at] & (1U << reg)) != 0 ? static_cast<char>('0' + reg) : '.';
        }
        line(fmt::format("    {:3}: {} {}", at, regs, insn_text(InsnIndex{at})));
    }
}

// Where a map is in the kernel is not ours to know; the kernel itself shows 0 to most.
std::string KernelLog::insn_text(InsnIndex at) const {
    Insn insn = subject_.insn(at);
    if (insn.refers_to_map()) {
        insn.wide_source = WideSource::number;
        insn.imm = 0;
        insn.imm_high = 0;
    }
    Names names;
    names.call = call_name;
    return disassemble_with_opcode(insn, at, names);
}

void KernelLog::begins(const State& state, InsnIndex at) {
    if (follows()) {
        line(fmt::format("{}:{}", at.value, frame_text(state, state.depth())));
    }
}

void KernelLog::branches(const State& state, InsnIndex from, InsnIndex to) {
    if (!follows()) {
        return;
    }
    branch_from_ = from;
    branched_ = true;
    const std::string text = frame_text(state, state.depth());
    if ((level_ & kLogAll) != 0) {
        line(fmt::format("\nfrom {} to {}:{}", from.value, to.value, text));
    } else {
        line(fmt::format(" {}:{}", to.value, text));
    }
}

void KernelLog::back_to(std::size_t position) {
    if (!is_frozen_ && (level_ & kLogAll) == 0 && position <= text_.size()) {
        text_.resize(position);
    }
}

void KernelLog::source_line(InsnIndex at) {
    const auto& lines = subject_.program.lines;
    const auto after =
        std::upper_bound(lines.begin(), lines.end(), at,
                         [](InsnIndex insn, const LineInfo& info) { return insn < info.insn; });
    if (after == lines.begin() || subject_.environment.program_types == nullptr) {
        return;
    }
    const LineInfo& info = *(after - 1);
    const bool is_shown = last_line_ != nullptr && last_line_->line() == info.line() &&
                          last_line_->file_name_offset == info.file_name_offset &&
                          last_line_->line_offset == info.line_offset;
    if (is_shown) { // another column of the same line
        return;
    }
    last_line_ = &info;
    const auto source = subject_.environment.program_types->text(info.line_offset);
    const auto file = subject_.environment.program_types->text(info.file_name_offset);
    if (!source.ok()) {
        return;
    }
    std::string_view shown = source.value();
    shown.remove_prefix(std::min(shown.find_first_not_of(" \t"), shown.size()));
    const std::string_view path = file.ok() ? file.value() : std::string_view{};
    const std::size_t slash = path.rfind('/');
    line(fmt::format("; {} @ {}:{}", shown,
                     slash == std::string_view::npos ? path : path.substr(slash + 1), info.line()));
}

void KernelLog::insn(const State&, InsnIndex at) {
    if (!follows()) {
        return;
    }
    branched_ = false;
    source_line(at);
    insn_began_ = text_.size();
    text_ += fmt::format("{}: {}", at.value, insn_text(at));
}: {}", at.value, disassemble_with_opcode(subject_.insn(at), at, names));
}

std::string KernelLog::changes_text(const State& state, const Insn& insn,
                                    const Workspace& workspace) const {
    std::string text;
    const std::uint16_t named = named_registers(insn);
    for (Reg reg = 0; reg < kRegisters; ++reg) {
        const Value& value = state.reg(reg);
        if ((named & (1U << reg)) != 0 && value.is_initialised()) {
            const bool precise =
                value.is_scalar() && workspace.dependencies.is_needed(value.origin);
            text += fmt::format(" R{}={}", reg, value_text(subject_, state, value, precise));
        }
    }
    const bool stores = insn.kind == InsnKind::store_imm || insn.kind == InsnKind::store_reg ||
                        insn.kind == InsnKind::atomic;
    const Value& base = state.reg(insn.dst);
    if (stores && base.is(ValueKind::stack) && base.at_fixed_offset()) {
        const std::int64_t offset =
            base.offset + insn.offset + static_cast<std::int64_t>(base.number.value());
        if (offset < 0 && offset >= -kStackBytes) {
            text += slot_text(state, base.frame, Stack::slot_of(static_cast<int>(offset)));
        }
    }
    return text.empty() ? text : frame_prefix(state.depth()) + text;
}

void KernelLog::stepped(const State& state, const Insn& insn, const Workspace& workspace) {
    if (!follows()) {
        return;
    }
    const std::string changes = changes_text(state, insn, workspace);
    if (!changes.empty()) {
        const std::size_t width = text_.size() - insn_began_;
        text_.append(width < kStateColumn ? kStateColumn - width : 1, ' ');
        text_ += ";" + changes;
    }
    text_ += "\n";
}

void KernelLog::pruned(InsnIndex at) {
    if (follows()) {
        line(branched_ ? fmt::format("\nfrom {} to {}: safe", branch_from_.value, at.value)
                       : fmt::format("{}: safe", at.value));
        branched_ = false;
    }
}

void KernelLog::enters(const State& state, std::uint32_t) {
    if (follows()) {
        text_ += "\n";
        line("caller:");
        line(frame_text(state, state.depth()));
        text_ += "callee:";
    }
}

void KernelLog::returns(const State& state, InsnIndex call) {
    if (follows()) {
        text_ += "\n";
        line("returning from callee:");
        line(frame_text(state, state.depth()));
        line(fmt::format("to caller at {}:", call.value + 1));
        text_ += frame_text(state, state.depth() - 1);
    }
}

void KernelLog::assumes_global(std::uint32_t callee) {
    if (follows()) {
        text_ += fmt::format("\nFunc#{} ('{}') is global and assumed valid.", callee,
                             subject_.subprograms[callee].name);
    }
}
void KernelLog::begins_global(std::uint32_t subprogram) {
    if (follows()) {
        line(fmt::format("Validating {}() func#{}...", subject_.subprograms[subprogram].name,
                         subprogram));
    }
}
void KernelLog::finished_global(std::uint32_t subprogram) {
    if (follows()) {
        line(fmt::format("Func#{} ('{}') is safe for any args that match its prototype", subprogram,
                         subject_.subprograms[subprogram].name));
    }
}

std::string KernelLog::finish(const Ending& ending) {
    if (level_ == kLogNone) {
        return {};
    }
    const Finding* refused = ending.refused;
    if (refused == nullptr && (level_ & kLogAll) == 0) {
        text_.clear();
    }
    if (refused != nullptr) {
        if (!text_.empty() && text_.back() != '\n') {
            text_ += "\n";
        }
        if (!refused->kernel_detail.empty()) {
            line(refused->kernel_detail);
        }
        if (!refused->kernel_message.empty()) {
            line(refused->kernel_message);
        }
    }
    if ((level_ & kLogStatistics) != 0 && !ending.stack_bytes.empty()) {
        line(fmt::format("stack depth {}", fmt::join(ending.stack_bytes, "+")));
    }
    const Statistics& statistics = ending.statistics;
    line(fmt::format("processed {} insns (limit {}) max_states_per_insn {} total_states {} "
                     "peak_states {} mark_read 0",
                     statistics.insns_processed, ending.limit, statistics.max_states_per_insn,
                     statistics.total_states, statistics.peak_states));
    return std::move(text_);
}

void add_verification_time(std::string& log, std::uint64_t microseconds) {
    constexpr std::string_view kNext = "stack depth ";
    std::size_t at = log.rfind(kNext);
    if (at != std::string::npos && (at == 0 || log[at - 1] == '\n')) {
        log.insert(at, fmt::format("verification time {} usec\n", microseconds));
    }
}

} // namespace skep::verify
