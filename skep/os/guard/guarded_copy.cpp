// SPDX-License-Identifier: Apache-2.0
//
// The routine is written in assembly because its bounds must be exact and it must keep nothing on
// the stack: a compiler promises neither.
#include "skep/os/guard/guarded_copy.hpp"

#include <cstring>

#if defined(__x86_64__)
// rdi: to, rsi: from, rdx: size; answers 1 or 0 in eax.
asm(R"(
    .text
    .globl  skep_copy_guarded
    .hidden skep_copy_guarded, skep_copy_guarded_failed, skep_copy_guarded_end
    .type   skep_copy_guarded, @function
skep_copy_guarded:
    mov     %rdx, %rcx
    rep movsb
    mov     $1, %eax
    ret
    .globl  skep_copy_guarded_failed
skep_copy_guarded_failed:
    xor     %eax, %eax
    ret
    .globl  skep_copy_guarded_end
skep_copy_guarded_end:
    .size   skep_copy_guarded, . - skep_copy_guarded
)");
#elif defined(__aarch64__)
// x0: to, x1: from, x2: size; answers 1 or 0 in x0.
asm(R"(
    .text
    .globl  skep_copy_guarded
    .hidden skep_copy_guarded, skep_copy_guarded_failed, skep_copy_guarded_end
    .type   skep_copy_guarded, %function
skep_copy_guarded:
    cbz     x2, 2f
1:  ldrb    w3, [x1], #1
    strb    w3, [x0], #1
    subs    x2, x2, #1
    b.ne    1b
2:  mov     x0, #1
    ret
    .globl  skep_copy_guarded_failed
skep_copy_guarded_failed:
    mov     x0, #0
    ret
    .globl  skep_copy_guarded_end
skep_copy_guarded_end:
    .size   skep_copy_guarded, . - skep_copy_guarded
)");
#endif

#if defined(__x86_64__) || defined(__aarch64__)
extern "C" {
std::uint64_t skep_copy_guarded(void* to, const void* from, std::size_t size_bytes);
extern const char skep_copy_guarded_failed[]; // NOLINT: labels, spelled as above
extern const char skep_copy_guarded_end[];    // NOLINT: as above
}
#endif

namespace skep::os {

#if defined(__x86_64__) || defined(__aarch64__)
bool copy_guarded(void* to, const void* from, std::size_t size_bytes) {
    return skep_copy_guarded(to, from, size_bytes) == 1;
}
GuardedCopyBounds guarded_copy_bounds() {
    return {reinterpret_cast<std::uintptr_t>(&skep_copy_guarded), // NOLINT: addresses of code
            reinterpret_cast<std::uintptr_t>(&skep_copy_guarded_end[0]),
            reinterpret_cast<std::uintptr_t>(&skep_copy_guarded_failed[0])};
}
#else
bool copy_guarded(void* to, const void* from, std::size_t size_bytes) {
    std::memcpy(to, from, size_bytes);
    return true;
}
GuardedCopyBounds guarded_copy_bounds() { return {}; }
#endif

} // namespace skep::os
