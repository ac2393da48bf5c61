// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Atomic operations. An update is a loop of compare-and-exchange around the meaning
// column, which makes any row atomic without a second telling of what it computes.
#include <utility>

#include "skep/run/interpreter/dispatch.hpp"

namespace skep::run::interpreter {
namespace {

using spec::AtomicForm;

template <class Word>
Word* place(const Machine& machine, Reg base, std::int16_t offset) {
    return pointer_at<Word>(machine.reg[base] + static_cast<std::uint64_t>(std::int64_t{offset}));
}

// The value before is handed back, widened with zeros: in r0 by compare-and-exchange, in the source
// register by the others that fetch.
template <AtomicOp op, class Word>
const Op* update(const Op* self, Machine& machine) {
    Word* memory = place<Word>(machine, self->dst, self->offset);
    const auto src = static_cast<Word>(machine.reg[self->src]);
    const auto r0 = static_cast<Word>(machine.reg[0]);
    Word before = __atomic_load_n(memory, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(memory, &before, spec::stored<op>(before, src, r0), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
    if constexpr (spec::row(op).form == AtomicForm::fetch) {
        machine.reg[op == AtomicOp::cmpxchg ? Reg{0} : self->src] = before;
    }
    return self + 1;
}

template <class Word>
const Op* load_acquire(const Op* self, Machine& machine) {
    machine.reg[self->dst] =
        __atomic_load_n(place<Word>(machine, self->src, self->offset), __ATOMIC_ACQUIRE);
    return self + 1;
}

template <class Word>
const Op* store_release(const Op* self, Machine& machine) {
    __atomic_store_n(place<Word>(machine, self->dst, self->offset),
                     static_cast<Word>(machine.reg[self->src]), __ATOMIC_RELEASE);
    return self + 1;
}

// Said outright: GCC 12 forgets to make these when it sanitizes.
template const Op* load_acquire<std::uint8_t>(const Op*, Machine&);
template const Op* load_acquire<std::uint16_t>(const Op*, Machine&);
template const Op* load_acquire<std::uint32_t>(const Op*, Machine&);
template const Op* load_acquire<std::uint64_t>(const Op*, Machine&);
template const Op* store_release<std::uint8_t>(const Op*, Machine&);
template const Op* store_release<std::uint16_t>(const Op*, Machine&);
template const Op* store_release<std::uint32_t>(const Op*, Machine&);
template const Op* store_release<std::uint64_t>(const Op*, Machine&);

using HandlersOfRow = std::array<Handlers, 9>; // by size in bytes; null where the row has none

template <AtomicOp op>
constexpr HandlersOfRow handlers_of() {
    HandlersOfRow handlers{};
    if constexpr (spec::row(op).form == AtomicForm::load) {
        handlers[1] = forms_of<load_acquire<std::uint8_t>>();
        handlers[2] = forms_of<load_acquire<std::uint16_t>>();
        handlers[4] = forms_of<load_acquire<std::uint32_t>>();
        handlers[8] = forms_of<load_acquire<std::uint64_t>>();
    } else if constexpr (spec::row(op).form == AtomicForm::store) {
        handlers[1] = forms_of<store_release<std::uint8_t>>();
        handlers[2] = forms_of<store_release<std::uint16_t>>();
        handlers[4] = forms_of<store_release<std::uint32_t>>();
        handlers[8] = forms_of<store_release<std::uint64_t>>();
    } else {
        handlers[4] = forms_of<update<op, std::uint32_t>>();
        handlers[8] = forms_of<update<op, std::uint64_t>>();
    }
    return handlers;
}

template <std::size_t... index>
constexpr std::array<HandlersOfRow, sizeof...(index)> all_rows(std::index_sequence<index...>) {
    return {handlers_of<static_cast<AtomicOp>(index)>()...};
}
constexpr auto kHandlers = all_rows(std::make_index_sequence<spec::kAtomicRows.size()>());

} // namespace

Handlers atomic_handlers(const Insn& insn) {
    return insn.size_bytes <= 8
               ? kHandlers[static_cast<std::size_t>(insn.atomic_op)][insn.size_bytes]
               : Handlers{};
}

} // namespace skep::run::interpreter
