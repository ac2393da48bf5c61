// SPDX-License-Identifier: Apache-2.0
#include "skep/run/interpreter/checked.hpp"

#include <cstdio>
#include <cstdlib>

#include "skep/run/interpreter/code.hpp"

namespace skep::run {
namespace {

using interpreter::Machine;
using interpreter::Op;

// What the policy knows of the program; it outlives every run.
struct Claims {
    std::vector<Insn> insns; // by running slot
    std::vector<verify::InsnFacts> facts;
    std::vector<maps::Map*> maps;
    const Op* first = nullptr;
};

[[noreturn]] void broken(std::size_t at, const char* claim) {
    std::fprintf(stderr, "skep: the fact does not hold at running instruction %zu: %s\n", at,
                 claim);
    std::abort();
}

class Checking {
  public:
    explicit Checking(const Claims& claims) : claims_(claims) {}

    bool before(const Op& op, const Machine& machine) {
        const auto at = static_cast<std::size_t>(&op - claims_.first);
        check_last(at, machine);
        check_divisor(at, machine);
        check_access(at, machine);
        last_ = at;
        depth_ = machine.depth;
        return true;
    }

  private:
    // What the instruction before this one was to give, when nothing lies between.
    void check_last(std::size_t at, const Machine& machine) const {
        if (last_ == kNone || depth_ != machine.depth) {
            return;
        }
        const Insn& insn = claims_.insns[last_];
        const verify::InsnFacts& facts = claims_.facts[last_];
        const bool fell_through = at == last_ + insn.slots();
        if (insn.kind == InsnKind::jump && insn.jump_slots != 0) {
            if (facts.never_taken && !fell_through) {
                broken(last_, "the branch is never taken");
            }
            if (facts.always_taken && fell_through) {
                broken(last_, "the branch is always taken");
            }
        }
        const bool gives = insn.kind == InsnKind::alu || insn.kind == InsnKind::load;
        if (gives && fell_through && facts.constant.has_value() &&
            machine.reg[insn.dst] != *facts.constant) {
            broken(last_, "the result is always the same");
        }
    }

    void check_divisor(std::size_t at, const Machine& machine) const {
        const Insn& insn = claims_.insns[at];
        if (!claims_.facts[at].divisor_nonzero || insn.source != Source::reg) {
            return;
        }
        const std::uint64_t divisor = machine.reg[insn.src];
        if ((insn.width == Width::w64 ? divisor : static_cast<std::uint32_t>(divisor)) == 0) {
            broken(at, "the divisor is not zero");
        }
    }

    void check_access(std::size_t at, const Machine& machine) const {
        const Insn& insn = claims_.insns[at];
        const verify::InsnFacts& facts = claims_.facts[at];
        const bool loads = insn.kind == InsnKind::load ||
                           (insn.kind == InsnKind::atomic && insn.atomic_op == AtomicOp::load_acq);
        const bool stores = insn.kind == InsnKind::store_imm || insn.kind == InsnKind::store_reg ||
                            insn.kind == InsnKind::atomic;
        if (!loads && !stores) {
            return;
        }
        const std::uint64_t address = machine.reg[loads ? insn.src : insn.dst] +
                                      static_cast<std::uint64_t>(std::int64_t{insn.offset});
        if (facts.region == verify::Region::stack) {
            const auto begin = reinterpret_cast<std::uintptr_t>(machine.stack.data());
            const std::uintptr_t end =
                begin + (machine.depth + 1) * std::uint64_t{interpreter::kFrameBytes};
            if (address < begin || address + insn.size_bytes > end) {
                broken(at, "the access is to the stack");
            }
        }
        if (facts.region == verify::Region::map_value && facts.map_index >= 0 &&
            static_cast<std::size_t>(facts.map_index) < claims_.maps.size()) {
            const maps::Map* map = claims_.maps[static_cast<std::size_t>(facts.map_index)];
            if (!map->owns(interpreter::pointer_at<const void>(address), insn.size_bytes)) {
                broken(at, "the access is to a value of the map");
            }
        }
    }

    static constexpr std::size_t kNone = ~std::size_t{0};
    const Claims& claims_;
    std::size_t last_ = kNone;
    std::uint32_t depth_ = 0;
};

class Checked final : public Executable {
  public:
    Checked(std::unique_ptr<const interpreter::Code> code, Claims claims)
        : code_(std::move(code)), claims_(std::move(claims)) {
        claims_.first = code_->ops.data();
    }

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        Checking policy(claims_);
        return interpreter::run_code(*code_, context, invocation, policy);
    }
    [[nodiscard]] Tier tier() const override { return Tier::interpreter; }
    [[nodiscard]] std::uint64_t code_bytes() const override {
        return code_->ops.size() * sizeof(Op);
    }

  private:
    std::unique_ptr<const interpreter::Code> code_;
    Claims claims_;
};

} // namespace

Result<std::unique_ptr<Executable>> make_checked(const verify::VerifiedProgram& program,
                                                 const Binding& binding) {
    std::unique_ptr<const interpreter::Code> code =
        TRY(interpreter::make_code(program, binding, interpreter::Form::alone));
    Claims claims;
    claims.insns = TRY(decode_all(program.insns()));
    claims.facts.assign(program.facts().begin(), program.facts().end());
    claims.maps = binding.maps;
    return std::unique_ptr<Executable>(
        std::make_unique<Checked>(std::move(code), std::move(claims)));
}

} // namespace skep::run
