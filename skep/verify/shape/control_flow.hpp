// SPDX-License-Identifier: Apache-2.0
//
// Where control may go, and whether it gets everywhere.
#pragma once

#include <vector>

#include "skep/verify/explain/finding.hpp"
#include "skep/verify/state/subject.hpp"

namespace skep::verify {

// The instructions of the same subprogram that may follow the one at `at`; one or two, none after
// an exit. A call is followed by what stands behind it. (Here, since every pass before the walk
// asks for each instruction.)
struct Successors {
    InsnIndex list[2];
    unsigned count = 0;
};
inline Successors successors(const Subject& subject, InsnIndex at) {
    const Insn& insn = subject.insn(at);
    const InsnIndex next{at.value + insn.slots()};
    const InsnIndex target{static_cast<std::uint32_t>(insn.target(at))};
    switch (insn.kind) {
    case InsnKind::exit:
        return {};
    case InsnKind::jump_always:
        return {{target, {}}, 1};
    case InsnKind::jump:
    case InsnKind::may_goto:
        return {{next, target}, 2};
    case InsnKind::alu:
    case InsnKind::load_wide:
    case InsnKind::load:
    case InsnKind::store_imm:
    case InsnKind::store_reg:
    case InsnKind::atomic:
    case InsnKind::packet_absolute:
    case InsnKind::packet_indirect:
    case InsnKind::call_helper:
    case InsnKind::call_subprogram:
    case InsnKind::call_kfunc:
    case InsnKind::call_register:
    case InsnKind::address_space_cast:
        return {{next, {}}, 1};
    }
    return {};
}

// Refuses instructions that cannot be reached, jumps into the second half of a wide immediate, and
// loops without the capability for them.
Ruling<void> check_control_flow(const Subject& subject);

// Where a path may be compared with earlier ones: conditional jumps, targets of unconditional ones,
// behind calls. By slot.
std::vector<bool> prune_points(const Subject& subject);

} // namespace skep::verify
