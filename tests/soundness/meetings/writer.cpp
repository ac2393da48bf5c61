// SPDX-License-Identifier: Apache-2.0
//
// R6 is the packet, R7 the map's value, R9 a byte of the packet that says which way to go; they are
// never written. The other registers hold anything.
#include "tests/soundness/meetings/writer.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tests/soundness/meetings/paths.hpp"

namespace skep::tests::soundness {
namespace {

constexpr std::size_t kPathsMost = 12;
constexpr std::array<unsigned, 7> kFree{0, 1, 2, 3, 4, 5, 8};
constexpr std::int64_t kStackBottom = -72; // of the 64 bytes; above them lies the key

constexpr std::int64_t place_of(unsigned slot) { return kStackBottom + 8 * std::int64_t{slot}; }

class Writer {
  public:
    explicit Writer(std::mt19937_64& random) : random_(random) {}

    std::string write() {
        begin();
        block(6 + pick(24), 0);
        end();
        return text_;
    }

  private:
    unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
    unsigned free_reg() { return kFree[pick(kFree.size())]; }
    unsigned any_reg() { return pick(10); }
    template <class... Values>
    void line(std::string_view form, const Values&... values) {
        text_ += fmt::format(fmt::runtime(form), values...) + "\n";
    }
    template <class Condition>
    [[nodiscard]] bool always(Condition condition) const {
        return std::all_of(paths_.begin(), paths_.end(), condition);
    }
    [[nodiscard]] bool is_number(unsigned reg) const {
        return always([&](const Path& path) { return path.regs[reg].is == Is::number; });
    }
    template <class Change>
    void on_all(Change change) {
        std::for_each(paths_.begin(), paths_.end(), change);
    }

    void begin() {
        text_ = "-- type\nxdp\n-- maps\narray 4 64 1\n-- asm\n";
        line("r6 = *(u32 *)(r1 + 0)\nr8 = *(u32 *)(r1 + 4)\nr2 = r6\nr2 += {}", kPacketBytes);
        line("if r2 > r8 goto none\nr9 = *(u8 *)(r6 + 0)\n*(u32 *)(r10 - 8) = 0\nr1 = map_idx[0]");
        line("r2 = r10\nr2 += -8\ncall 1\nif r0 == 0 goto none\nr7 = r0");
        Path path;
        path.regs[6] = address_in(Is::packet, 0);
        path.regs[0] = path.regs[7] = address_in(Is::value, 0);
        path.regs[9] = number_between(0, 255);
        paths_ = {path};
        for (unsigned i = 0; i < 3; ++i) { // so that there is something to read
            store_number(i);
        }
        for (const unsigned reg : {1U, 2U, 3U}) {
            move_something(reg);
        }
    }

    void store_number(unsigned slot) {
        line("*(u64 *)(r10 {}) = {}", place_of(slot), pick(1000));
        on_all([&](Path& path) { path.slots[slot] = some_number(); });
    }

    // One instruction, or a few that belong together; what is not safe on all ways is not written.
    void block(unsigned pieces, unsigned depth) {
        for (unsigned i = 0; i < pieces; ++i) {
            piece(depth);
        }
    }

    void piece(unsigned depth) {
        switch (pick(depth < 3 ? 16 : 12)) {
        case 0:
            return move_something(free_reg());
        case 1:
            return copy(free_reg(), any_reg());
        case 2:
        case 3:
            return add(free_reg(), any_reg());
        case 4:
            return add_number(free_reg());
        case 5:
            return subtract(free_reg(), any_reg());
        case 6:
            return load(free_reg(), any_reg());
        case 7:
            return store_through(any_reg(), any_reg());
        case 8:
            return pick(2) == 0 ? fill(free_reg()) : spill(any_reg());
        case 9:
            return pick(3) == 0 ? halves(free_reg(), any_reg()) : compute(free_reg());
        case 10:
            return call_sum();
        case 11:
            return pick(2) == 0 ? call_pick() : call_back();
        case 12:
            return look_up(depth);
        case 13:
            return test_for_null(any_reg(), depth);
        default:
            return fork(depth);
        }
    }

    // A number or an address, as the start of a sum.
    void move_something(unsigned reg) {
        const unsigned what = pick(4);
        if (what < 2) {
            const std::int64_t number =
                pick(4) == 0 ? 0 : 8 * (static_cast<std::int64_t>(pick(17)) - 8);
            line("r{} = {}", reg, number);
            on_all([&](Path& path) { path.regs[reg] = number_between(number, number); });
        } else if (what == 2) {
            const std::int64_t at = 8 * static_cast<std::int64_t>(pick(8));
            line("r{} = r10\nr{} += {}", reg, reg, kStackBottom + at);
            on_all([&](Path& path) { path.regs[reg] = address_in(Is::stack, at); });
        } else {
            copy(reg, pick(2) == 0 ? 7 : 6);
        }
    }

    void copy(unsigned to, unsigned from) {
        if (always([&](const Path& path) { return path.regs[from].is != Is::nothing; })) {
            line("r{} = r{}", to, from);
            on_all([&](Path& path) { path.regs[to] = path.regs[from]; });
        }
    }

    using Combine = Content (*)(Content, Content);
    bool combine(unsigned to, unsigned from, Combine how) {
        const bool fits = always([&](const Path& path) {
            return how(path.regs[to], path.regs[from]).is != Is::nothing;
        });
        if (fits) {
            on_all([&](Path& path) { path.regs[to] = how(path.regs[to], path.regs[from]); });
        }
        return fits;
    }
    void add(unsigned to, unsigned from) {
        if (combine(to, from, sum)) {
            line("r{} += r{}", to, from);
        }
    }
    void subtract(unsigned to, unsigned from) {
        if (combine(to, from, difference)) {
            line("r{} -= r{}", to, from);
        }
    }
    void add_number(unsigned to) {
        const std::int64_t number = 8 * (static_cast<std::int64_t>(pick(9)) - 4);
        const Content distance = number_between(number, number);
        if (always(
                [&](const Path& path) { return sum(path.regs[to], distance).is != Is::nothing; })) {
            line("r{} += {}", to, number);
            on_all([&](Path& path) { path.regs[to] = sum(path.regs[to], distance); });
        }
    }

    void load(unsigned to, unsigned from) {
        const std::int64_t bytes = pick(2) == 0 ? 8 : 1 << pick(4);
        const std::int64_t offset = pick(2) == 0 ? 0 : 8 * (static_cast<int>(pick(5)) - 2);
        const auto place = [&](const Path& path) {
            return sum(path.regs[from], number_between(offset, offset));
        };
        if (always([&](const Path& path) { return may_load(path, place(path), bytes); })) {
            line("r{} = *(u{} *)(r{} {:+})", to, 8 * bytes, from, offset);
            on_all([&](Path& path) { path.regs[to] = loaded(path, place(path), bytes); });
        }
    }

    void store_through(unsigned to, unsigned from) {
        const std::int64_t bytes = pick(2) == 0 ? 8 : 1 << pick(4);
        const std::int64_t offset = pick(2) == 0 ? 0 : 8 * (static_cast<int>(pick(5)) - 2);
        const auto place = [&](const Path& path) {
            return sum(path.regs[to], number_between(offset, offset));
        };
        if (always([&](const Path& path) {
                return may_store(path, place(path), bytes, path.regs[from]);
            })) {
            line("*(u{} *)(r{} {:+}) = r{}", 8 * bytes, to, offset, from);
            on_all([&](Path& path) { store(path, place(path), bytes, path.regs[from]); });
        }
    }

    void spill(unsigned from) {
        const unsigned slot = pick(8);
        if (always([&](const Path& path) { return path.regs[from].is != Is::nothing; })) {
            line("*(u64 *)(r10 {}) = r{}", place_of(slot), from);
            on_all([&](Path& path) { path.slots[slot] = path.regs[from]; });
        }
    }

    void fill(unsigned to) {
        const unsigned slot = pick(8);
        if (always([&](const Path& path) { return path.slots[slot].is != Is::nothing; })) {
            line("r{} = *(u64 *)(r10 {})", to, place_of(slot));
            on_all([&](Path& path) { path.regs[to] = path.slots[slot]; });
        }
    }

    // 32 bits of what may be an address, twice, and their difference.
    void halves(unsigned to, unsigned from) {
        if (to == 5 || from == 5 ||
            !always([&](const Path& path) { return path.regs[from].is != Is::nothing; })) {
            return;
        }
        line("w5 = w{}\nw{} = w{}\nw{} += {}\nw{} -= w5", from, to, from, to, pick(100), to);
        on_all([&](Path& path) {
            path.regs[to] = some_number();
            path.regs[5] = {};
        });
    }

    void compute(unsigned to) {
        if (!is_number(to)) {
            return;
        }
        constexpr std::array<std::string_view, 6> kOperations{"*= 7",  "^= 21", "<<= 3",
                                                              ">>= 2", "|= 5",  "s>>= 1"};
        if (pick(2) == 0) {
            const std::int64_t mask = pick(2) == 0 ? 8 : 15;
            line("r{} &= {}", to, mask);
            on_all([&](Path& path) { path.regs[to] = number_between(0, mask); });
            return;
        }
        line("r{} {}", to, kOperations[pick(kOperations.size())]);
        on_all([&](Path& path) { path.regs[to] = some_number(); });
    }

    void forget_arguments() {
        on_all([&](Path& path) {
            std::fill(path.regs.begin() + 1, path.regs.begin() + 6, Content{});
        });
    }

    // Two arguments that are an address together.
    void call_sum() {
        const unsigned first = any_reg(), second = any_reg();
        const auto place = [&](const Path& path) {
            return sum(path.regs[first], path.regs[second]);
        };
        if (second == 1 || !always([&](const Path& path) {
                return may_load(path, place(path), 8) &&
                       loaded(path, place(path), 8).is == Is::number;
            })) {
            return;
        }
        const std::string name = fmt::format("sum{}", pick(3));
        used_.insert(name);
        line("r1 = r{}\nr2 = r{}\nr3 = {}\ncall {}", first, second, pick(500), name);
        on_all([&](Path& path) {
            store(path, place(path), 8, some_number());
            path.regs[0] = some_number();
        });
        forget_arguments();
    }

    // One of two, as R9 says. An address of the stack is no answer.
    void call_pick() {
        const unsigned first = any_reg(), second = any_reg();
        const auto answers = [](Content one) {
            return one.is != Is::nothing && one.is != Is::stack;
        };
        if (second == 1 || paths_.size() * 2 > kPathsMost || !always([&](const Path& path) {
                return answers(path.regs[first]) && answers(path.regs[second]);
            })) {
            return;
        }
        used_.insert("choose");
        line("r1 = r{}\nr2 = r{}\nr3 = r9\ncall choose", first, second);
        Paths other = paths_;
        on_all([&](Path& path) { path.regs[0] = path.regs[first]; });
        for (Path& path : other) {
            path.regs[0] = path.regs[second];
        }
        paths_ = joined(paths_, other);
        forget_arguments();
    }

    void call_back() {
        const unsigned slot = pick(7);
        const auto holds = [&](unsigned at) {
            return always([&](const Path& path) { return path.slots[at].is == Is::number; });
        };
        if (!holds(slot) || !holds(slot + 1)) {
            return;
        }
        used_.insert("round");
        line("r1 = {}\nr2 = func[round]\nr3 = r10\nr3 += {}\nr4 = 0\ncall 181", 1 + pick(4),
             place_of(slot));
        on_all([&](Path& path) {
            path.slots[slot] = path.slots[slot + 1] = some_number();
            path.regs[0] = some_number();
        });
        forget_arguments();
    }

    // R0 is the value. Where it was not found, R0 is zero, and is used as that or becomes another
    // number.
    void look_up(unsigned depth) {
        if (paths_.size() * 2 > kPathsMost) {
            return;
        }
        const unsigned label = labels_++;
        line("r1 = r9\nr1 &= {}\n*(u32 *)(r10 - 8) = r1", pick(2) == 0 ? 1 : 4);
        line("r1 = map_idx[0]\nr2 = r10\nr2 += -8\ncall 1\nif r0 != 0 goto found{}", label);
        forget_arguments();
        Paths found = paths_;
        for (Path& path : found) {
            path.regs[0] = address_in(Is::value, 0);
        }
        const std::int64_t number = pick(2) == 0 ? 0 : 8 * pick(5);
        on_all([&](Path& path) { path.regs[0] = number_between(number, number); });
        if (number != 0) {
            line("r0 = {}", number);
        }
        block(pick(4), depth + 1);
        line("found{}:", label);
        paths_ = joined(paths_, found);
    }

    // Either side of a condition, and where they meet. `taken` and `paths_` are what each begins
    // with.
    void branch(std::string_view condition, Paths taken, unsigned depth) {
        const unsigned label = labels_++;
        line("if {} goto then{}", condition, label);
        block(pick(4), depth + 1);
        line("goto meet{}\nthen{}:", label, label);
        std::swap(paths_, taken);
        block(1 + pick(4), depth + 1);
        line("meet{}:", label);
        paths_ = joined(paths_, taken);
    }

    void fork(unsigned depth) {
        if (paths_.size() * 2 <= kPathsMost) {
            branch(fmt::format("r9 & {}", 1U << pick(4)), paths_, depth);
        }
    }

    // Ways on which a register is null apart from those on which it is not.
    void test_for_null(unsigned reg, unsigned depth) {
        Paths null, other;
        for (const Path& path : paths_) {
            const Content held = path.regs[reg];
            const bool may_be_number = held.is == Is::number;
            if (held.is == Is::nothing) {
                return;
            }
            if (may_be_number && (!held.is_bounded || (held.low <= 0 && held.high >= 0))) {
                null.push_back(path);
            }
            if (!may_be_number || !held.is_exact() || held.low != 0) {
                other.push_back(path);
            }
        }
        if (null.empty() || other.empty() || null.size() + other.size() > kPathsMost) {
            return;
        }
        paths_ = other;
        branch(fmt::format("r{} == 0", reg), null, depth);
    }

    // Everything that is the same thing on all ways is part of the answer.
    void end() {
        for (const unsigned reg : kFree) {
            const Is first = paths_.front().regs[reg].is;
            if (!always([&](const Path& path) { return path.regs[reg].is == first; }) ||
                first == Is::nothing) {
                continue;
            }
            if (first != Is::number) {
                line("r{} -= r{}", reg, first == Is::stack ? 10 : first == Is::value ? 7 : 6);
            }
            line("r9 *= 31\nr9 += r{}", reg);
        }
        for (unsigned slot = 0; slot < kStackBytes / 8; ++slot) {
            if (always([&](const Path& path) { return path.slots[slot].is == Is::number; })) {
                line("r1 = *(u64 *)(r10 {})\nr9 *= 31\nr9 += r1", place_of(slot));
            }
        }
        text_ += "r0 = r9\nexit\nnone:\nr0 = 1\nexit\n";
        functions();
    }

    void functions() {
        constexpr std::string_view kRest = "r0 = *(u64 *)(r1 + 0)\n*(u64 *)(r1 + 0) = r3\nexit\n";
        constexpr std::array<std::string_view, 3> kSums{"r1 += r2\n", "r2 += r1\nr1 = r2\n",
                                                        "r4 = r1\nr4 += r2\nr1 = r4\n"};
        for (const std::string& name : used_) {
            text_ += name + ":\n";
            if (name == "choose") {
                text_ += "r0 = r1\nif r3 & 1 goto chosen\nr0 = r2\nchosen:\nexit\n";
            } else if (name == "round") {
                text_ += "r4 = *(u64 *)(r2 + 0)\nr3 = 0\nif r4 & 1 goto other\nr3 = r2\nr2 = 8\n"
                         "other:\nr2 += r3\nr5 = *(u64 *)(r2 + 0)\nr5 *= 3\nr5 += r1\n"
                         "*(u64 *)(r2 + 0) = r5\nr0 = 0\nexit\n";
            } else {
                text_ += kSums[static_cast<std::size_t>(name.back() - '0')];
                text_ += kRest;
            }
        }
        if (used_.count("round") != 0) {
            text_ += "-- functions\n";
            for (const std::string& name : used_) {
                text_ += name + " static number number\n";
            }
        }
    }

    std::mt19937_64& random_;
    std::string text_;
    Paths paths_;
    std::set<std::string> used_;
    unsigned labels_ = 0;
};

} // namespace

std::string write_meeting(std::mt19937_64& random) { return Writer(random).write(); }

} // namespace skep::tests::soundness
