// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/generator/rounds.hpp"

#include <vector>

#include "skep/spec/helpers.hpp"
#include "tests/verdicts/campaign/generator/draft.hpp"

namespace skep::tests::campaign {
namespace {

constexpr std::int16_t kPlace = -96;       // what is written to by index, from the frame's top
constexpr std::int32_t kLargestIndex = 31; // that is fine there
constexpr std::int32_t kFarIndex = 200;    // beyond the frame
constexpr Reg kWandering[] = {6, 7, 8};    // R9 is what slots are found by
constexpr Reg kBase = 9;
constexpr int kSlots = 3;

// Where a number is: a register, or a slot by the base.
struct Cell {
    bool is_slot = false;
    Reg reg = 0;
    std::int16_t offset = 0;
};

class RoundsWriter {
  public:
    explicit RoundsWriter(std::mt19937_64& random) : random_(random) {}

    std::vector<RawInsn> program() {
        draft_.add(mov(kBase, kFramePointer));
        for (int slot = 0; slot < kSlots; ++slot) {
            draft_.add(store_imm(8, kBase, offset_of(slot), number()));
        }
        for (std::int16_t at = kPlace; at < kPlace + 32; at = static_cast<std::int16_t>(at + 8)) {
            draft_.add(store_imm(8, kBase, at, 0));
        }
        if (below(3) == 0) {
            by_callback();
        } else {
            set_registers();
            loop(0);
            end();
        }
        return draft_.link();
    }

  private:
    [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    static std::int16_t offset_of(int slot) { return static_cast<std::int16_t>(-8 * (slot + 1)); }
    // Of few, so that all that a program can do can be tried (exhaustion.hpp).
    std::int32_t number() { return below(8) == 0 ? kFarIndex : below(2) == 0 ? kLargestIndex : 3; }
    void set_registers() {
        for (const Reg reg : kWandering) {
            draft_.add(mov_imm(reg, number()));
        }
    }
    void end() {
        draft_.add(mov_imm(0, 0));
        draft_.add(of_kind(InsnKind::exit));
    }

    // The callback keeps nothing in registers from round to round, but finds its caller's slots.
    void by_callback() {
        const Draft::Label round = draft_.label();
        draft_.add(mov_imm(1, 8));
        draft_.add(wide(2, WideSource::function, 0), round);
        draft_.add(mov(3, kFramePointer));
        draft_.add(mov_imm(4, 0));
        draft_.add(call_helper(number_of(spec::Helper::loop)));
        end();
        draft_.place(round);
        draft_.add(mov(kBase, 2));
        set_registers();
        body();
        end();
    }

    void loop(int depth) {
        const Draft::Label head = draft_.label();
        const Draft::Label out = draft_.label();
        draft_.place(head);
        draft_.add(of_kind(InsnKind::may_goto), out);
        body();
        if (depth == 0 && below(3) == 0) {
            loop(depth + 1);
            body();
        }
        draft_.add(of_kind(InsnKind::jump_always), head);
        draft_.place(out);
    }

    // Some ways, which meet; the one without a jump is walked first.
    void body() {
        draft_.add(call_helper(number_of(spec::Helper::get_prandom_u32)));
        const Draft::Label meet = draft_.label();
        std::vector<Draft::Label> ways(1 + below(3));
        for (Draft::Label& way : ways) {
            way = draft_.label();
            draft_.add(branch_imm(JumpOp::jeq, Width::w64, 0, static_cast<std::int32_t>(way)), way);
        }
        steps(below(3));
        for (const Draft::Label way : ways) {
            draft_.add(of_kind(InsnKind::jump_always), meet);
            draft_.place(way);
            steps(1 + below(3));
        }
        draft_.place(meet);
        be_compared();
        steps(below(3));
    }

    // Enough jumps and instructions that a verifier compares states here.
    void be_compared() {
        for (Reg reg = 1; reg <= 5; ++reg) {
            draft_.add(mov_imm(reg, reg));
            const Draft::Label next = draft_.label();
            draft_.add(of_kind(InsnKind::jump_always), next);
            draft_.place(next);
        }
        draft_.add(mov_imm(1, 9));
        draft_.add(mov_imm(2, 9));
    }

    void steps(std::uint64_t count) {
        for (; count > 0; --count) {
            const std::uint64_t what = below(7);
            if (what < 4) {
                move(any_cell(), any_cell());
            } else if (what == 4) {
                set(any_cell(), number());
            } else {
                use(any_cell());
            }
        }
    }

    Cell any_cell() {
        if (below(3) == 0) {
            return {true, 0, offset_of(static_cast<int>(below(kSlots)))};
        }
        return {false, kWandering[below(std::size(kWandering))], 0};
    }
    void read(Reg to, const Cell& cell) {
        draft_.add(cell.is_slot ? load(8, to, kBase, cell.offset) : mov(to, cell.reg));
    }
    void move(const Cell& to, const Cell& from) {
        if (!to.is_slot) {
            return read(to.reg, from);
        }
        read(1, from);
        draft_.add(store(8, kBase, to.offset, 1));
    }
    void set(const Cell& to, std::int32_t value) {
        draft_.add(to.is_slot ? store_imm(8, kBase, to.offset, value) : mov_imm(to.reg, value));
    }
    // As an index of what is written to.
    void use(const Cell& cell) {
        read(1, cell);
        draft_.add(mov(2, kBase));
        draft_.add(alu(AluOp::add, Width::w64, 2, 1));
        draft_.add(store_imm(1, 2, kPlace, 1));
    }

    std::mt19937_64& random_;
    Draft draft_;
};

} // namespace

ProgramSpec generate_rounds(std::mt19937_64& random) {
    ProgramSpec program;
    program.name = "rounds";
    program.type = spec::ProgramType::xdp;
    program.license = "GPL";
    program.insns = RoundsWriter(random).program();
    return program;
}

} // namespace skep::tests::campaign
