// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Loads and stores. Addresses were proved; they need not be aligned. A load through a
// pointer whose target was not proved to exist is a guarded copy and gives zero when it fails.
#include <cstring>

#include "skep/os/guard/guarded_copy.hpp"
#include "skep/run/interpreter/dispatch.hpp"

namespace skep::run::interpreter {
namespace {

std::uint64_t address(const Machine& machine, Reg base, std::int16_t offset) {
    return machine.reg[base] + static_cast<std::uint64_t>(std::int64_t{offset});
}

// `Number` carries size and signedness: int16_t is a load of s16.
template <class Number>
const Op* load(const Op* self, Machine& machine) {
    Number number = 0;
    std::memcpy(&number, pointer_at<const void>(address(machine, self->src, self->offset)),
                sizeof(Number));
    machine.reg[self->dst] = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
    return self + 1;
}

template <class Number>
[[gnu::noinline]] const Op* load_guarded(const Op* self, Machine& machine) {
    Number number = 0;
    const auto* from = pointer_at<const void>(address(machine, self->src, self->offset));
    if (!os::copy_guarded(&number, from, sizeof(Number))) {
        number = 0;
    }
    machine.reg[self->dst] = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
    return self + 1;
}

template <class Number, Source source>
const Op* store(const Op* self, Machine& machine) {
    const auto number = static_cast<Number>(
        source == Source::reg ? machine.reg[self->src]
                              : static_cast<std::uint64_t>(std::int64_t{self->imm}));
    std::memcpy(pointer_at<void>(address(machine, self->dst, self->offset)), &number,
                sizeof(Number));
    return self + 1;
}

// Picks `choose<Number>()` by size: the one place where a size becomes a type.
template <class One, class Two, class Four, class Eight, class Choose>
Handlers by_size(std::uint8_t size_bytes, Choose choose) {
    switch (size_bytes) {
    case 1:
        return choose(One{});
    case 2:
        return choose(Two{});
    case 4:
        return choose(Four{});
    case 8:
        return choose(Eight{});
    default:
        return {};
    }
}

template <class Choose>
Handlers by_unsigned_size(std::uint8_t size_bytes, Choose choose) {
    return by_size<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(size_bytes, choose);
}

} // namespace

Handlers memory_handlers(const Insn& insn, bool fault_reads_zero) {
    const auto load_of = [&](auto number) -> Handlers {
        return fault_reads_zero ? forms_of<load_guarded<decltype(number)>>()
                                : forms_of<load<decltype(number)>>();
    };
    if (insn.kind == InsnKind::load && insn.extend == Extend::sign) {
        return by_size<std::int8_t, std::int16_t, std::int32_t, std::int64_t>(insn.size_bytes,
                                                                              load_of);
    }
    if (insn.kind == InsnKind::load) {
        return by_unsigned_size(insn.size_bytes, load_of);
    }
    const bool by_register = insn.kind == InsnKind::store_reg;
    return by_unsigned_size(insn.size_bytes, [by_register](auto number) -> Handlers {
        using Number = decltype(number);
        return by_register ? forms_of<store<Number, Source::reg>>()
                           : forms_of<store<Number, Source::imm>>();
    });
}

} // namespace skep::run::interpreter
