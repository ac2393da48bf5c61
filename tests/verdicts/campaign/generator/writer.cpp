// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/generator/writer.hpp"

#include <algorithm>

namespace skep::tests::campaign {

std::uint64_t Writer::number() {
    static constexpr std::uint64_t kEdges[] = {
        0,          1,          2,          7,           8,          63,         64,
        0x7f,       0x80,       0xff,       0x7fff,      0x8000,     0xffff,     0x7fffffff,
        0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 0x1fffffff, 0x20000000, 0x7fffffffffffffff,
        1ULL << 63, ~0ULL,      ~0ULL - 1,  ~0ULL - 7};
    switch (below(4)) {
    case 0:
        return kEdges[below(std::size(kEdges))];
    case 1:
    case 2:
        return below(80);
    default:
        return bits() >> below(64);
    }
}

std::optional<Reg> Writer::holding(Kind kind) {
    std::array<Reg, kRegisters> found{};
    std::uint32_t count = 0;
    for (Reg reg = 0; reg < kRegisters; ++reg) {
        if (of(reg).kind == kind) {
            found.at(count++) = reg;
        }
    }
    return count == 0 ? std::nullopt : std::optional(found.at(below(count)));
}

Reg Writer::any_set() {
    if (one_in(12)) {
        return kFramePointer;
    }
    for (unsigned tries = 0; tries < 8; ++tries) {
        const Reg reg = static_cast<Reg>(below(kRegisters));
        if (of(reg).kind != Kind::unset) {
            return reg;
        }
    }
    return a_number();
}

Reg Writer::free(bool lasting) {
    for (unsigned tries = 0; tries < 12; ++tries) {
        const Reg reg = static_cast<Reg>(lasting ? 6 + below(4) : below(kRegisters));
        const bool context = of(reg).kind == Kind::context && !one_in(30);
        const bool held = (locked >> reg & 1) != 0 && !wrong();
        if (!held && !context) {
            return reg;
        }
    }
    return static_cast<Reg>(below(6));
}

Reg Writer::a_number() {
    if (!wrong()) {
        if (const auto reg = holding(Kind::number); reg.has_value() && !one_in(20)) {
            return *reg;
        }
    }
    const Reg reg = free(one_in(2));
    const std::uint64_t value = number();
    code.add(wide(reg, WideSource::number, value));
    set(reg, Kind::number, value);
    return reg;
}

void Writer::after_call() {
    for (Reg reg = 1; reg <= 5; ++reg) {
        set(reg, Kind::unset);
    }
}

Frame Writer::joined(const Frame& one, const Frame& other) {
    Frame result;
    const auto join = [](const Known& left, const Known& right, Known& out) {
        if (left.kind == right.kind) {
            const bool number = left.kind == Kind::number;
            out = {left.kind,
                   number ? std::max(left.limit, right.limit) : std::min(left.limit, right.limit)};
        }
    };
    for (std::size_t at = 0; at < result.registers.size(); ++at) {
        join(one.registers.at(at), other.registers.at(at), result.registers.at(at));
    }
    for (std::size_t at = 0; at < result.slots.size(); ++at) {
        join(one.slots.at(at), other.slots.at(at), result.slots.at(at));
    }
    return result;
}

std::int16_t Writer::offset_within(std::uint64_t limit, unsigned size_bytes) {
    constexpr std::uint64_t kMost = 4096;
    if (wrong()) {
        return static_cast<std::int16_t>(number());
    }
    if (limit == kNoLimit || limit < size_bytes) {
        return static_cast<std::int16_t>(below(16));
    }
    const auto last = static_cast<std::uint32_t>(std::min(limit, kMost) - size_bytes);
    if (one_in(6)) { // exactly at the end, or one too far
        return static_cast<std::int16_t>(last + (one_in(12) ? 1 : 0));
    }
    const std::uint32_t offset = below(last + 1);
    return static_cast<std::int16_t>(one_in(3) ? offset : offset / size_bytes * size_bytes);
}

} // namespace skep::tests::campaign
