// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/generator/frames.hpp"

#include <array>
#include <vector>

#include "skep/spec/helpers.hpp"
#include "tests/verdicts/campaign/generator/draft.hpp"

namespace skep::tests::campaign {
namespace {

constexpr int kSlots = 8;             // of a frame
constexpr std::size_t kFrames = 4;    // main and three calls below it
constexpr Reg kArguments = 3;         // R1 to R3
constexpr Reg kKept[] = {6, 7, 8, 9}; // what a function works with

// What a place holds on the way that is followed.
struct Content {
    enum class Is : std::uint8_t { unset, number, address };
    Is is = Is::unset;
    std::size_t frame = 0; // address: whose
    int offset = 0;        // address: from that frame's top

    [[nodiscard]] bool is_address() const { return is == Is::address; }
};

struct Frame {
    std::array<Content, 11> regs{};
    std::array<Content, kSlots> slots{}; // slot n: the eight bytes from -8n - 8 on
};

// A function that was called and is still to be written; the frames as they are when it begins.
struct Called {
    Draft::Label label = 0;
    std::vector<Frame> frames;
};

class FrameWriter {
  public:
    explicit FrameWriter(std::mt19937_64& random) : random_(random) {}

    std::vector<RawInsn> program() {
        called_.push_back({draft_.label(), {Frame{}}});
        for (std::size_t next = 0; next < called_.size(); ++next) {
            const Called function = called_[next];
            draft_.place(function.label);
            frames_ = function.frames;
            arguments_last_ = true;
            write_function();
        }
        return draft_.link();
    }

  private:
    [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    [[nodiscard]] Frame& here() { return frames_.back(); }
    [[nodiscard]] std::size_t depth() const { return frames_.size() - 1; }

    void write_function() {
        here().regs[10] = {Content::Is::address, depth(), 0};
        for (const Reg reg : kKept) {
            set(reg);
        }
        for (std::uint64_t slots = below(4) + (depth() == 0 ? 5 : 0); slots > 0; --slots) {
            store_something();
        }
        for (std::uint64_t loads = depth() == 0 ? 0 : below(5); loads > 0; --loads) {
            load_something();
        }
        for (std::uint64_t steps = below(5) + 1; steps > 0; --steps) {
            step();
        }
        if (frames_.size() < kFrames && below(8) != 0) {
            call();
        }
        meet_ways();
        read_through();
        draft_.add(mov_imm(0, 0));
        draft_.add(of_kind(InsnKind::exit));
    }

    void step() {
        switch (below(6)) {
        case 0:
            return on_another_way();
        case 1:
            return load_something();
        case 2:
            return store_something();
        case 3:
            return set(kKept[below(std::size(kKept))]);
        case 4:
            return meet_ways();
        default:
            return move_address();
        }
    }

    // A register becomes a number, an address of the own frame, or what an argument holds.
    void set(Reg reg) {
        const Reg argument = static_cast<Reg>(1 + below(kArguments));
        if (depth() > 0 && arguments_last_ && below(4) != 0) {
            draft_.add(mov(reg, argument));
            here().regs[reg] = here().regs[argument];
        } else if (below(5) == 0) {
            draft_.add(mov_imm(reg, static_cast<std::int32_t>(below(3))));
            here().regs[reg] = {Content::Is::number, 0, 0};
        } else {
            const int offset = -8 * static_cast<int>(1 + below(kSlots));
            draft_.add(mov(reg, kFramePointer));
            draft_.add(alu_imm(AluOp::add, Width::w64, reg, offset));
            here().regs[reg] = {Content::Is::address, depth(), offset};
        }
    }

    // A register that holds an address; R10 when none of the others that were tried does.
    Reg any_base() {
        for (unsigned tries = 0; tries < 4; ++tries) {
            const Reg reg = kKept[below(std::size(kKept))];
            if (here().regs[reg].is_address()) {
                return reg;
            }
        }
        return kFramePointer;
    }
    // The distance from what the register holds to some slot of that frame.
    std::int16_t to_slot(Reg base, int slot) {
        return static_cast<std::int16_t>(-8 * (slot + 1) - here().regs[base].offset);
    }
    Content& slot_of(Reg base, int slot) {
        return frames_[here().regs[base].frame].slots[static_cast<std::size_t>(slot)];
    }

    // Addresses go into the own frame alone; another's is not written to on the way that is
    // followed, since its function goes on with what it knows.
    void store_something() {
        const int slot = static_cast<int>(below(kSlots));
        const Reg from = any_base();
        if (from == kFramePointer || below(4) == 0) {
            draft_.add(store_imm(8, kFramePointer, to_slot(kFramePointer, slot), 1));
            slot_of(kFramePointer, slot) = {Content::Is::number, 0, 0};
            return;
        }
        draft_.add(store(8, kFramePointer, to_slot(kFramePointer, slot), from));
        slot_of(kFramePointer, slot) = here().regs[from];
    }

    void load_something() {
        const Reg base = any_base();
        for (unsigned tries = 0; tries < kSlots; ++tries) {
            const int slot = static_cast<int>(below(kSlots));
            const Content what = slot_of(base, slot);
            if (what.is_address() || (what.is != Content::Is::unset && below(8) == 0)) {
                const Reg to = kKept[below(std::size(kKept))];
                draft_.add(load(8, to, base, to_slot(base, slot)));
                here().regs[to] = what;
                return;
            }
        }
    }

    void move_address() {
        const Reg reg = any_base();
        if (reg != kFramePointer) {
            const int offset = -8 * static_cast<int>(1 + below(kSlots));
            draft_.add(alu_imm(AluOp::add, Width::w64, reg, offset - here().regs[reg].offset));
            here().regs[reg].offset = offset;
        }
    }

    void ask_at_random() {
        draft_.add(call_helper(number_of(spec::Helper::get_prandom_u32)));
        arguments_last_ = false;
    }

    // What is done on the way that is not followed may make it unsafe.
    void on_another_way() {
        const std::vector<Frame> followed = frames_;
        ask_at_random();
        // Verifiers walk straight on first: the way that is followed, so that the other one comes
        // to states that were found safe.
        const Draft::Label other = draft_.label();
        const Draft::Label meet = draft_.label();
        draft_.add(branch_imm(JumpOp::jeq, Width::w64, 0, static_cast<std::int32_t>(below(3))),
                   other);
        draft_.add(of_kind(InsnKind::jump_always), meet);
        draft_.place(other);
        switch (below(6)) {
        case 0:
        case 1:
        case 2: { // a number where others may look for an address
            const Reg base = below(2) == 0 ? Reg{kFramePointer} : any_base();
            int slot = 0;
            for (unsigned tries = 0; tries < kSlots && !slot_of(base, slot).is_address(); ++tries) {
                slot = static_cast<int>(below(kSlots));
            }
            draft_.add(store_imm(8, base, to_slot(base, slot), 1));
            break;
        }
        case 3:
            load_something();
            break;
        case 4:
            store_something();
            break;
        default:
            move_address();
            break;
        }
        draft_.place(meet);
        frames_ = followed;
    }

    // Enough jumps and instructions that a verifier compares states here.
    void meet_ways() {
        ask_at_random();
        for (Reg reg = 1; reg <= 4; ++reg) {
            draft_.add(mov_imm(reg, reg));
        }
        for (Reg reg = 1; reg <= 3; ++reg) {
            const Draft::Label meet = draft_.label();
            draft_.add(branch_imm(JumpOp::jeq, Width::w64, 0, reg), meet);
            draft_.add(mov_imm(reg, 7));
            draft_.place(meet);
        }
    }

    void call() {
        std::vector<Frame> below_here = frames_;
        below_here.push_back({});
        for (Reg argument = 1; argument <= kArguments; ++argument) {
            const Reg from = kKept[below(std::size(kKept))];
            draft_.add(mov(argument, from));
            below_here.back().regs[argument] = here().regs[from];
        }
        called_.push_back({draft_.label(), std::move(below_here)});
        draft_.add(of_kind(InsnKind::call_subprogram), called_.back().label);
        arguments_last_ = false;
    }

    // Reads through what the registers hold, and through what that holds.
    void read_through() {
        for (const Reg reg : kKept) {
            if (!here().regs[reg].is_address()) {
                continue;
            }
            for (int slot = 0; slot < kSlots; ++slot) {
                const Content what = slot_of(reg, slot);
                if (what.is_address() && below(2) == 0) {
                    draft_.add(load(8, 0, reg, to_slot(reg, slot)));
                    draft_.add(load(8, 0, 0, static_cast<std::int16_t>(-8 - what.offset)));
                    break;
                }
            }
        }
    }

    std::mt19937_64& random_;
    Draft draft_;
    std::vector<Called> called_;
    std::vector<Frame> frames_;  // main's first
    bool arguments_last_ = true; // R1 to R3 hold what the function was called with
};

} // namespace

ProgramSpec generate_frames(std::mt19937_64& random) {
    ProgramSpec program;
    program.name = "frames";
    program.type = spec::ProgramType::xdp;
    program.license = "GPL";
    program.insns = FrameWriter(random).program();
    return program;
}

} // namespace skep::tests::campaign
