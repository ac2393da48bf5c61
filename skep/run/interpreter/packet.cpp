// SPDX-License-Identifier: Apache-2.0
//
// Data plane. LD_ABS and LD_IND: r0 = a number of the packet, in network order. R6 holds the socket
// buffer. A read outside the packet ends the program (or the subprogram) with 0.
#include <cstring>

#include "skep/base/bytes.hpp"
#include "skep/contexts/classic_packet.hpp"
#include "skep/run/interpreter/dispatch.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::run::interpreter {
namespace {

template <class Number, bool indirect>
[[gnu::noinline]] const Op* load_packet(const Op* self, Machine& machine) {
    const auto& skb = *pointer_at<const spec::HostSkb>(machine.reg[6]);
    // The sum is a 32-bit number, as in classic BPF.
    const std::uint32_t register_part =
        indirect ? static_cast<std::uint32_t>(machine.reg[self->src]) : 0;
    const auto position =
        static_cast<std::int32_t>(register_part + static_cast<std::uint32_t>(self->imm));
    const std::uint64_t address = contexts::classic_packet_address(skb, position, sizeof(Number));
    if (address == 0) {
        machine.reg[0] = 0;
        return machine.leave();
    }
    Number number = 0;
    std::memcpy(&number, pointer_at<const void>(address), sizeof(Number));
    machine.reg[0] = byte_swapped(number);
    return self + 1;
}

template <bool indirect>
Handlers by_size(std::uint8_t size_bytes) {
    switch (size_bytes) {
    case 1:
        return forms_of<load_packet<std::uint8_t, indirect>, Ends::perhaps>();
    case 2:
        return forms_of<load_packet<std::uint16_t, indirect>, Ends::perhaps>();
    case 4:
        return forms_of<load_packet<std::uint32_t, indirect>, Ends::perhaps>();
    default:
        return {};
    }
}

} // namespace

Handlers packet_handlers(const Insn& insn) {
    return insn.kind == InsnKind::packet_indirect ? by_size<true>(insn.size_bytes)
                                                  : by_size<false>(insn.size_bytes);
}

} // namespace skep::run::interpreter
