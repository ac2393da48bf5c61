r1 = *(u32 *)(r6 +0)
1: if r0 == 0x10 goto 1f
r2 = map_idx_value[0]+8
r3 = func[sub]
lock *(u64 *)(r1 +0) += r2
r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
r0 = cmpxchg_64(r10 - 8, r0, r2)
store_release((u16 *)(r10 -8), r2); r4 = load_acquire((u8 *)(r10 -8))
r0 = *(u8 *)skb[r2 + 5]
call sub
goto 1b
1: exit
sub: r1 = be16 r1 # remark
may_goto +1
   7: (18) r1 = 0x5 ; R1=5
callx r2
call kfunc#7:1
gotol exit
exit
