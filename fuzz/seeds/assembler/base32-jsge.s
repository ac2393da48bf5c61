r0 = 0
r1 = 0x1 ll
r2 = 0x2 ll
if w1 s>= w2 goto taken0
goto next0
taken0:
r0 |= 1
next0:
r1 = 0x2 ll
r2 = 0x1 ll
if w1 s>= w2 goto taken1
goto next1
taken1:
r0 |= 2
next1:
r1 = 0x3 ll
r2 = 0x3 ll
if w1 s>= w2 goto taken2
goto next2
taken2:
r0 |= 4
next2:
r1 = 0xffffffffffffffff ll
r2 = 0x1 ll
if w1 s>= w2 goto taken3
goto next3
taken3:
r0 |= 8
next3:
r1 = 0x1 ll
r2 = 0xffffffffffffffff ll
if w1 s>= w2 goto taken4
goto next4
taken4:
r0 |= 16
next4:
r1 = 0x8000000000000000 ll
r2 = 0x7fffffffffffffff ll
if w1 s>= w2 goto taken5
goto next5
taken5:
r0 |= 32
next5:
r1 = 0x180000000 ll
r2 = 0x80000000 ll
if w1 s>= w2 goto taken6
goto next6
taken6:
r0 |= 64
next6:
r1 = 0x7fffffff ll
r2 = 0x80000000 ll
if w1 s>= w2 goto taken7
goto next7
taken7:
r0 |= 128
next7:
r1 = 0xfffffffe00000001 ll
r2 = 0x1 ll
if w1 s>= w2 goto taken8
goto next8
taken8:
r0 |= 256
next8:
r1 = 0x0 ll
r2 = 0x0 ll
if w1 s>= w2 goto taken9
goto next9
taken9:
r0 |= 512
next9:
r1 = 0x5 ll
if w1 s>= 5 goto taken10
goto next10
taken10:
r0 |= 1024
next10:
r1 = 0xffffffffffffffff ll
if w1 s>= -1 goto taken11
goto next11
taken11:
r0 |= 2048
next11:
r1 = 0x4 ll
if w1 s>= -8 goto taken12
goto next12
taken12:
r0 |= 4096
next12:
r1 = 0x80000000 ll
if w1 s>= 2147483647 goto taken13
goto next13
taken13:
r0 |= 8192
next13:
exit
