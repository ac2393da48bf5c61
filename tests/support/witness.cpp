// SPDX-License-Identifier: Apache-2.0
//
// Two switches, as such interpreters have always had them: by class, then by operation. Operands
// are taken from the raw fields where they are used.
#include "tests/support/witness.hpp"

#include <array>
#include <cstring>

namespace skep::tests {
namespace {

constexpr std::size_t kFrameBytes = 512;
constexpr std::size_t kMaxFrames = 8;

template <class To>
To at(std::uint64_t address) {
    To value;
    std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
    return value;
}
template <class Value>
void put(std::uint64_t address, Value value) {
    std::memcpy(reinterpret_cast<void*>(address), &value, sizeof value);
}

std::uint64_t extended(std::int64_t number) { return static_cast<std::uint64_t>(number); }

std::uint64_t swapped(std::uint64_t value, std::int32_t bits) {
    std::uint64_t result = 0;
    for (std::int32_t i = 0; i < bits / 8; ++i) {
        result = result << 8 | (value >> (8 * i) & 0xff);
    }
    return result;
}
std::uint64_t low_bits(std::uint64_t value, std::int32_t bits) {
    return bits == 64 ? value : value & ((1ULL << bits) - 1);
}
std::uint64_t sign_extended(std::uint64_t value, std::int32_t bits) {
    const std::int32_t unused = 64 - bits;
    return extended(static_cast<std::int64_t>(value << unused) >> unused);
}

std::uint64_t divided(std::uint64_t left, std::uint64_t right, bool is_signed) {
    if (right == 0) {
        return 0;
    }
    if (!is_signed) {
        return left / right;
    }
    return right == ~0ULL
               ? 0 - left
               : extended(static_cast<std::int64_t>(left) / static_cast<std::int64_t>(right));
}
std::uint64_t remaining(std::uint64_t left, std::uint64_t right, bool is_signed) {
    if (right == 0) {
        return left;
    }
    if (!is_signed) {
        return left % right;
    }
    return right == ~0ULL
               ? 0
               : extended(static_cast<std::int64_t>(left) % static_cast<std::int64_t>(right));
}

class Witness {
  public:
    Witness(std::span<const RawInsn> program, void* context) : program_(program) {
        reg_[1] = reinterpret_cast<std::uint64_t>(context);
        reg_[kFramePointer] = reinterpret_cast<std::uint64_t>(stack_.data()) + kFrameBytes;
    }

    std::optional<std::uint64_t> run(std::uint64_t max_steps) {
        for (std::uint64_t step = 0; step < max_steps && !ended_; ++step) {
            if (next_ >= program_.size() || !carry_out(program_[next_++])) {
                return std::nullopt;
            }
        }
        return ended_ ? std::optional(reg_[0]) : std::nullopt;
    }

  private:
    struct Frame {
        std::size_t back;
        std::array<std::uint64_t, 4> saved;
    };

    bool carry_out(const RawInsn& insn) {
        switch (insn.opcode & 7) {
        case 0:
            return load_wide(insn);
        case 1:
            return load(insn);
        case 2:
            return (insn.opcode & 0xe0) == 0x60 && store(insn, extended(insn.imm));
        case 3:
            return (insn.opcode & 0xe0) == 0xc0 ? atomic(insn) : store(insn, reg_[insn.src()]);
        case 4:
            return arithmetic32(insn);
        case 5:
            return jump64(insn);
        case 6:
            return jump32(insn);
        default:
            return arithmetic64(insn);
        }
    }

    [[nodiscard]] std::uint64_t second(const RawInsn& insn) const {
        return (insn.opcode & 8) != 0 ? reg_[insn.src()] : extended(insn.imm);
    }

    bool load_wide(const RawInsn& insn) {
        if (insn.opcode != 0x18 || insn.src() != 0) {
            return false; // maps, packet loads
        }
        reg_[insn.dst()] =
            static_cast<std::uint64_t>(static_cast<std::uint32_t>(insn.imm)) |
            static_cast<std::uint64_t>(static_cast<std::uint32_t>(program_[next_].imm)) << 32;
        ++next_;
        return true;
    }

    bool load(const RawInsn& insn) {
        const std::uint64_t from = reg_[insn.src()] + extended(insn.offset);
        std::uint64_t& dst = reg_[insn.dst()];
        switch (insn.opcode) {
        case 0x71:
            dst = at<std::uint8_t>(from);
            return true;
        case 0x69:
            dst = at<std::uint16_t>(from);
            return true;
        case 0x61:
            dst = at<std::uint32_t>(from);
            return true;
        case 0x79:
            dst = at<std::uint64_t>(from);
            return true;
        case 0x91:
            dst = extended(at<std::int8_t>(from));
            return true;
        case 0x89:
            dst = extended(at<std::int16_t>(from));
            return true;
        case 0x81:
            dst = extended(at<std::int32_t>(from));
            return true;
        default:
            return false;
        }
    }

    bool store(const RawInsn& insn, std::uint64_t value) {
        const std::uint64_t to = reg_[insn.dst()] + extended(insn.offset);
        switch (insn.opcode & 0x18) {
        case 0x10:
            put(to, static_cast<std::uint8_t>(value));
            return true;
        case 0x08:
            put(to, static_cast<std::uint16_t>(value));
            return true;
        case 0x00:
            put(to, static_cast<std::uint32_t>(value));
            return true;
        default:
            put(to, value);
            return true;
        }
    }

    // One thread: atomic by nature. The immediate is the operation; its lowest bit asks for what
    // was there before.
    bool atomic(const RawInsn& insn) {
        constexpr std::int32_t kLoadAcquire = 0x100;
        constexpr std::int32_t kStoreRelease = 0x110;
        if (insn.imm == kLoadAcquire) {
            RawInsn plain = insn;
            plain.opcode = static_cast<std::uint8_t>(0x61 | (insn.opcode & 0x18));
            return load(plain);
        }
        if (insn.imm == kStoreRelease) {
            return store(insn, reg_[insn.src()]);
        }
        const bool wide = (insn.opcode & 0x18) == 0x18;
        const std::uint64_t place = reg_[insn.dst()] + extended(insn.offset);
        const std::uint64_t before = wide ? at<std::uint64_t>(place) : at<std::uint32_t>(place);
        const std::uint64_t operand =
            wide ? reg_[insn.src()] : static_cast<std::uint32_t>(reg_[insn.src()]);
        std::uint64_t& old = insn.imm == 0xf1 ? reg_[0] : reg_[insn.src()];
        std::uint64_t after = operand;
        switch (insn.imm & ~1) {
        case 0x00:
            after = before + operand;
            break;
        case 0x40:
            after = before | operand;
            break;
        case 0x50:
            after = before & operand;
            break;
        case 0xa0:
            after = before ^ operand;
            break;
        case 0xe0:
            break;
        case 0xf0: {
            const std::uint64_t expected = wide ? reg_[0] : static_cast<std::uint32_t>(reg_[0]);
            after = before == expected ? operand : before;
            break;
        }
        default:
            return false;
        }
        store(insn, after);
        old = (insn.imm & 1) != 0 ? before : old;
        return true;
    }

    bool arithmetic64(const RawInsn& insn) {
        std::uint64_t& dst = reg_[insn.dst()];
        const std::uint64_t src = second(insn);
        switch (insn.opcode & 0xf0) {
        case 0x00:
            dst += src;
            return true;
        case 0x10:
            dst -= src;
            return true;
        case 0x20:
            dst *= src;
            return true;
        case 0x30:
            dst = divided(dst, src, insn.offset == 1);
            return true;
        case 0x40:
            dst |= src;
            return true;
        case 0x50:
            dst &= src;
            return true;
        case 0x60:
            dst <<= src & 63;
            return true;
        case 0x70:
            dst >>= src & 63;
            return true;
        case 0x80:
            dst = 0 - dst;
            return true;
        case 0x90:
            dst = remaining(dst, src, insn.offset == 1);
            return true;
        case 0xa0:
            dst ^= src;
            return true;
        case 0xb0: // an offset of 1 moves between address spaces, which are one here
            dst = insn.offset > 1 ? sign_extended(src, insn.offset) : src;
            return true;
        case 0xc0:
            dst = extended(static_cast<std::int64_t>(dst) >> (src & 63));
            return true;
        case 0xd0:
            dst = swapped(dst, insn.imm);
            return true;
        default:
            return false;
        }
    }

    bool arithmetic32(const RawInsn& insn) {
        std::uint64_t& dst = reg_[insn.dst()];
        const auto left = static_cast<std::uint32_t>(dst);
        const auto src = static_cast<std::uint32_t>(second(insn));
        const auto as_signed = [](std::uint32_t number) {
            return extended(static_cast<std::int32_t>(number));
        };
        const bool is_signed = insn.offset == 1;
        switch (insn.opcode & 0xf0) {
        case 0x00:
            dst = left + src;
            return true;
        case 0x10:
            dst = left - src;
            return true;
        case 0x20:
            dst = left * src;
            return true;
        case 0x30:
            dst = low_bits(is_signed ? divided(as_signed(left), as_signed(src), true)
                                     : divided(left, src, false),
                           32);
            return true;
        case 0x40:
            dst = left | src;
            return true;
        case 0x50:
            dst = left & src;
            return true;
        case 0x60:
            dst = left << (src & 31);
            return true;
        case 0x70:
            dst = left >> (src & 31);
            return true;
        case 0x80:
            dst = 0U - left;
            return true;
        case 0x90:
            dst = low_bits(is_signed ? remaining(as_signed(left), as_signed(src), true)
                                     : remaining(left, src, false),
                           32);
            return true;
        case 0xa0:
            dst = left ^ src;
            return true;
        case 0xb0:
            dst = low_bits(insn.offset != 0 ? sign_extended(src, insn.offset) : src, 32);
            return true;
        case 0xc0:
            dst = static_cast<std::uint32_t>(static_cast<std::int32_t>(left) >> (src & 31));
            return true;
        case 0xd0: // the hosts are little-endian
            dst = (insn.opcode & 8) != 0 ? swapped(dst, insn.imm) : low_bits(dst, insn.imm);
            return true;
        default:
            return false;
        }
    }

    template <class Unsigned, class Signed>
    static std::optional<bool> taken(std::uint8_t operation, Unsigned left, Unsigned right) {
        const auto signed_left = static_cast<Signed>(left);
        const auto signed_right = static_cast<Signed>(right);
        switch (operation) {
        case 0x10:
            return left == right;
        case 0x20:
            return left > right;
        case 0x30:
            return left >= right;
        case 0x40:
            return (left & right) != 0;
        case 0x50:
            return left != right;
        case 0x60:
            return signed_left > signed_right;
        case 0x70:
            return signed_left >= signed_right;
        case 0xa0:
            return left < right;
        case 0xb0:
            return left <= right;
        case 0xc0:
            return signed_left < signed_right;
        case 0xd0:
            return signed_left <= signed_right;
        default:
            return std::nullopt;
        }
    }

    void go(std::int64_t distance) { next_ = static_cast<std::size_t>(extended(distance) + next_); }

    bool jump64(const RawInsn& insn) {
        switch (insn.opcode) {
        case 0x05:
            go(insn.offset);
            return true;
        case 0x85:
            return insn.src() == 1 && call(insn.imm);
        case 0x95:
            leave();
            return true;
        case 0xe5: // may_goto: its budget outlasts the steps
            return true;
        default:
            break;
        }
        const auto decided =
            taken<std::uint64_t, std::int64_t>(insn.opcode & 0xf0, reg_[insn.dst()], second(insn));
        go(decided.value_or(false) ? insn.offset : 0);
        return decided.has_value();
    }

    bool jump32(const RawInsn& insn) {
        if (insn.opcode == 0x06) {
            go(insn.imm);
            return true;
        }
        const auto decided = taken<std::uint32_t, std::int32_t>(
            insn.opcode & 0xf0, static_cast<std::uint32_t>(reg_[insn.dst()]),
            static_cast<std::uint32_t>(second(insn)));
        go(decided.value_or(false) ? insn.offset : 0);
        return decided.has_value();
    }

    bool call(std::int32_t distance) {
        if (depth_ + 1 == kMaxFrames) {
            return false;
        }
        frames_[depth_++] = {next_, {reg_[6], reg_[7], reg_[8], reg_[9]}};
        reg_[kFramePointer] += kFrameBytes;
        go(distance);
        return true;
    }
    void leave() {
        if (depth_ == 0) {
            ended_ = true;
            return;
        }
        const Frame& frame = frames_[--depth_];
        next_ = frame.back;
        std::copy(frame.saved.begin(), frame.saved.end(), reg_.begin() + 6);
        reg_[kFramePointer] -= kFrameBytes;
    }

    std::span<const RawInsn> program_;
    std::size_t next_ = 0;
    std::array<std::uint64_t, 16> reg_{}; // as many as four bits can name
    std::size_t depth_ = 0;
    bool ended_ = false;
    std::array<Frame, kMaxFrames> frames_{};
    alignas(16) std::array<std::uint8_t, kFrameBytes * kMaxFrames> stack_; // proved to be written
};

} // namespace

std::optional<std::uint64_t> witness(std::span<const RawInsn> program, void* context,
                                     std::uint64_t max_steps) {
    return Witness(program, context).run(max_steps);
}

} // namespace skep::tests
