// SPDX-License-Identifier: Apache-2.0
// Type tags, and qualifiers in every place.
#define T(x) __attribute__((btf_type_tag(#x)))
struct s; typedef int myint; enum e { A };
struct t { int T(a) *p1; int T(a) T(b) *p2; const int T(a) *p3; const int T(a) * const p4; int T(a) * T(b) *p5; struct s T(a) *p6; myint T(a) *p7; int T(a) *arr[3]; int (T(a) *fp)(int T(c) *q); const volatile struct s T(a) T(b) * T(c) * const p8; void T(a) *v; struct { int x; } T(a) *anon; enum e T(a) *en; int T(arrp) (*pa)[3]; const struct s * T(z) const * T(y) p9; union { int y;} T(uu) * const *aa; int (*T(fq) *ff)(void); int T(r) *(*rf)(void); } t;
typedef int T(td) *tdp; tdp g;
int T(gl) *gp; 
const volatile int twice; volatile struct s *const volatile vs;
__attribute__((section("xdp"), used)) int tagged(void *ctx) { return twice ? (long)&t & 1 : (long)gp & 1 ? 1 : g ? 2 : 0; }
char _license[] __attribute__((section("license"), used)) = "GPL";
