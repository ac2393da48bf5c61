// SPDX-License-Identifier: Apache-2.0
#include "skep/bytecode/cfg.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace skep {
namespace {

bool ends_block(const Insn& insn) {
    return insn.kind == InsnKind::jump || insn.kind == InsnKind::jump_always ||
           insn.kind == InsnKind::may_goto || insn.kind == InsnKind::exit;
}
bool falls_through(const Insn& insn) {
    return insn.kind != InsnKind::jump_always && insn.kind != InsnKind::exit;
}

// One subprogram: its instructions are those of [start, end), indexed by slot as decode_all gives
// them.
class Grapher {
  public:
    Grapher(std::span<const Insn> insns, InsnIndex start, InsnIndex end)
        : insns_(insns), begins_(end.value - start.value), start_(start.value), end_(end.value) {}

    Result<SubprogramGraph> run() {
        TRY(find_leaders());
        SubprogramGraph graph{InsnIndex{start_}, InsnIndex{end_}, {}};
        for (std::size_t block = 0; block < leaders_.size(); ++block) {
            graph.blocks.push_back(block_at(block));
        }
        return graph;
    }

  private:
    Result<void> find_leaders() {
        for (std::uint32_t at = start_; at < end_; at += insns_[at].slots()) {
            begins_[at - start_] = true;
        }
        std::set<std::uint32_t> leaders{start_};
        for (std::uint32_t at = start_; at < end_; at += insns_[at].slots()) {
            const Insn& insn = insns_[at];
            const std::uint32_t next = at + insn.slots();
            if (falls_through(insn) && next >= end_) {
                return fail(Code::invalid_input,
                            fmt::format("instruction {} runs past the end of its subprogram", at));
            }
            if (!ends_block(insn)) {
                continue;
            }
            if (next < end_) {
                leaders.insert(next);
            }
            if (insn.kind != InsnKind::exit) {
                const std::int64_t target = insn.target(InsnIndex{at});
                if (target < start_ || target >= end_ ||
                    !begins_[static_cast<std::size_t>(target - start_)]) {
                    return fail(
                        Code::invalid_input,
                        fmt::format(
                            "instruction {} jumps to {}, which is no instruction of its subprogram",
                            at, target));
                }
                leaders.insert(static_cast<std::uint32_t>(target));
            }
        }
        leaders_.assign(leaders.begin(), leaders.end());
        return {};
    }

    [[nodiscard]] std::uint32_t block_of(std::uint32_t leader) const {
        return static_cast<std::uint32_t>(
            std::lower_bound(leaders_.begin(), leaders_.end(), leader) - leaders_.begin());
    }

    [[nodiscard]] BasicBlock block_at(std::size_t index) const {
        BasicBlock block;
        block.first = InsnIndex{leaders_[index]};
        block.end = InsnIndex{index + 1 < leaders_.size() ? leaders_[index + 1] : end_};
        std::uint32_t last = block.first.value;
        while (last + insns_[last].slots() < block.end.value) {
            last += insns_[last].slots();
        }
        block.last = InsnIndex{last};
        const Insn& insn = insns_[last];
        block.exits = insn.kind == InsnKind::exit;
        if (falls_through(insn)) {
            block.successors.push_back(block_of(block.end.value));
        }
        if (ends_block(insn) && !block.exits) {
            const std::uint32_t target =
                block_of(static_cast<std::uint32_t>(insn.target(block.last)));
            if (block.successors.empty() || block.successors.front() != target) {
                block.successors.push_back(target);
            }
        }
        return block;
    }

    std::span<const Insn> insns_;
    std::vector<bool> begins_; // by slot of the subprogram: whether an instruction begins there
    std::uint32_t start_;
    std::uint32_t end_;
    std::vector<std::uint32_t> leaders_;
};

} // namespace

std::vector<InsnIndex> subprogram_starts(std::span<const RawInsn> program) {
    std::set<InsnIndex> starts{InsnIndex{0}};
    for (std::uint32_t at = 0; at < program.size();) {
        const auto decoded = decode(program, InsnIndex{at});
        const Insn* insn = std::get_if<Insn>(&decoded);
        if (insn != nullptr) {
            const bool address =
                insn->kind == InsnKind::load_wide && insn->wide_source == WideSource::function;
            const std::int64_t start =
                address ? std::int64_t{at} + 1 + insn->imm : insn->target(InsnIndex{at});
            if ((address || insn->kind == InsnKind::call_subprogram) && start >= 0 &&
                start < static_cast<std::int64_t>(program.size())) {
                starts.insert(InsnIndex{static_cast<std::uint32_t>(start)});
            }
        }
        at += insn != nullptr ? insn->slots() : 1;
    }
    return {starts.begin(), starts.end()};
}

Result<std::vector<SubprogramGraph>> control_flow(std::span<const RawInsn> program) {
    const std::vector<Insn> insns = TRY(decode_all(program));
    const std::vector<InsnIndex> starts = subprogram_starts(program);
    std::vector<SubprogramGraph> graphs;
    for (std::size_t index = 0; index < starts.size() && !insns.empty(); ++index) {
        const InsnIndex end = index + 1 < starts.size()
                                  ? starts[index + 1]
                                  : InsnIndex{static_cast<std::uint32_t>(insns.size())};
        graphs.push_back(TRY(Grapher(insns, starts[index], end).run()));
    }
    return graphs;
}

} // namespace skep
