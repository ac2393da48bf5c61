// SPDX-License-Identifier: Apache-2.0
#include "tests/support/program_generator.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace skep::tests {
namespace {

using spec::AtomicForm;
using spec::Operand;
using Insns = std::vector<RawInsn>;

constexpr std::int16_t kStackBytes = 64; // the used part: r10-64 to r10-1
constexpr Reg kCounter = 9;              // of the innermost loop
constexpr unsigned kMaxDepth = 3;
constexpr unsigned kMaxRounds = 6;

void join(Insns& code, const Insns& more) { code.insert(code.end(), more.begin(), more.end()); }

class Generator {
  public:
    Generator(std::mt19937_64& random, const GeneratorOptions& options)
        : random_(random), options_(options) {}

    Insns program() {
        calls_left_ = options_.subprograms == 0 ? 0 : below(options_.subprograms + 1);
        Insns main = prologue(0);
        join(main, pieces(options_.pieces, 0));
        join(main, epilogue());
        calls_left_ = 0;
        for (std::int16_t site = 1; site <= call_sites_; ++site) {
            link_call(main, site);
            Insns body = prologue(5);
            join(body, pieces(options_.pieces / 4, 1));
            join(body, epilogue());
            join(main, body);
        }
        return main;
    }

  private:
    std::uint64_t number() { // mixes small, edge and arbitrary numbers
        static constexpr std::uint64_t kEdges[] = {0,
                                                   1,
                                                   2,
                                                   0x7f,
                                                   0x80,
                                                   0xff,
                                                   0x7fff,
                                                   0x8000,
                                                   0xffff,
                                                   0x7fffffff,
                                                   0x80000000,
                                                   0xffffffff,
                                                   0x100000000,
                                                   0x7fffffffffffffff,
                                                   0x8000000000000000,
                                                   0xffffffffffffffff};
        const std::uint64_t bits = random_();
        return below(3) == 0 ? kEdges[bits % std::size(kEdges)] : bits >> below(64);
    }
    unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
    Reg any_register() { return static_cast<Reg>(below(kCounter)); } // r0 to r8

    static void add(Insns& code, const Insn& insn) { append(code, insn); }

    static Insn wide(Reg dst, std::uint64_t value) {
        Insn insn;
        insn.kind = InsnKind::load_wide;
        insn.dst = dst;
        insn.imm = static_cast<std::int32_t>(value & 0xffffffff);
        insn.imm_high = static_cast<std::uint32_t>(value >> 32);
        return insn;
    }
    static Insn alu(AluOp op, Width width, Reg dst, Reg src) {
        Insn insn;
        insn.kind = InsnKind::alu;
        insn.alu_op = op;
        insn.width = width;
        insn.source = Source::reg;
        insn.dst = dst;
        insn.src = src;
        return insn;
    }
    static Insn alu_imm(AluOp op, Width width, Reg dst, std::int32_t imm) {
        Insn insn = alu(op, width, dst, 0);
        insn.source = Source::imm;
        insn.imm = imm;
        return insn;
    }
    static Insn memory(InsnKind kind, unsigned size_bytes, Reg value, std::int16_t offset) {
        Insn insn;
        insn.kind = kind;
        insn.size_bytes = static_cast<std::uint8_t>(size_bytes);
        (kind == InsnKind::load ? insn.dst : insn.src) = value;
        (kind == InsnKind::load ? insn.src : insn.dst) = kFramePointer;
        insn.offset = offset;
        return insn;
    }

    // Registers above the arguments get numbers; the used part of the stack is filled from them.
    Insns prologue(Reg arguments) {
        Insns code;
        for (Reg reg = 0; reg <= kCounter; ++reg) {
            if (reg == 0 || reg > arguments) {
                add(code, wide(reg, number()));
            }
        }
        for (std::int16_t offset = -kStackBytes; offset < 0;
             offset = static_cast<std::int16_t>(offset + 8)) {
            add(code, memory(InsnKind::store_reg, 8, any_register(), offset));
        }
        return code;
    }

    // Folds registers and stack into r0, and its halves into each other: the kernel shows 32 bits.
    static Insns epilogue() {
        Insns code;
        for (Reg reg = 1; reg <= kCounter; ++reg) {
            add(code, alu_imm(AluOp::mul, Width::w64, 0, 31));
            add(code, alu(AluOp::xor_, Width::w64, 0, reg));
        }
        for (std::int16_t offset = -kStackBytes; offset < 0;
             offset = static_cast<std::int16_t>(offset + 8)) {
            add(code, memory(InsnKind::load, 8, 1, offset));
            add(code, alu_imm(AluOp::mul, Width::w64, 0, 31));
            add(code, alu(AluOp::add, Width::w64, 0, 1));
        }
        add(code, alu(AluOp::mov, Width::w64, 1, 0));
        add(code, alu_imm(AluOp::rsh, Width::w64, 1, 32));
        add(code, alu(AluOp::xor_, Width::w64, 0, 1));
        Insn exit;
        exit.kind = InsnKind::exit;
        add(code, exit);
        return code;
    }

    Insns pieces(unsigned count, unsigned depth) {
        Insns code;
        for (unsigned piece = 0; piece < count; ++piece) {
            join(code, one_piece(depth));
        }
        return code;
    }

    Insns one_piece(unsigned depth) {
        const unsigned kind = below(21);
        Insns code;
        if (kind < 9) {
            add(code, arithmetic());
        } else if (kind < 12) {
            add(code, stack_access());
        } else if (kind == 12) {
            add(code, wide(any_register(), number()));
        } else if (kind < 15 && options_.atomics) {
            code = atomic();
        } else if (kind < 18 && depth < kMaxDepth) {
            code = branch(depth);
        } else if (kind == 18 && depth == 0) {
            code = loop();
        } else if (kind == 19 && depth == 0 && calls_left_ > 0) {
            code = call();
        } else if (kind == 20) {
            code = put_together();
        }
        return code;
    }

    // A number of which every byte is loaded on its own, from where it may lie as it likes: as
    // compilers read fields of packed structures. Now and then something else stands between,
    // which may read or change what is not complete yet, or memory. In another register than r10
    // the base may be lost in the last load.
    struct Composition {
        Reg base = kFramePointer;
        int place = 0; // of the first byte
        bool falling = false;
        bool disturbed = false;
        unsigned size_bytes = 0;
    };
    Insns put_together() {
        std::array<Reg, 6> regs{0, 1, 2, 3, 4, 5};
        std::shuffle(regs.begin(), regs.end(), random_);
        Composition number;
        number.size_bytes = 2U << below(3);
        number.place = -static_cast<int>(number.size_bytes + below(kStackBytes - 8));
        number.falling = below(2) == 0;
        Insns code;
        if (below(2) == 0) {
            number.base = regs[5];
            add(code, alu(AluOp::mov, Width::w64, number.base, kFramePointer));
            regs[1] = number.size_bytes == 2 ? number.base : regs[1];
        } else {
            number.disturbed = below(3) == 0;
        }
        join(code, part(number, std::span(regs).first(4), 0, number.size_bytes));
        if (number.base != kFramePointer) {
            add(code, wide(number.base, this->number()));
        }
        return code;
    }

    // Bytes [first, first + count) of the number into the first of the registers.
    Insns part(const Composition& number, std::span<const Reg> regs, unsigned first,
               unsigned count) {
        Insns code;
        if (count == 1) {
            const unsigned byte = number.falling ? number.size_bytes - 1 - first : first;
            Insn load = memory(InsnKind::load, 1, regs[0],
                               static_cast<std::int16_t>(number.place + static_cast<int>(byte)));
            load.src = number.base;
            add(code, load);
        } else {
            const unsigned half = count / 2;
            const bool high_first = below(2) == 0;
            const Reg high = high_first ? regs[0] : regs[1];
            const Insns one = part(number, regs, first + (high_first ? half : 0), half);
            const Insns other =
                part(number, regs.subspan(1), first + (high_first ? 0 : half), half);
            join(code, one);
            join(code, other);
            const Width width = number.size_bytes == 8 || below(2) == 0 ? Width::w64 : Width::w32;
            add(code, alu_imm(AluOp::lsh, width, high, static_cast<std::int32_t>(8 * half)));
            add(code, alu(below(4) == 0 ? AluOp::add : AluOp::or_, width, regs[0], regs[1]));
        }
        if (number.disturbed && below(4) == 0) {
            add(code, below(2) == 0 ? arithmetic() : stack_access());
        }
        return code;
    }

    Insn arithmetic() {
        const spec::AluRow& row = spec::kAluRows[below(spec::kAluRows.size())];
        const Width width =
            row.operand == Operand::register64 || below(2) == 0 ? Width::w64 : Width::w32;
        Insn insn = alu(row.op, width, any_register(), any_register());
        const bool register_only =
            row.operand == Operand::register_ || row.operand == Operand::register64;
        if (!register_only && (row.operand != Operand::binary || below(2) == 0)) {
            insn.source = Source::imm;
            insn.src = 0;
            insn.imm = immediate_for(row, width);
        }
        if (row.operand >= Operand::order_le) {
            insn.width = Width::w64;
        }
        return insn;
    }

    std::int32_t immediate_for(const spec::AluRow& row, Width width) {
        const auto imm = static_cast<std::int32_t>(number());
        if (row.operand >= Operand::order_le) {
            return row.selector;
        }
        if (row.operand == Operand::unary) {
            return 0;
        }
        const bool shift = row.op == AluOp::lsh || row.op == AluOp::rsh || row.op == AluOp::arsh;
        if (shift) {
            return static_cast<std::int32_t>(below(width == Width::w64 ? 64 : 32));
        }
        return row.group == spec::Group::divmul && imm == 0 ? 1 : imm;
    }

    std::int16_t place(unsigned size_bytes) { // aligned, inside the used part
        const unsigned slots = static_cast<unsigned>(kStackBytes) / size_bytes;
        return static_cast<std::int16_t>(-static_cast<int>(size_bytes * (1 + below(slots))));
    }

    Insn stack_access() {
        const unsigned size_bytes = 1U << below(4);
        static constexpr InsnKind kKinds[] = {InsnKind::load, InsnKind::store_reg,
                                              InsnKind::store_imm};
        const InsnKind kind = kKinds[below(3)];
        Insn insn = memory(kind, size_bytes, kind == InsnKind::store_imm ? Reg{0} : any_register(),
                           place(size_bytes));
        if (kind == InsnKind::store_imm) {
            insn.imm = static_cast<std::int32_t>(number());
        }
        if (kind == InsnKind::load && size_bytes < 8 && below(2) == 0) {
            insn.extend = Extend::sign;
        }
        return insn;
    }

    Insns atomic() {
        const spec::AtomicRow& row = spec::kAtomicRows[below(spec::kAtomicRows.size())];
        const bool any_size = row.form == AtomicForm::load || row.form == AtomicForm::store;
        const unsigned size_bytes = any_size ? 1U << below(4) : 4U << below(2);
        Insn insn = memory(row.form == AtomicForm::load ? InsnKind::load : InsnKind::store_reg,
                           size_bytes, any_register(), place(size_bytes));
        insn.kind = InsnKind::atomic;
        insn.atomic_op = row.op;
        Insns code;
        add(code, insn);
        if (row.form == AtomicForm::fetch) {
            join(code, forget(row.op == spec::AtomicOp::cmpxchg ? Reg{0} : insn.src));
        }
        return code;
    }

    // Linux 6.18 may drop code that runs: it takes the number that an atomic instruction fetched
    // from the stack for known, decides a branch by it, and stops other paths on which another
    // number lay there (agreement_test has such a program). So no branch may be decided by a
    // fetched number: it goes through memory that an atomic or, of the number with itself, has
    // written last, of which no verifier claims to know anything.
    static Insns forget(Reg reg) {
        constexpr std::int16_t kScratch = -kStackBytes - 8;
        Insns code;
        add(code, memory(InsnKind::store_reg, 8, reg, kScratch));
        Insn either = memory(InsnKind::store_reg, 8, reg, kScratch);
        either.kind = InsnKind::atomic;
        either.atomic_op = AtomicOp::or_;
        add(code, either);
        add(code, memory(InsnKind::load, 8, reg, kScratch));
        return code;
    }

    Insn condition() {
        const spec::JumpRow& row = spec::kJumpRows[below(spec::kJumpRows.size())];
        Insn insn;
        insn.kind = InsnKind::jump;
        insn.jump_op = row.op;
        insn.width = below(2) == 0 ? Width::w64 : Width::w32;
        insn.dst = any_register();
        if (below(2) == 0) {
            insn.source = Source::reg;
            insn.src = any_register();
        } else {
            insn.imm = static_cast<std::int32_t>(number());
        }
        return insn;
    }

    static Insn jump_over(const Insns& code, bool long_jump) {
        Insn insn;
        insn.kind = InsnKind::jump_always;
        insn.long_jump = long_jump;
        insn.width = long_jump ? Width::w32 : Width::w64;
        insn.jump_slots = static_cast<std::int32_t>(code.size());
        return insn;
    }

    // if (condition) { ... } else { ... }
    Insns branch(unsigned depth) {
        const Insns then = pieces(1 + below(5), depth + 1);
        Insns otherwise = pieces(1 + below(5), depth + 1);
        add(otherwise, jump_over(then, below(4) == 0));
        Insn test = condition();
        test.jump_slots = static_cast<std::int32_t>(otherwise.size());
        Insns code;
        add(code, test);
        join(code, otherwise);
        join(code, then);
        return code;
    }

    // r9 = n; do { ... } while (--r9 != 0)
    Insns loop() {
        Insns code;
        add(code, alu_imm(AluOp::mov, Width::w64, kCounter,
                          static_cast<std::int32_t>(1 + below(kMaxRounds))));
        Insns body;
        for (unsigned piece = 1 + below(6); piece > 0; --piece) {
            add(body, below(3) == 0 ? stack_access() : arithmetic());
        }
        add(body, alu_imm(AluOp::sub, Width::w64, kCounter, 1));
        join(code, body);
        Insn again;
        again.kind = InsnKind::jump;
        again.jump_op = JumpOp::jne;
        again.dst = kCounter;
        again.jump_slots = -static_cast<std::int32_t>(body.size()) - 1;
        add(code, again);
        return code;
    }

    // r1 to r5 are lost in a call, so they get numbers again. Where the subprogram lies is not
    // known yet: the offset, which a finished call has at zero, numbers the site until then.
    Insns call() {
        Insns code;
        Insn insn;
        insn.kind = InsnKind::call_subprogram;
        insn.offset = ++call_sites_;
        --calls_left_;
        add(code, insn);
        for (Reg reg = 1; reg <= 5; ++reg) {
            add(code, wide(reg, number()));
        }
        return code;
    }

    static void link_call(Insns& code, std::int16_t site) { // to what will follow the code
        for (std::size_t at = 0; at < code.size(); ++at) {
            if (code[at].opcode == 0x85 && code[at].offset == site) {
                code[at].offset = 0;
                code[at].imm = static_cast<std::int32_t>(code.size() - at - 1);
            }
            at += code[at].opcode == 0x18 ? 1 : 0;
        }
    }

    std::mt19937_64& random_;
    const GeneratorOptions& options_;
    unsigned calls_left_ = 0;
    std::int16_t call_sites_ = 0;
};

} // namespace

std::vector<RawInsn> generate_program(std::mt19937_64& random, const GeneratorOptions& options) {
    return Generator(random, options).program();
}

} // namespace skep::tests
