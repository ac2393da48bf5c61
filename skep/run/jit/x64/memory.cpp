// SPDX-License-Identifier: Apache-2.0
//
// Loads and stores of each size. A load of 32 bits clears the upper half by itself.
#include "skep/run/jit/x64/emit.hpp"

namespace skep::run::jit::x64 {

void load(Assembler& assembler, MemoryAccess access, Gpr dst, Memory from) {
    const bool is_signed = access.extend == Extend::sign;
    switch (access.size_bytes) {
    case 1:
        assembler.memory(is_signed ? Op::load_sx8 : Op::load_zx8, is_signed ? Wide::yes : Wide::no,
                         dst, from);
        break;
    case 2:
        assembler.memory(is_signed ? Op::load_sx16 : Op::load_zx16,
                         is_signed ? Wide::yes : Wide::no, dst, from);
        break;
    case 4:
        assembler.memory(is_signed ? Op::load_sx32 : Op::load, is_signed ? Wide::yes : Wide::no,
                         dst, from);
        break;
    default:
        assembler.memory(Op::load, Wide::yes, dst, from);
        break;
    }
}

void store(Assembler& assembler, std::uint8_t size_bytes, Memory to, Gpr src) {
    const Op op = size_bytes == 1 ? Op::mov8 : size_bytes == 2 ? Op::mov16 : Op::mov;
    assembler.memory(op, size_bytes == 8 ? Wide::yes : Wide::no, src, to);
}

void store_number(Assembler& assembler, std::uint8_t size_bytes, Memory to, std::int32_t number) {
    const Op op = size_bytes == 1 ? Op::mov8_i8 : size_bytes == 2 ? Op::mov16_i16 : Op::mov_i32;
    assembler.memory_imm(op, size_bytes == 8 ? Wide::yes : Wide::no, to, number);
}

} // namespace skep::run::jit::x64
