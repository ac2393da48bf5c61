// SPDX-License-Identifier: Apache-2.0
#include "skep/run/interpreter/code.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "skep/helpers/own_memory.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::run::interpreter {
namespace {

using ErrorCode = skep::Code;

class Maker {
  public:
    Maker(const verify::VerifiedProgram& program, const Binding& binding, Form form)
        : program_(program), binding_(binding), form_(form), code_(std::make_unique<Code>()) {}

    Result<std::unique_ptr<const Code>> run() {
        const std::span<const RawInsn> insns = program_.insns();
        if (insns.empty()) {
            return fail(ErrorCode::invalid_input, "a program of no instructions cannot run");
        }
        code_->ops.resize(insns.size());
        for (std::uint32_t at = 0; at < insns.size();) {
            const auto decoded = decode(insns, InsnIndex{at});
            const Insn* insn = std::get_if<Insn>(&decoded);
            if (insn == nullptr) {
                return fail(
                    ErrorCode::invalid_input,
                    fmt::format("instruction {}: {}", at, std::get<DecodeError>(decoded).message));
            }
            TRY_WHILE(fmt::format("instruction {}", at), place(*insn, InsnIndex{at}));
            at += insn->slots();
        }
        return std::unique_ptr<const Code>(std::move(code_));
    }

  private:
    [[nodiscard]] Handler form(Handlers handlers) const {
        return form_ == Form::threaded ? handlers.threaded : handlers.alone;
    }

    Result<void> place(const Insn& insn, InsnIndex at) {
        Op& op = code_->ops[at.value];
        op.dst = insn.dst;
        op.src = insn.src;
        op.offset = insn.offset;
        op.imm = insn.imm;
        TRY(check_target(insn, at));
        switch (insn.kind) {
        case InsnKind::load_wide:
            op.handler = form(arithmetic_handlers(insn));
            return place_wide(insn, at);
        case InsnKind::alu:
        case InsnKind::address_space_cast:
            op.handler = form(arithmetic_handlers(insn));
            break;
        case InsnKind::load:
        case InsnKind::store_imm:
        case InsnKind::store_reg:
            op.handler = form(memory_handlers(insn, program_.facts()[at.value].fault_reads_zero));
            break;
        case InsnKind::atomic:
            op.handler = form(atomic_handlers(insn));
            break;
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
            op.handler = form(packet_handlers(insn));
            break;
        case InsnKind::call_helper:
            return place_helper(insn, at, op);
        case InsnKind::jump:
        case InsnKind::jump_always:
        case InsnKind::may_goto:
            op.offset =
                insn.long_jump ? std::int16_t{0} : static_cast<std::int16_t>(insn.jump_slots);
            op.handler = form(flow_handlers(insn));
            break;
        case InsnKind::call_subprogram:
        case InsnKind::call_kfunc:
        case InsnKind::call_register:
        case InsnKind::exit:
            op.handler = form(flow_handlers(insn));
            break;
        }
        return op.handler != nullptr ? Result<void>()
                                     : fail(ErrorCode::unsupported,
                                            "the interpreter does not carry out kernel functions");
    }

    // Running past either end would leave the ops: the verifier rules it out, and so does this.
    [[nodiscard]] Result<void> check_target(const Insn& insn, InsnIndex at) const {
        const auto size = static_cast<std::int64_t>(code_->ops.size());
        const bool jumps = insn.kind == InsnKind::jump || insn.kind == InsnKind::jump_always ||
                           insn.kind == InsnKind::may_goto ||
                           insn.kind == InsnKind::call_subprogram;
        if (jumps && (insn.target(at) < 0 || insn.target(at) >= size)) {
            return fail(ErrorCode::invalid_input,
                        fmt::format("the jump to {} leaves the program", insn.target(at)));
        }
        const bool falls_through =
            insn.kind != InsnKind::exit && insn.kind != InsnKind::jump_always;
        if (falls_through && at.value + insn.slots() >= code_->ops.size()) {
            return fail(ErrorCode::invalid_input, "the program runs past its end");
        }
        return {};
    }

    Result<void> place_wide(const Insn& insn, InsnIndex at) {
        const std::uint64_t number = TRY(wide_number(insn, at));
        code_->ops[at.value].imm = static_cast<std::int32_t>(number & 0xffffffff);
        code_->ops[at.value + 1].imm = static_cast<std::int32_t>(number >> 32);
        code_->ops[at.value + 1].handler = form(unreachable_handlers());
        return {};
    }

    [[nodiscard]] Result<std::uint64_t> wide_number(const Insn& insn, InsnIndex at) const {
        switch (insn.wide_source) {
        case WideSource::number:
            return insn.imm64();
        case WideSource::function: {
            const std::int64_t target = static_cast<std::int64_t>(at.value) + 1 + insn.imm;
            if (target < 0 || target >= static_cast<std::int64_t>(code_->ops.size())) {
                return fail(ErrorCode::invalid_input,
                            fmt::format("there is no subprogram at {}", target));
            }
            return reinterpret_cast<std::uint64_t>(code_->ops.data() + target);
        }
        case WideSource::map_index:
            return reinterpret_cast<std::uint64_t>(TRY(map_at(insn.imm)));
        case WideSource::map_value_index: {
            maps::Map* map = TRY(map_at(insn.imm));
            const auto values = map->direct_values();
            if (!values.has_value() || insn.imm_high >= map->spec().value_size_bytes) {
                return fail(ErrorCode::unsupported,
                            fmt::format("map '{}' has no value that can be addressed at {}",
                                        map->spec().name, insn.imm_high));
            }
            return reinterpret_cast<std::uint64_t>(values->base + insn.imm_high);
        }
        case WideSource::map_fd:
        case WideSource::map_value_fd:
            return fail(ErrorCode::invalid_input,
                        "a map is referred to by descriptor: loading makes that an index");
        case WideSource::btf_variable:
            return fail(ErrorCode::unsupported, "there are no kernel variables in this process");
        }
        return fail(ErrorCode::invalid_input, "unknown wide immediate");
    }

    [[nodiscard]] Result<maps::Map*> map_at(std::int32_t index) const {
        const auto place = static_cast<std::uint32_t>(index);
        if (place >= binding_.maps.size() || binding_.maps[place] == nullptr) {
            return fail(ErrorCode::invalid_input,
                        fmt::format("map {} of {} is not bound", place, binding_.maps.size()));
        }
        return binding_.maps[place];
    }

    // What the verifier proved of the function that an instruction is in.
    [[nodiscard]] std::int16_t frame_bytes(InsnIndex at) const {
        std::uint32_t bytes = kFrameBytes;
        for (const verify::SubprogramFacts& facts : program_.subprograms()) {
            if (facts.start.value <= at.value && at.value < facts.end.value) {
                bytes = facts.stack_bytes == 0 ? kFrameBytes : facts.stack_bytes;
            }
        }
        return static_cast<std::int16_t>(std::min(bytes, kFrameBytes));
    }

    Result<void> place_helper(const Insn& insn, InsnIndex at, Op& op) {
        if (insn.imm == number_of(spec::Helper::tail_call)) {
            op.handler = form(tail_call_handlers());
            return {};
        }
        const helpers::HelperFunction function =
            helpers::find_helper(static_cast<std::uint32_t>(insn.imm));
        if (function == nullptr) {
            return fail(ErrorCode::unsupported,
                        fmt::format("helper {} is not in this build of skep", insn.imm));
        }
        const bool reads = helpers::reads_any_address(insn.imm);
        op.handler = form(reads ? reading_helper_handlers() : flow_handlers(insn));
        op.offset = reads ? frame_bytes(at) : std::int16_t{0};
        op.imm = static_cast<std::int32_t>(code_->helpers.size());
        code_->helpers.push_back(function);
        return {};
    }

    const verify::VerifiedProgram& program_;
    const Binding& binding_;
    Form form_;
    std::unique_ptr<Code> code_;
};

} // namespace

Result<std::unique_ptr<const Code>> make_code(const verify::VerifiedProgram& program,
                                              const Binding& binding, Form form) {
    return Maker(program, binding, form).run();
}

} // namespace skep::run::interpreter
