// SPDX-License-Identifier: Apache-2.0
//
// The checking policy, and the interpreter with it.
#include "skep/run/interpreter/claim_checked.hpp"

#include <fmt/format.h>

#include "skep/run/interpreter/code.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::run {
namespace {

using interpreter::Machine;
using interpreter::Op;
using verify::Value;
using verify::ValueKind;
using verify::Violation;

struct PacketPlace {
    std::uint64_t meta = 0, begin = 0, end = 0;
};

// Where the packet is now: helpers may have moved it.
PacketPlace packet_of(spec::ContextId context, const void* record) {
    if (context == spec::ContextId::xdp) {
        const auto& xdp = *static_cast<const spec::HostXdp*>(record);
        return {xdp.data_meta, xdp.data, xdp.data_end};
    }
    if (context == spec::ContextId::skb) {
        const auto& skb = *static_cast<const spec::HostSkb*>(record);
        return {skb.data_meta, skb.data, skb.data_end};
    }
    return {};
}

// What never changes while a program is checked, and what was found.
struct Bench {
    std::unique_ptr<const interpreter::Code> code;
    std::vector<InsnIndex> origins; // by running slot
    std::vector<bool> begins;       // the first slot of what an original instruction became
    std::vector<Insn> insns;        // as written, by original slot
    std::shared_ptr<verify::Claims> claims;
    std::vector<maps::Map*> maps;
    spec::ContextId context = spec::ContextId::none;
    std::uint64_t checked = 0;
    std::uint64_t most_insns = 0; // of one run
    std::optional<Violation> violation;
};

class Checking {
  public:
    Checking(Bench& bench, const void* context)
        : bench_(bench), context_(context), end_(bench.checked + bench.most_insns) {}

    bool before(const Op& op, const Machine& machine) {
        const auto slot = static_cast<std::size_t>(&op - bench_.code->ops.data());
        if (!bench_.begins[slot]) {
            return true;
        }
        if (bench_.checked == end_) {
            return false;
        }
        ++bench_.checked;
        const InsnIndex at = bench_.origins[slot];
        const verify::Moment moment = moment_of(machine);
        std::optional<Violation> found = bench_.claims->check(at, moment, touch_of(at, moment));
        if (found.has_value()) {
            bench_.violation = std::move(found);
            return false;
        }
        return true;
    }

  private:
    [[nodiscard]] verify::Moment moment_of(const Machine& machine) const {
        verify::Moment moment;
        moment.registers = machine.reg;
        moment.depth = machine.depth;
        for (unsigned frame = 0; frame < machine.depth; ++frame) {
            verify::Moment::Outer& outer = moment.outer.at(frame);
            const interpreter::Frame& callee = machine.frames.at(frame + 1);
            outer.saved = callee.saved;
            if (callee.back != nullptr) { // the call is what stands before where it goes on
                const auto back = static_cast<std::size_t>(callee.back - machine.ops);
                outer.call_site = bench_.origins[back - 1];
            }
        }
        moment.stack = machine.stack.data();
        moment.context = reinterpret_cast<std::uint64_t>(context_);
        const PacketPlace packet = packet_of(bench_.context, context_);
        moment.packet_meta = packet.meta;
        moment.packet = packet.begin;
        moment.packet_end = packet.end;
        return moment;
    }

    // What is touched lies in what the claimed pointer may touch.
    [[nodiscard]] verify::Claims::Touch touch_of(InsnIndex at, const verify::Moment& moment) const {
        const Insn& insn = bench_.insns[at.value];
        const bool loads = insn.kind == InsnKind::load ||
                           (insn.kind == InsnKind::atomic && insn.atomic_op == AtomicOp::load_acq);
        const bool stores = insn.kind == InsnKind::store_imm || insn.kind == InsnKind::store_reg ||
                            insn.kind == InsnKind::atomic;
        if (!loads && !stores) {
            return {};
        }
        const Reg reg = loads ? insn.src : insn.dst;
        const std::uint64_t address =
            moment.registers.at(reg) + static_cast<std::uint64_t>(std::int64_t{insn.offset});
        return {reg, [this, address, bytes = insn.size_bytes, &moment](const Value& claimed) {
                    return touches_own(claimed, address, bytes, moment);
                }};
    }

    [[nodiscard]] bool touches_own(const Value& claimed, std::uint64_t address, unsigned bytes,
                                   const verify::Moment& moment) const {
        const auto inside = [&](std::uint64_t begin, std::uint64_t end) {
            return address >= begin && address + bytes <= end;
        };
        switch (claimed.kind) {
        case ValueKind::stack: {
            const auto bottom = reinterpret_cast<std::uint64_t>(moment.stack);
            return inside(bottom, bottom + (moment.depth + 1) * std::uint64_t{512});
        }
        case ValueKind::packet:
            return inside(moment.packet, moment.packet_end);
        case ValueKind::packet_meta:
            return inside(moment.packet_meta, moment.packet);
        case ValueKind::map_value:
            return owned_by_a_map(address, bytes);
        case ValueKind::scalar:
        case ValueKind::uninitialised:
        case ValueKind::packet_end:
            return false;
        case ValueKind::context:
        case ValueKind::map_pointer:
        case ValueKind::map_key:
        case ValueKind::flow_keys:
        case ValueKind::socket:
        case ValueKind::socket_common:
        case ValueKind::tcp_socket:
        case ValueKind::xdp_socket:
        case ValueKind::tracepoint_buffer:
        case ValueKind::btf_object:
        case ValueKind::memory:
        case ValueKind::buffer:
        case ValueKind::arena:
        case ValueKind::function:
        case ValueKind::dynptr:
            return true; // the bounds of these are not known here
        }
        return true;
    }

    [[nodiscard]] bool owned_by_a_map(std::uint64_t address, unsigned bytes) const {
        for (const maps::Map* map : bench_.maps) {
            if (map != nullptr && map->owns(interpreter::pointer_at<void>(address), bytes)) {
                return true;
            }
        }
        return false;
    }

    Bench& bench_;
    const void* context_;
    std::uint64_t end_;
};

class ClaimChecked final : public ClaimCheckedExecutable {
  public:
    explicit ClaimChecked(Bench bench) : bench_(std::move(bench)) {}

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        Checking policy(bench_, context);
        return interpreter::run_code(*bench_.code, context, invocation, policy);
    }
    [[nodiscard]] Tier tier() const override { return Tier::interpreter; }
    [[nodiscard]] const std::optional<Violation>& violation() const override {
        return bench_.violation;
    }
    [[nodiscard]] std::uint64_t checked_insns() const override { return bench_.checked; }

  private:
    Bench bench_;
};

} // namespace

Result<std::unique_ptr<ClaimCheckedExecutable>>
make_claim_checked(const verify::VerifiedProgram& program, std::shared_ptr<verify::Claims> claims,
                   const Binding& binding, std::uint64_t most_insns) {
    Bench bench;
    bench.code = TRY(interpreter::make_code(program, binding, interpreter::Form::alone));
    bench.insns = TRY(decode_all(program.spec().insns));
    bench.claims = std::move(claims);
    bench.most_insns = most_insns;
    bench.maps = binding.maps;
    const spec::ProgramTypeRow* row = spec::find(program.spec().type);
    bench.context = row == nullptr ? spec::ContextId::none : row->context;
    for (std::uint32_t slot = 0; slot < program.insns().size(); ++slot) {
        bench.origins.push_back(program.origin(InsnIndex{slot}));
        bench.begins.push_back(slot == 0 || bench.origins[slot] != bench.origins[slot - 1U]);
    }
    return std::unique_ptr<ClaimCheckedExecutable>(
        std::make_unique<ClaimChecked>(std::move(bench)));
}

} // namespace skep::run
