r1 = 0xf123456789abcdef ll
*(u64 *)(r10 - 8) = r1
r2 = 0x8f0f0f0f9f0f0f11 ll
store_release((u64 *)(r10 - 8), r2)
r3 = *(u64 *)(r10 - 8)
r4 = 0x8f0f0f0f9f0f0f11 ll
if r3 != r4 goto wrong
r2 += 3
store_release((u16 *)(r10 - 8), r2)
r3 = *(u64 *)(r10 - 8)
r4 = 0x8f0f0f0f9f0f0f14 ll
if r3 != r4 goto wrong
r2 += 3
r0 = 1
exit
wrong:
r0 = 0
exit
