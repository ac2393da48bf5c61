r1 = 0x123456789abcdef ll
r1 = be16 r1
r3 = 0xefcd ll
if r1 != r3 goto wrong
r1 = 0xff00 ll
r1 = be16 r1
r3 = 0xff ll
if r1 != r3 goto wrong
r1 = 0x80 ll
r1 = be16 r1
r3 = 0x8000 ll
if r1 != r3 goto wrong
r1 = 0xffffffffffffffff ll
r1 = be16 r1
r3 = 0xffff ll
if r1 != r3 goto wrong
r1 = 0x1122334455667788 ll
r1 = be16 r1
r3 = 0x8877 ll
if r1 != r3 goto wrong
r0 = 1
exit
wrong:
r0 = 0
exit
