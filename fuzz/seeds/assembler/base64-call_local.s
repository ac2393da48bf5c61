r6 = 6
r7 = 7
r8 = 8
r9 = 9
*(u64 *)(r10 - 8) = 77
r1 = 1
r2 = 2
r3 = 3
r4 = 4
r5 = 5
call sum
if r0 != 15 goto wrong
r1 = r6
r1 += r7
r1 += r8
r1 += r9
if r1 != 30 goto wrong
r1 = *(u64 *)(r10 - 8)
if r1 != 77 goto wrong
r1 = r10
r1 += -8
call store
r1 = *(u64 *)(r10 - 8)
if r1 != 99 goto wrong
r0 = 1
exit
wrong:
r0 = 0
exit
sum:
*(u64 *)(r10 - 8) = 1
r6 = 0
r7 = 0
r8 = 0
r9 = 0
r0 = r1
r0 += r2
r0 += r3
r0 += r4
r0 += r5
exit
store:
call deeper
*(u64 *)(r1 + 0) = 99
exit
deeper:
*(u64 *)(r10 - 8) = 2
exit
