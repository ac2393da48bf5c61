// SPDX-License-Identifier: Apache-2.0
//
// Loads and stores of each size. A load of 32 bits clears the upper half by itself.
#include "skep/run/jit/x64/emit.hpp"

namespace skep::run::jit::x64 {

void load(Assembler& assembler, const MemoryAccess& access, Gpr dst, const Memory& from) {
    const bool is_signed = access.extend == Extend::sign;
    if (access.size_bytes == 8) {
        assembler.memory(Op::load, Wide::yes, dst, from);
    } else if (access.size_bytes == 4) {
        is_signed ? assembler.memory(Op::load_sx32, Wide::yes, dst, from)
                  : assembler.memory(Op::load, Wide::no, dst, from);
    } else if (access.size_bytes == 2) {
        is_signed ? assembler.memory(Op::load_sx16, Wide::yes, dst, from)
                  : assembler.memory(Op::load_zx16, Wide::no, dst, from);
    } else {
        is_signed ? assembler.memory(Op::load_sx8, Wide::yes, dst, from)
                  : assembler.memory(Op::load_zx8, Wide::no, dst, from);
    }
}

void store(Assembler& assembler, std::uint8_t size_bytes, const Memory& to, Gpr src) {
    if (size_bytes >= 4) {
        assembler.memory(Op::mov, size_bytes == 8 ? Wide::yes : Wide::no, src, to);
    } else if (size_bytes == 2) {
        assembler.memory(Op::mov16, Wide::no, src, to);
    } else {
        assembler.memory(Op::mov8, Wide::no, src, to);
    }
}

void store_number(Assembler& assembler, std::uint8_t size_bytes, const Memory& to,
                  std::int32_t number) {
    if (size_bytes >= 4) {
        assembler.memory_imm(Op::mov_i32, size_bytes == 8 ? Wide::yes : Wide::no, to, number);
    } else if (size_bytes == 2) {
        assembler.memory_imm(Op::mov16_i16, Wide::no, to, number);
    } else {
        assembler.memory_imm(Op::mov8_i8, Wide::no, to, number);
    }
}

} // namespace skep::run::jit::x64
