// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/stack_depth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "skep/spec/limits.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/verify/explain/refusal.hpp"

namespace skep::verify {
namespace {

constexpr std::uint32_t kRounding = 16; // as where programs are compiled to machine code
constexpr std::uint32_t kMaxAboveTailCall = spec::limits::stack_bytes_above_tail_call;

class Depths {
  public:
    Depths(const Subject& subject, const Facts& facts) : subject_(subject), facts_(facts) {
        const spec::ProgramTypeRow* row = spec::find(subject.program.type);
        private_stacks_ = row != nullptr && row->stack == spec::StackRule::per_function;
    }

    // A chain of calls that ends in `subprogram`, having used `above` bytes in `calls` calls.
    Ruling<void> visit(std::uint32_t subprogram, std::uint32_t above, std::uint32_t calls) {
        if (calls > kMaxFrames) { // (recursion that is never entered)
            return refuse(
                {.code = FindingCode::too_deep,
                 .os_errno = E2BIG,
                 .kernel = fmt::format("the call stack of {} frames is too deep !", kMaxFrames),
                 .because = "functions call each other in a circle or too deep"});
        }
        const std::uint32_t own = std::max(1U, facts_.stack_bytes(subprogram));
        const std::uint32_t depth = above + (own + kRounding - 1) / kRounding * kRounding;
        if ((private_stacks_ ? own : depth) > static_cast<std::uint32_t>(kStackBytes)) {
            return refuse(
                {.code = FindingCode::too_deep,
                 .kernel =
                     fmt::format("combined stack size of {} calls is {}. Too large", calls, depth),
                 .because = fmt::format("{} functions in a row use {} bytes of stack; there are {}",
                                        calls, depth, kStackBytes),
                 .suggestion = "move large local variables into a map, or make functions smaller"});
        }
        if (subject_.subprograms[subprogram].has_tail_call && calls > 1 &&
            above >= kMaxAboveTailCall) {
            return refuse(
                {.code = FindingCode::too_deep,
                 .kernel = fmt::format("tail_calls are not allowed when call stack of previous "
                                       "frames is {} bytes. Too large",
                                       above),
                 .because = fmt::format(
                     "{} bytes of stack are in use when a function makes a tail call", above)});
        }
        deepest_ = std::max(deepest_, depth);
        return visit_callees(subprogram, depth, calls);
    }
    [[nodiscard]] std::uint32_t deepest() const { return deepest_; }

  private:
    Ruling<void> visit_callees(std::uint32_t subprogram, std::uint32_t depth, std::uint32_t calls) {
        // Seen with as much stack in use and as many calls before: nothing new below.
        std::uint64_t& seen = seen_.try_emplace(subprogram * 16U + calls, 0).first->second;
        if (seen >= std::uint64_t{depth} + 1) {
            return {};
        }
        seen = std::uint64_t{depth} + 1;
        const Subprogram& owner = subject_.subprograms[subprogram];
        for (std::uint32_t at = owner.start.value; at < owner.end.value;
             at += subject_.insns[at].slots()) {
            // Calls that no path makes count as well.
            if (const auto callee = named(InsnIndex{at})) {
                TRY(visit(*callee, depth, calls + 1));
            }
        }
        return {};
    }
    [[nodiscard]] std::optional<std::uint32_t> named(InsnIndex at) const {
        const Insn& insn = subject_.insn(at);
        if (insn.kind == InsnKind::call_subprogram) {
            return subject_.subprogram_at(InsnIndex{static_cast<std::uint32_t>(insn.target(at))});
        }
        if (insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::function) {
            return subject_.subprogram_at(
                InsnIndex{at.value + 1U + static_cast<std::uint32_t>(insn.imm)});
        }
        return std::nullopt;
    }

    const Subject& subject_;
    const Facts& facts_;
    bool private_stacks_ = false;
    std::map<std::uint32_t, std::uint64_t> seen_;
    std::uint32_t deepest_ = 0;
};

} // namespace

Ruling<std::uint32_t> check_stack_depth(const Subject& subject, const Facts& facts) {
    Depths depths(subject, facts);
    TRY(depths.visit(0, 0, 1));
    return depths.deepest();
}

} // namespace skep::verify
