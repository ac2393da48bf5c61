mov32 %r0, -1
lddw %r1, 0x1122334455667788
ldxdw %r2, [%r10-8]
lock fetch add32 [%r10-4], %r1
jne32 %r0, 5, out
call local f
out:
exit
f:
exit
