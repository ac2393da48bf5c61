// SPDX-License-Identifier: Apache-2.0
//
// Blinding: what somebody chose must not lie in executable memory as he chose it; jumped into, it
// would be code. A target that blinds writes each number of the program as two that make it, of
// which one is random.
//
// Proved by: tests/jit/hardened_test.cpp.
#pragma once

#include <cstdint>

#include "skep/run/jit/targets/operand.hpp"

namespace skep::run::jit {

class Blinding {
  public:
    explicit Blinding(std::uint64_t seed) : state_(seed) {} // zero: off; else a random number

    // Zero is no news.
    [[nodiscard]] bool hides(std::uint64_t number) const { return state_ != 0 && number != 0; }
    [[nodiscard]] bool is_on() const { return state_ != 0; }

    // Numbers that look random, from one that is (the mixer of splitmix64).
    std::uint64_t next_key() {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t key = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9;
        key = (key ^ (key >> 27)) * 0x94d049bb133111eb;
        return key ^ (key >> 31);
    }

  private:
    std::uint64_t state_;
};

// Whether the number of an operation is hidden: a count of bits says too little to be worth it, and
// byte order has no number.
inline bool hides_operand(const Blinding& blinding, AluOp op, std::int32_t number) {
    return blinding.hides(static_cast<std::uint32_t>(number)) && !is_shift(op) &&
           spec::row(op).operand == spec::Operand::binary;
}

} // namespace skep::run::jit
