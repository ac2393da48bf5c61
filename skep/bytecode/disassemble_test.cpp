// SPDX-License-Identifier: Apache-2.0
//
// The texts are those that a running Linux 6.18 (log level 2) and llvm-objdump 14 print.
#include "skep/bytecode/disassemble.hpp"

#include <gtest/gtest.h>

namespace skep {
namespace {

std::string text_of(std::vector<RawInsn> raw, Dialect dialect, const Names& names = {}) {
    raw.push_back({});
    const auto decoded = decode(raw, InsnIndex{0});
    const Insn* insn = std::get_if<Insn>(&decoded);
    return insn != nullptr ? disassemble(*insn, InsnIndex{0}, dialect, names)
                           : std::get<DecodeError>(decoded).message;
}

struct Spelling {
    RawInsn raw;
    const char* kernel;
    const char* llvm;
};

TEST(Disassemble, SpellsEveryGroupAsTheToolsDo) {
    const Spelling spellings[] = {
        {{0x07, 0x02, 0, -5}, "r2 += -5", "r2 += -5"},
        {{0x3c, 0x32, 1, 0}, "w2 s/= w3", "w2 s/= w3"},
        {{0x84, 0x02, 0, 0}, "w2 = -w2", "w2 = -w2"},
        {{0xbf, 0x32, 32, 0}, "r2 = (s32)r3", "r2 = (s32)r3"},
        {{0xdc, 0x02, 0, 16}, "r2 = be16 r2", "r2 = be16 r2"},
        {{0xbf, 0x32, 1, 0x10000},
         "r2 = addr_space_cast(r3, 1, 0)",
         "r2 = addr_space_cast(r3, 1, 0)"},
        {{0x16, 0x02, 1, -16}, "if w2 == 0xfffffff0 goto pc+1", "if w2 == -16 goto +1"},
        {{0xdd, 0x32, -3, 0}, "if r2 s<= r3 goto pc-3", "if r2 s<= r3 goto -3"},
        {{0x05, 0x00, 0, 0}, "goto pc+0", "goto +0"},
        {{0x06, 0x00, 0, 5}, "gotol pc+5", "gotol +5"},
        {{0xe5, 0x00, 4, 0}, "may_goto pc+4", "may_goto +4"},
        {{0x85, 0x00, 0, 6}, "call unknown#6", "call 6"},
        {{0x85, 0x10, 0, -1}, "call pc-1", "call -1"},
        {{0x79, 0x12, 8, 0}, "r2 = *(u64 *)(r1 +8)", "r2 = *(u64 *)(r1 + 8)"},
        {{0x91, 0xa2, -8, 0}, "r2 = *(s8 *)(r10 -8)", "r2 = *(s8 *)(r10 - 8)"},
        {{0x62, 0x0a, -8, 5}, "*(u32 *)(r10 -8) = 5", "*(u32 *)(r10 - 8) = 5"},
        {{0xdb, 0x2a, -8, 0x40}, "lock *(u64 *)(r10 -8) |= r2", "lock *(u64 *)(r10 - 8) |= r2"},
        {{0xdb, 0x2a, -8, 0x01},
         "r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)",
         "r2 = atomic_fetch_add((u64 *)(r10 - 8), r2)"},
        {{0xc3, 0x2a, -8, 0xe1},
         "r2 = atomic_xchg((u32 *)(r10 -8), r2)",
         "w2 = xchg32_32(r10 - 8, w2)"},
        {{0xdb, 0x2a, -8, 0xf1},
         "r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)",
         "r0 = cmpxchg_64(r10 - 8, r0, r2)"},
        {{0xd3, 0xa2, -8, 0x100},
         "r2 = load_acquire((u8 *)(r10 -8))",
         "r2 = load_acquire((u8 *)(r10 - 8))"},
        {{0xcb, 0x2a, -8, 0x110},
         "store_release((u16 *)(r10 -8), r2)",
         "store_release((u16 *)(r10 - 8), r2)"},
        {{0x30, 0x00, 0, 5}, "r0 = *(u8 *)skb[5]", "r0 = *(u8 *)skb[5]"},
        {{0x48, 0x00, 0, -5}, "r0 = *(u16 *)skb[r0 + -5]", "r0 = *(u16 *)skb[r0 + -5]"},
        {{0x18, 0x02, 0, -5}, "r2 = 0xfffffffb", "r2 = 4294967291 ll"},
        {{0x95, 0x00, 0, 0}, "exit", "exit"},
    };
    for (const Spelling& spelling : spellings) {
        EXPECT_EQ(text_of({spelling.raw}, Dialect::kernel), spelling.kernel);
        EXPECT_EQ(text_of({spelling.raw}, Dialect::llvm), spelling.llvm);
    }
}

TEST(Disassemble, TakesNamesFromTheCaller) {
    Names names;
    names.call = [](const Insn& insn, InsnIndex) {
        return std::string(insn.kind == InsnKind::call_subprogram ? "twice"
                                                                  : "bpf_map_lookup_elem");
    };
    names.wide = [](const Insn&, InsnIndex) { return std::string("map[id:204][0]+8"); };
    names.label = [](std::int64_t target) {
        return target == 16 ? std::string("LBB0_2") : std::string();
    };
    EXPECT_EQ(text_of({{0x85, 0x00, 0, 1}}, Dialect::kernel, names), "call bpf_map_lookup_elem#1");
    EXPECT_EQ(text_of({{0x85, 0x10, 0, 7}}, Dialect::kernel, names), "call pc+7#twice");
    EXPECT_EQ(text_of({{0x18, 0x21, 0, 3}}, Dialect::kernel, names), "r1 = map[id:204][0]+8");
    EXPECT_EQ(text_of({{0x55, 0x06, 15, 0}}, Dialect::llvm, names), "if r6 != 0 goto +15 <LBB0_2>");
}

TEST(Disassemble, ShowsTheBytesOfBothSlots) {
    const std::array<RawInsn, 2> wide{RawInsn{0x18, 0x21, 0, 0xcc}, RawInsn{0, 0, 0, 8}};
    EXPECT_EQ(opcode_bytes(wide), "18 21 00 00 cc 00 00 00 00 00 00 00 08 00 00 00");
    EXPECT_EQ(disassemble_program(wide), "   0: (18) r1 = map_value[204]+8\n");
}

} // namespace
} // namespace skep
