r1 = 0xf123456789abcdef ll
*(u64 *)(r10 - 8) = r1
r2 = 0x8f0f0f0f9f0f0f11 ll
r0 = 1
r0 = atomic_cmpxchg((u32 *)(r10 - 8), r0, r2)
r4 = 0x89abcdef ll
if r0 != r4 goto wrong
r3 = *(u64 *)(r10 - 8)
if r3 != r1 goto wrong
r5 = 0x5500000000 ll
r0 |= r5
r0 = atomic_cmpxchg((u32 *)(r10 - 8), r0, r2)
if r0 != r4 goto wrong
r3 = *(u64 *)(r10 - 8)
r4 = 0xf12345679f0f0f11 ll
if r3 != r4 goto wrong
r0 = 1
exit
wrong:
r0 = 0
exit
