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
constexpr std::size_t kStateTab = 8; // beyond that column
constexpr std::size_t kLeastGap = 3;

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

std::string call_name(const Subject& subject, const Insn& insn) {
    if (insn.kind == InsnKind::call_kfunc) {
        const btf::Type* function = subject.called_kfunc(insn);
        return function == nullptr ? std::string{} : std::string(function->name);
    }
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
    if (slot.is_spill()) { // the bytes above a narrow one have letters
        std::string above;
        for (unsigned byte = 0; byte + slot.spilled_bytes() < kSlotBytes; ++byte) {
            above += slot_letter(slot.bytes[byte]);
        }
        return fmt::format(" fp{}={}{}", offset, above,
                           value_text(subject_, frame, slot.value, false));
    }
    if (slot.all(SlotByte::dynptr) || slot.all(SlotByte::iterator)) {
        const std::string object = object_text(subject_, slot, offset);
        return object.empty() ? object : fmt::format(" fp{}={}", offset, object);
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
            const bool precise =
                value.is_scalar() &&
                (all_precise_ ||
                 (workspace != nullptr && workspace->dependencies.is_needed(value.origin)));
            text += fmt::format(" R{}={}", reg, value_text(subject_, frame, value, precise));
        }
    }
    for (std::uint32_t index = 0; index < state.stack(frame).slot_count(); ++index) {
        text += slot_text(state, frame, index);
    }
    return text + held_text(state, frame);
}

// What every description of a state ends with.
std::string KernelLog::held_text(const State& state, unsigned frame) {
    std::string references;
    for (const Resource& resource : state.resources.held) {
        if (resource.kind == ResourceKind::reference) {
            references += fmt::format("{}{}", references.empty() ? " refs=" : ",", resource.id);
        }
    }
    const bool is_callback = state.frame(frame).callback != CallbackKind::none;
    return references + (is_callback ? " cb" : "");
}

// The kernel looks at the main function as if it were a global one, and says what it does not like
// of it, though nothing follows from that.
void KernelLog::remark_main() {
    const btf::Btf* types = subject_.environment.program_types;
    const Subprogram& main = subject_.subprograms.front();
    if (types == nullptr || main.btf_function == 0) {
        return;
    }
    const btf::Type& function = types->type(main.btf_function);
    const btf::Type& prototype = types->type(function.target);
    if (function.linkage != btf::Linkage::global) {
        return;
    }
    const btf::Kind result = types->type(types->resolve(prototype.target)).kind;
    if (result != btf::Kind::integer && result != btf::Kind::enumeration &&
        result != btf::Kind::enumeration64) {
        line(fmt::format("Global function {}() doesn't return scalar. Only those are supported.",
                         main.name));
        return;
    }
    if (prototype.members.empty() || !types->has(prototype.members.front().type)) {
        return;
    }
    const btf::Type& parameter = types->type(types->resolve(prototype.members.front().type));
    if (parameter.kind == btf::Kind::pointer && types->resolve(parameter.target) == 0) {
        line("arg#0 reference type('UNKNOWN ') size cannot be determined: -22");
    }
}

void KernelLog::begins_program(std::span<const std::uint16_t> live_regs) {
    if ((level_ & kLogAll) == 0) {
        if (follows()) {
            remark_main();
        }
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
    remark_main();
}

// Where a map is in the kernel is not ours to know; the kernel itself shows 0 to most.
std::string KernelLog::insn_text(InsnIndex at) const {
    Insn insn = subject_.insn(at);
    if (insn.refers_to_map()) {
        insn.imm = 0;
        insn.imm_high = 0;
    }
    insn.wide_source = WideSource::number;
    Names names;
    names.call = [this](const Insn& call, InsnIndex) { return call_name(subject_, call); };
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
    is_guess_ = state.speculative;
    const std::string text = frame_text(state, state.depth());
    if ((level_ & kLogAll) != 0) {
        line(fmt::format("\nfrom {} to {}{}:{}", from.value, to.value, guess_text(), text));
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

void KernelLog::tell_insn(const State& state, InsnIndex at) {
    before_ = state;
    insn_at_ = at;
    branched_ = false;
    source_line(at);
    insn_began_ = text_.size();
    text_ += fmt::format("{}: {}", at.value, insn_text(at));
}

std::string KernelLog::changes_text(const State& state, const Insn& insn, const Workspace&) const {
    std::string text;
    const std::uint16_t named = named_registers(insn);
    for (Reg reg = 0; reg < kRegisters; ++reg) {
        const Value& value = state.reg(reg);
        if ((named & (1U << reg)) != 0 && value.is_initialised()) {
            text +=
                fmt::format(" R{}={}", reg,
                            value_text(subject_, state, value, all_precise_ && value.is_scalar()));
        }
    }
    text += slots_text(state, insn);
    const bool is_call = insn.kind == InsnKind::call_helper || insn.kind == InsnKind::call_kfunc;
    return text.empty() && !is_call
               ? text
               : frame_prefix(state.depth()) + text + held_text(state, state.depth());
}

// The slot that a load or store names; those that a call filled.
std::string KernelLog::slots_text(const State& state, const Insn& insn) const {
    using enum InsnKind;
    if (insn.kind == call_helper || insn.kind == call_kfunc) {
        std::string text;
        const unsigned frame = state.depth();
        const bool is_same_frame = frame < before_.frame_count();
        for (std::uint32_t index = 0; is_same_frame && index < state.stack(frame).slot_count();
             ++index) {
            const bool differs = state.stack(frame).slot(index) != before_.stack(frame).slot(index);
            text += differs ? slot_text(state, frame, index) : std::string{};
        }
        return text;
    }
    const bool stores = insn.kind == store_imm || insn.kind == store_reg || insn.kind == atomic;
    if (!stores && insn.kind != load) {
        return {};
    }
    const Value& base = before_.reg(stores ? insn.dst : insn.src);
    if (!base.is(ValueKind::stack) || !base.at_fixed_offset() || base.frame != state.depth()) {
        return {};
    }
    const std::int64_t offset =
        base.offset + insn.offset + static_cast<std::int64_t>(base.number.value());
    return offset < 0 && offset >= -kStackBytes
               ? slot_text(state, base.frame, Stack::slot_of(static_cast<int>(offset)))
               : std::string{};
}

// An argument of a traced function was read from the context.
std::string KernelLog::context_remark(const State& state, const Insn& insn) const {
    constexpr std::int32_t kArgumentBytes = 8;
    if (insn.kind != InsnKind::load || !before_.reg(insn.src).is(ValueKind::context) ||
        subject_.program.attach_target.empty() ||
        subject_.program.type != spec::ProgramType::tracing) {
        return {};
    }
    const Value& loaded = state.reg(insn.dst);
    if (!loaded.is(ValueKind::btf_object) || loaded.instance != 0) {
        return {};
    }
    const btf::Btf* types = subject_.environment.kernel_types;
    if (types == nullptr || !types->has(loaded.type_id())) {
        return {};
    }
    return fmt::format("func '{}' arg{} has btf_id {} type STRUCT '{}'",
                       subject_.program.attach_target, insn.offset / kArgumentBytes,
                       loaded.type_id(), types->type(loaded.type_id()).name);
}

void KernelLog::tell_step(const State& state, const Insn& insn, const Workspace& workspace) {
    const std::string changes = changes_text(state, insn, workspace);
    const std::string remark = context_remark(state, insn);
    if (!remark.empty()) {
        text_ += fmt::format("\n{}\n{}:{}\n", remark, insn_at_.value + insn.slots(), changes);
        return;
    }
    if (!changes.empty() || insn.kind == InsnKind::call_helper ||
        insn.kind == InsnKind::call_kfunc) {
        const std::size_t width = text_.size() - insn_began_;
        std::size_t column = kStateColumn;
        while (column < width + kLeastGap) {
            column += kStateTab;
        }
        text_.append(column - width, ' ');
        text_ += ";" + changes;
    }
    text_ += "\n";
}

void KernelLog::pruned(InsnIndex at) {
    if (follows()) {
        line(branched_ ? fmt::format("\nfrom {} to {}{}: safe", branch_from_.value, at.value,
                                     guess_text())
                       : fmt::format("{}: safe", at.value));
        branched_ = false;
    }
}

void KernelLog::ends_guess(const Finding* wrong) {
    if (!follows()) {
        return;
    }
    text_ += "\n";
    if (wrong != nullptr && !wrong->kernel_detail.empty()) {
        line(wrong->kernel_detail);
    }
    if (wrong != nullptr) {
        line(wrong->kernel_message);
    }
}

void KernelLog::enters(const State& state, InsnIndex callee) {
    if (follows()) {
        text_ += "\n";
        line("caller:");
        line(frame_text(state, state.depth() - 1));
        line("callee:");
        const std::string inside = frame_text(state, state.depth());
        line(inside);
        text_ += fmt::format("{}:{}", callee.value, inside);
    }
}

void KernelLog::leaves(const State& state, InsnIndex next) {
    if (follows()) {
        text_ += "\n";
        line("returning from callee:");
        line(frame_text(state, state.depth()));
        text_ += fmt::format("to caller at {}:", next.value);
    }
}

void KernelLog::returned(const State& state) {
    if (follows()) {
        text_ += "\n" + frame_text(state, state.depth());
    }
}

void KernelLog::resumes(const State& state, InsnIndex next) {
    if (follows() && (level_ & kLogAll) != 0) {
        text_ += fmt::format("\n\nfrom {} to {}:{}", insn_at_.value, next.value,
                             frame_text(state, state.depth()));
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

std::string_view KernelLog::guess_text() const {
    return is_guess_ ? " (speculative execution)" : "";
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
