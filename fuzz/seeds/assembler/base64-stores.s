r1 = -1
*(u64 *)(r10 - 8) = r1
*(u64 *)(r10 - 16) = -1
r2 = 0x1122334455667788 ll
*(u8 *)(r10 - 8) = r2
*(u16 *)(r10 - 6) = r2
*(u32 *)(r10 - 4) = r2
*(u8 *)(r10 - 16) = 0x1ff
*(u16 *)(r10 - 14) = 0x12345
*(u32 *)(r10 - 12) = -2
r3 = *(u64 *)(r10 - 8)
r4 = 0x556677887788ff88 ll
if r3 != r4 goto wrong
r3 = *(u64 *)(r10 - 16)
r4 = 0xfffffffe2345ffff ll
if r3 != r4 goto wrong
*(u64 *)(r10 - 24) = -5
r3 = *(u64 *)(r10 - 24)
if r3 != -5 goto wrong
r0 = 1
exit
wrong:
r0 = 0
exit
