/* SPDX-License-Identifier: Apache-2.0 */
/* A machine with 12 states, driven by bytes: compare trees. */
#include "../bench.h"

PROGRAM(machine) {
    u64 state = given(0);
    u32 count = 0;
    for (u32 i = 0; i < 96; i++) {
        u32 input = (u8)given(i * 151);
        switch (state) {
        case 0: state = input < 64 ? 1 : 2; break;
        case 1: state = input & 1 ? 3 : 4; count++; break;
        case 2: state = input > 200 ? 5 : 0; break;
        case 3: state = 6 + (input & 3); break;
        case 4: count += 3; state = 9; break;
        case 5: state = input == 77 ? 10 : 1; break;
        case 6: count ^= input; state = 0; break;
        case 7: state = 2; count += input; break;
        case 8: state = input & 4 ? 11 : 3; break;
        case 9: state = 5; count *= 3; break;
        case 10: state = 7; break;
        default: state = 0; count++; break;
        }
        state = opaque(state);
    }
    return (int)count;
}
