// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/shape/control_flow.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace skep::verify {
namespace {

Finding misdirected(InsnIndex at, std::string kernel_message, std::string what,
                    std::string because) {
    Finding finding;
    finding.code = "E0105";
    finding.os_errno = EINVAL;
    finding.kernel_message = std::move(kernel_message);
    finding.what = std::move(what);
    finding.place.insn = at;
    finding.because = std::move(because);
    return finding;
}

enum class Visit : std::uint8_t { never, open, done };

// A depth-first walk that knows which instructions are on the current path, so that an edge back to
// one of them is a loop.
class Reach {
  public:
    explicit Reach(const Subject& subject)
        : subject_(subject), visits_(subject.insns.size(), Visit::never),
          begins_(subject.insns.size(), false) {
        for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
            begins_[at] = true;
        }
    }

    Ruling<void> from(InsnIndex start) {
        if (visits_[start.value] != Visit::never) {
            return {};
        }
        open(start);
        while (!path_.empty()) {
            Step& step = path_.back();
            if (step.next == step.successors.count) {
                visits_[step.at.value] = Visit::done;
                path_.pop_back();
                continue;
            }
            TRY(follow(step.at, step.successors.list[step.next++]));
        }
        return {};
    }
    [[nodiscard]] bool reached(std::uint32_t slot) const { return visits_[slot] != Visit::never; }

  private:
    struct Step {
        InsnIndex at;
        Successors successors;
        unsigned next = 0;
    };
    void open(InsnIndex at) {
        visits_[at.value] = Visit::open;
        // From the second half of a wide immediate nothing is followed: it is refused afterwards.
        path_.push_back({at, begins_[at.value] ? successors(subject_, at) : Successors{}, 0});
    }
    Ruling<void> follow(InsnIndex from, InsnIndex to) {
        if (visits_[to.value] == Visit::open && !subject_.environment.capabilities.bpf) {
            return misdirected(from,
                               fmt::format("back-edge from insn {} to {}", from.value, to.value),
                               "a loop, which needs CAP_BPF",
                               fmt::format("instruction {} goes back to {}", from.value, to.value));
        }
        if (visits_[to.value] == Visit::never) {
            open(to);
        }
        return {};
    }

    const Subject& subject_;
    std::vector<Visit> visits_;
    std::vector<bool> begins_; // an instruction begins in this slot
    std::vector<Step> path_;
};

} // namespace

Ruling<void> check_control_flow(const Subject& subject) {
    Reach reach(subject);
    // A subprogram is there because something names it; what names it is itself reached or refused.
    for (const Subprogram& subprogram : subject.subprograms) {
        TRY(reach.from(subprogram.start));
    }
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        if (!reach.reached(at)) {
            return misdirected(InsnIndex{at}, fmt::format("unreachable insn {}", at),
                               "an instruction that nothing leads to",
                               "no jump and no path comes here");
        }
        if (subject.insns[at].slots() == 2 && reach.reached(at + 1)) {
            return misdirected(
                InsnIndex{at}, fmt::format("jump into the middle of ldimm64 insn {}", at),
                "a jump into the middle of an instruction",
                fmt::format("slot {} is the second half of a wide immediate", at + 1));
        }
    }
    return {};
}

std::vector<bool> prune_points(const Subject& subject) {
    std::vector<bool> points(subject.insns.size() + 1, false);
    for (std::uint32_t at = 0; at < subject.insns.size(); at += subject.insns[at].slots()) {
        const Insn& insn = subject.insns[at];
        switch (insn.kind) {
        case InsnKind::jump:
        case InsnKind::may_goto:
            points[at] = true;
            points[static_cast<std::size_t>(insn.target(InsnIndex{at}))] = true;
            break;
        case InsnKind::jump_always:
            points[static_cast<std::size_t>(insn.target(InsnIndex{at}))] = true;
            break;
        case InsnKind::call_subprogram:
            points[at] = true;
            points[at + 1] = true;
            points[static_cast<std::size_t>(insn.target(InsnIndex{at}))] = true;
            break;
        case InsnKind::call_helper:
        case InsnKind::call_kfunc:
            points[at + 1] = true;
            break;
        case InsnKind::alu:
        case InsnKind::load_wide:
        case InsnKind::load:
        case InsnKind::store_imm:
        case InsnKind::store_reg:
        case InsnKind::atomic:
        case InsnKind::packet_absolute:
        case InsnKind::packet_indirect:
        case InsnKind::call_register:
        case InsnKind::exit:
        case InsnKind::address_space_cast:
            break;
        }
    }
    return points;
}

} // namespace skep::verify
